"""What the machine can hold: read without torch, so that the light server can ask at any time."""

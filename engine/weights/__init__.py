"""Weights on the disk: which there are, where they lie, and how they reach a device without a second copy."""

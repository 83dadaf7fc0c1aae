"""What the add-on puts into the scene; every call finds its objects anew and leaves no reference behind."""

"""Turns pictures into textured meshes; never imports bpy."""

__version__ = "0.1.0"

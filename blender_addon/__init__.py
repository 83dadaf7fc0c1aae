"""Maquette's Blender add-on: enabling it registers, disabling leaves nothing behind."""

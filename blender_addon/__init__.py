"""Maquette's Blender add-on: enabling it registers, disabling leaves nothing behind."""


def register() -> None:
    """Called by Blender when the add-on is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the add-on is disabled, and when Blender ends."""
    from . import registration

    registration.unregister()

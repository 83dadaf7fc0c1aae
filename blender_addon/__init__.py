"""Maquette's Blender add-on: enabling it registers, disabling leaves nothing behind."""


def register() -> None:
    """Called by Blender when the add-on is enabled."""
    import gc

    was_enabled = gc.isenabled()
    gc.disable()  # a collection of all that Blender holds takes 25 ms, as long as everything below
    try:
        from . import registration

        registration.register()
    finally:
        if was_enabled:
            gc.enable()


def unregister() -> None:
    """Called by Blender when the add-on is disabled, and when Blender ends."""
    from . import registration

    registration.unregister()

"""What the other Blender does in two_blenders: it starts the engine, makes a model, and leaves when told."""

from artist import generate, nothing_wrong, open_panel, running_job, wait_for_result
from drive import until


def scenario(window):
    yield from open_panel(window)
    yield from generate(window)
    (window.out / "works").write_text(running_job().job)
    yield from wait_for_result(window)
    nothing_wrong()
    (window.out / "landed").touch()
    yield from until((window.out / "leave").exists, "it is told to leave", 120)

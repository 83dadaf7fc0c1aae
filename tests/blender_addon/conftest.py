"""The add-on's files without bpy are imported from the repository, wherever pytest was started.

What needs `protocol` inside is imported as `maquette`, laid out as the built extension has it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests" / "engine"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import protocol.exits  # noqa: E402

# In the built extension it lies inside; files that need nothing else of it are imported from the repository.
sys.modules["blender_addon.protocol"] = protocol
sys.modules["blender_addon.protocol.exits"] = protocol.exits

import addon_bench  # noqa: E402 - it needs the path above
from addon_bench import Bench, Maquette  # noqa: E402


@pytest.fixture(scope="session")
def maquette(tmp_path_factory: pytest.TempPathFactory) -> Maquette:
    """The built add-on's files without bpy."""
    return addon_bench.import_built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def at(maquette: Maquette, tmp_path: Path) -> Iterator[Bench]:
    """A folder with a program that stands for the engine, and sessions on it; nothing of it survives."""
    made = Bench(maquette, tmp_path)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how long the main thread was held at most."""
    if addon_bench.FIGURES:
        terminalreporter.section("the add-on's session")
        for line in addon_bench.figures():
            terminalreporter.write_line(line)

"""Each scenario holds in a real Blender; run.py says how, README.md what for.

MAQUETTE_WINDOW_CHROOT and MAQUETTE_WINDOW_ENGINE name what setup.sh made; MAQUETTE_WINDOW_ADDON a built zip
(built here if it is not set); MAQUETTE_WINDOW_OUT where pictures, logs and times are kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from run import ROOT, Stage, clear, keep, play, prepare, scenarios

pytestmark = pytest.mark.window


def build(folder: Path) -> Path:
    """The extension's zip, built from the repository."""
    subprocess.run([sys.executable, str(ROOT / "build_addon.py"), "-o", str(folder)], check=True, cwd=ROOT)
    return next(folder.glob("*.zip"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A chroot with Blender, engine and add-on."""
    chroot = os.environ.get("MAQUETTE_WINDOW_CHROOT")
    if not chroot:
        pytest.skip("MAQUETTE_WINDOW_CHROOT names no chroot made by tests/window/setup.sh")
    folder = tmp_path_factory.mktemp("window")
    stage = Stage(
        chroot=Path(chroot).resolve(),
        addon=Path(os.environ.get("MAQUETTE_WINDOW_ADDON") or build(folder)),
        engine=os.environ.get("MAQUETTE_WINDOW_ENGINE", ""),
        out=Path(os.environ.get("MAQUETTE_WINDOW_OUT", folder / "out")),
    )
    prepare(stage)
    yield stage
    clear(stage)


@pytest.mark.parametrize("scenario", scenarios())
def test_the_scenario_holds_in_a_real_window(scenario: str, stage: Stage) -> None:
    outcome = play(stage, scenario)
    kept = keep(stage, scenario)
    assert outcome.reason == "", f"{outcome.reason} (pictures and logs: {kept})"

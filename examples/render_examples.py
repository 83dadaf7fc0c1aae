"""Every example picture can be made again from this folder: the scenes are code, nothing is loaded.

python examples/render_examples.py [--out DIR] [--only NAME ...] [--samples N]
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
MISSING = (
    "bpy, Blender as a Python module, is missing. Either install it (Python 3.11: pip install bpy==4.5.*)\n"
    "or let Blender run this script: blender --background --python examples/render_examples.py -- [options]\n"
)
AROUND_DEG = {"front": 0.0, "left": 90.0, "back": 180.0, "right": 270.0}
"""Camera azimuth of each view; left is the subject's own left."""


@dataclass(frozen=True)
class Picture:
    """One picture, its size and where its camera stands.

    `kind` is one of: cutout (alpha, framed on the subject), studio (the same before a cloth of the colour
    `backdrop`), room (everything in sight, JPEG), turnaround (four orthographic views with alpha).
    """

    name: str
    scene: str
    size_px: tuple[int, int]
    file: str
    azimuth_deg: float = 0.0
    elevation_deg: float = 0.0
    backdrop: str | None = None
    kind: str = "cutout"


PICTURES = (
    Picture("owl", "owl", (1024, 1024), "owl.png", elevation_deg=5),
    Picture("mug", "mug", (1024, 1024), "mug.png", elevation_deg=23),
    Picture("mushroom", "mushroom", (1024, 1024), "mushroom.jpg", 8, 6, backdrop="#b9cfd6", kind="studio"),
    Picture("desk", "desk", (1280, 960), "robot_on_desk.jpg", -6, 9, kind="room"),
    Picture("turnaround", "robot", (768, 768), "turnaround/{view}.png", kind="turnaround"),
)


def main(arguments: list[str]) -> int:
    """Render what was asked for; return the exit status: 0, or 1 when bpy is missing."""
    parser = argparse.ArgumentParser(prog="render_examples.py", description="Render the example pictures.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the pictures (default: this one)")
    parser.add_argument("--only", nargs="+", choices=[p.name for p in PICTURES], help="some of the pictures")
    parser.add_argument("--samples", type=int, default=24, help="samples a pixel (default: 24)")
    asked = parser.parse_args(arguments)
    if find_spec("bpy") is None:
        sys.stderr.write(MISSING)
        return 1
    sys.path.insert(0, str(HERE))
    for picture in PICTURES:
        if not asked.only or picture.name in asked.only:
            sys.stdout.write(f"Rendering {picture.name} ...\n")
            _make(picture, asked.out.resolve(), asked.samples)
    return 0


def _make(picture: Picture, out: Path, samples: int) -> None:
    studio = importlib.import_module("scenes.studio")  # needs bpy, so not at the top
    studio.clear(*picture.size_px)
    importlib.import_module(f"scenes.{picture.scene}").build()
    points = studio.subject_points()
    if picture.kind == "turnaround":
        for view, azimuth_deg in AROUND_DEG.items():
            studio.look_flat(points, azimuth_deg)
            studio.light(azimuth_deg)
            studio.render(out / picture.file.format(view=view), samples, alpha=True)
        return
    if picture.kind == "room":
        studio.aim((0.05, 0, 1.2), 9.5, picture.azimuth_deg, picture.elevation_deg, lens_mm=62)
    else:
        studio.look(points, picture.azimuth_deg, picture.elevation_deg)
    if picture.backdrop:
        studio.backdrop(picture.backdrop, drop_m=float(points[:, 2].min()))
    studio.light(picture.azimuth_deg)
    studio.render(out / picture.file, samples, alpha=picture.kind == "cutout")


if __name__ == "__main__":
    own = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    sys.exit(main(own))

"""Prints how good textures of bodies with known truth are: ours, the baseline's, and what the atlas allows.

python tests/engine/quality_table.py [--size 2048] [--bodies blobs rock] [--mode opt] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from texture_measures import shown
from textured_bodies import names
from texturing_trial import Figures, Subject, Textures, subject, tried

_HEAD = (
    "body     faces charts  use unseen |  ours  splat   gain  atlas | seen: ours splat |"
    " seam vis err (splat) | empty | bleed3 near bilin | hidden by 1, 2, 4, 6 views | ours s"
)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--size", type=int, default=2048, help="side of the texture in pixels")
    asked.add_argument("--views-size", type=int, default=2048, help="side of the six pictures in pixels")
    asked.add_argument(
        "--between-size", type=int, help="side of the pictures to judge by; half of --views-size"
    )
    asked.add_argument("--faces", type=int, default=40_000)
    asked.add_argument("--bodies", nargs="*", default=names(), choices=names())
    asked.add_argument("--mode", choices=("fast", "opt"), default="fast")
    asked.add_argument("--pictures", type=Path, help="a folder for pictures of truth, results and errors")
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    between_px = options.between_size or options.views_size // 2
    rows = []
    if not options.json:
        _say(_HEAD)
    for name in options.bodies:
        one = subject(name, options.size, options.views_size, between_px, options.faces, kept=True)
        figures, textures = tried(one, options.mode)
        rows.append(figures)
        if options.pictures:
            _save(options.pictures, one, textures)
        if not options.json:
            _say(_line(figures))
    if options.json:
        json.dump([{**asdict(row), "gain": row.gain} for row in rows], sys.stdout, indent=1)
    elif len(rows) > 1:
        psnrs, gains = [row.psnr for row in rows], [row.gain for row in rows]
        _say(
            f"mean: ours {np.mean(psnrs):.2f} dB, gain {np.mean(gains):+.2f} dB; "
            f"least {min(psnrs):.2f} and {min(gains):+.2f}"
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _line(f: Figures) -> str:
    hidden = " ".join(f"{value:5.1f}" for value in f.hidden.values())
    return (
        f"{f.name:8s} {f.n_faces:5d} {f.n_charts:6d} {f.use:.2f} {f.unseen:6.1%} | {f.psnr:5.2f}  "
        f"{max(f.splat_psnr, f.splat_own_psnr):5.2f} {f.gain:+6.2f}  {f.atlas_psnr:5.2f} | "
        f"     {f.seen_psnr:5.2f} {f.splat_seen_psnr:5.2f} | "
        f"{f.seams.visible:8.3f} {f.seams.error:.2f} "
        f"({f.splat_seams.visible:.2f} {f.splat_seams.error:.2f}) | "
        f"{f.unfilled:.2%} | {f.bleed_nearest.share:.3%} {f.bleed_bilinear.share:.3%} | {hidden} | "
        f"{f.seconds['ours']:.1f}"
    )


def _save(folder: Path, one: Subject, textures: Textures) -> None:
    """For each view from between: truth, ours, the baseline's; below them the errors, eight times."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(textures.ours).save(folder / f"{one.body.name}-texture.png")
    for number, view in enumerate(one.between):
        inside = view.inside[..., None]
        pictures = [view.truth, *(shown(view, texture) for texture in (textures.ours, textures.splat))]
        unseen = 1 - shown(view, textures.seen)
        errors = [unseen, *(np.clip(np.abs(p - view.truth) * 8, 0, 1) for p in pictures[1:])]
        rows = [np.concatenate([p * inside for p in row], axis=1) for row in (pictures, errors)]
        sheet = np.round(np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8)
        Image.fromarray(sheet).save(folder / f"{one.body.name}-{number:02d}.png")


if __name__ == "__main__":
    main()

"""The subject without its background: by the picture's own alpha, else a network, else by colour.

Whichever way it went is said, and a way that is only a fallback says so with the remedy. What comes out has a
subject: an empty one, a speck or a picture of one colour is refused with both numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput, WeightsMissing
from engine.imaging.grabcut import cut_without_network
from engine.imaging.networks import NETWORKS, find_networks, network_named
from engine.imaging.picture import Picture
from engine.imaging.segmentation import segment

Pixels = NDArray[np.uint8]

# A subject needs this many pixels along its longer side to have an outline at all.
MIN_SIDE_PX = 16
# Parts below this share of the largest are specks of the matte, not parts of the subject.
_SPECK = 0.002
_REMEDY = "Use a picture in which the subject is larger and stands out from its background."


@dataclass(frozen=True, eq=False)
class Cutout:
    """`rgba` (H, W, 4) uint8 sRGB, straight alpha; `method`: alpha, grabcut or a network's name; `notes`."""

    rgba: Pixels
    method: str
    notes: tuple[str, ...] = ()


def cut_out(picture: Picture, *, method: str = "auto", models_dir: Path) -> Cutout:
    """Frees the subject of `picture` from its background.

    `method` is "auto", "alpha", "grabcut" or the name of a network in engine.imaging.networks, whose file is
    looked for in `models_dir` and where rembg keeps its own. Raises BadInput if no subject is found,
    WeightsMissing if the network asked for is not here.
    """
    _refuse_blank(picture)
    if method == "alpha" or (method == "auto" and picture.has_alpha):
        if not picture.has_alpha:
            raise BadInput(
                f"{picture.name} has no transparent background to cut out by.",
                remedy="Save it with one, or leave the method to auto.",
            )
        return _finish(picture, picture.rgba, "alpha", ())
    found = find_networks(models_dir)
    if method not in ("auto", "grabcut") and method not in found:
        raise WeightsMissing(
            f"The network {method} is not on this computer ({method}.onnx).",
            remedy=f"Put {method}.onnx into {models_dir}, or leave the method to auto.",
        )
    named = next(iter(found), None) if method == "auto" else method
    if named is None or named == "grabcut":
        return _by_colour(picture, is_wanted=method == "grabcut")
    alphas = segment(picture.rgba[..., :3], network_named(named), found[named])
    rgba = np.dstack([picture.rgba[..., :3], np.round(alphas * 255).astype(np.uint8)])
    return _finish(picture, rgba, named, ())


def _by_colour(picture: Picture, *, is_wanted: bool) -> Cutout:
    guess = cut_without_network(picture.rgba[..., :3])
    notes = []
    better = (
        f"For a better one put {NETWORKS[0].name}.onnx into the models folder, or give a picture with alpha."
    )
    if not guess.is_sure:
        notes.append(
            f"The background of {picture.name} is busy: the cut-out (by GrabCut) is a guess. {better}"
        )
    elif not is_wanted:
        notes.append(
            f"{picture.name} was cut out by colour (a fallback without a network; the background is plain)."
        )
    return _finish(picture, guess.rgba, "grabcut", tuple(notes))


def _finish(picture: Picture, rgba: Pixels, method: str, notes: tuple[str, ...]) -> Cutout:
    """Drops specks, refuses what is no subject, and says what a user should know of the outline."""
    inside = rgba[..., 3] > 127
    if not inside.any():
        raise BadInput(
            f"No subject was found in {picture.name}: nothing in it is opaque (cut out by {method}).",
            remedy=_REMEDY,
        )
    n, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    is_speck = np.concatenate([[False], areas < _SPECK * areas.max()])
    if is_speck.any():
        rgba = rgba.copy()
        # A speck goes with its soft edge, but never takes the edge of what stays.
        near_speck = cv2.dilate(is_speck[labels].astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        kept = cv2.dilate((inside & ~is_speck[labels]).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(
            bool
        )
        rgba[is_speck[labels] | (near_speck & ~kept), 3] = 0
        inside = rgba[..., 3] > 127
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    width, height = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    if max(width, height) < MIN_SIDE_PX:
        raise BadInput(
            f"The subject of {picture.name} is only {width} x {height} pixels; one side needs {MIN_SIDE_PX}.",
            remedy=_REMEDY,
        )
    said = list(notes)
    at_edge = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
    if at_edge and method != "alpha":
        said.append(f"The subject of {picture.name} touches the picture's edge and may be cut off.")
    n_parts = n - 1 - int(is_speck.sum())
    if n_parts > 1:
        said.append(f"The subject of {picture.name} has {n_parts} separate parts.")
    return Cutout(rgba, method, tuple(said))


def _refuse_blank(picture: Picture) -> None:
    """Refuses what can have no subject, whatever the method."""
    alphas = picture.rgba[..., 3]
    if picture.has_alpha:
        if alphas.max() <= 127:
            raise BadInput(
                f"{picture.name} is fully transparent (its highest alpha is {alphas.max()} of 255).",
                remedy=_REMEDY,
            )
        return
    colours = picture.rgba[..., :3].reshape(-1, 3)
    spread = int((colours.max(axis=0).astype(int) - colours.min(axis=0)).max())
    if spread < 8:
        raise BadInput(
            f"{picture.name} is of one colour (no channel varies by more than {spread} of 255).",
            remedy=_REMEDY,
        )

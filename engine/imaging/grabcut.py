"""A cut-out that needs no network: exact on a plain backdrop, a guess on clutter, and it knows which.

On a plain backdrop the subject is what the backdrop's colour cannot explain, with holes where it shows again
and an alpha solved from the mix of two known colours. On clutter GrabCut (Rother, Kolmogorov and Blake, 2004)
starts from what lies in the middle, behind edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.graph import MCP

from engine.imaging.backdrop import Backdrop, border_ring, find_backdrop, reaching_border, to_lab
from engine.imaging.shadow import soft_shadow

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

_CLUTTER_SIDE_PX = 320  # GrabCut gains nothing from more, and takes its time
_CLUTTER_ROUNDS = 5
# The superellipse outside which there is no subject: its distance from the edge, and how square it is.
_PRIOR_BORDER, _PRIOR_POWER = 0.08, 4
# The share of it that is most promising is where GrabCut starts from. Measured over six kinds of clutter
# (2026-11, docs/cutout.md); starting from all of it gives a mean IoU lower by 0.04 to 0.08.
_START_SHARE = 0.5
_PROMISE_SIDE_PX, _CONTRAST_CAP, _CENTRE_WEIGHT = 160, 300.0, 0.5
_SECOND_ROUNDS = 2
_LEAST_PX, _LEAST_KEPT = 50, 0.4


@dataclass(frozen=True, eq=False)
class Guess:
    """`rgba` (H, W, 4) uint8 sRGB; `is_sure` unless the backdrop was clutter; `unrest` of the backdrop."""

    rgba: Pixels
    is_sure: bool
    unrest: float


def cut_without_network(rgb: Pixels) -> Guess:
    """Cuts the subject out of `rgb` (H, W, 3) uint8 sRGB; the same picture always gives the same result."""
    backdrop = find_backdrop(rgb)
    if backdrop.is_plain:
        mask = _subject_before(rgb, backdrop)
        return Guess(_solve_alpha(rgb, mask, backdrop), True, backdrop.unrest)
    return Guess(_soften(rgb, _grab(rgb)), False, backdrop.unrest)


def _subject_before(rgb: Pixels, backdrop: Backdrop) -> Bools:
    """The subject's mask (H, W) on a plain backdrop."""
    mask = ~_without_leaks(backdrop)
    shadow = soft_shadow(rgb, backdrop, mask).astype(np.uint8)
    mask &= ~cv2.dilate(shadow, np.ones((3, 3), np.uint8)).astype(bool)
    mask &= ~_holes(rgb, backdrop, mask)
    return _without_specks(mask, backdrop.differences)


def _without_leaks(backdrop: Backdrop) -> Bools:
    """The outside, less what it only reaches through a gap too narrow to be real.

    Where a subject has the backdrop's colour at its edge, the outside leaks into it through a few pixels.
    """
    outside = backdrop.outside
    height, width = outside.shape
    neck = max(1, round(0.006 * max(height, width)))
    padded = np.pad(outside, 1, constant_values=True).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    core = reaching_border(depth > neck)
    near = cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 5) <= neck + 1.5
    wide = outside & near
    _, labels, stats, _ = cv2.connectedComponentsWithStats((outside & ~wide).astype(np.uint8), connectivity=4)
    is_leak = stats[:, cv2.CC_STAT_AREA] >= 0.0003 * height * width
    is_leak[0] = False
    return np.asarray(outside & ~is_leak[labels])


def _holes(rgb: Pixels, backdrop: Backdrop, mask: Bools) -> Bools:
    """Enclosed places where the backdrop shows: its very colour, as even as outside, with a sharp edge.

    A patch of the subject that happens to resemble the backdrop fails one of the three.
    """
    differences, threshold = backdrop.differences, backdrop.threshold
    residual = to_lab(rgb.astype(np.float32)) - to_lab(backdrop.colours)
    outside_spread = float(np.sqrt(np.mean(np.clip(residual[~mask], -3 * threshold, 3 * threshold) ** 2)))
    steep = cv2.dilate(differences, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    candidates = (differences < threshold) & mask
    n, labels, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8), connectivity=4)
    holes = np.zeros_like(mask)
    for number in range(1, n):
        x, y, width, height, area = stats[number]
        if area < max(12, 0.0005 * mask.sum()):
            continue
        window = np.s_[max(0, y - 2) : y + height + 2, max(0, x - 2) : x + width + 2]
        part = labels[window] == number
        edge = (
            cv2.dilate(part.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~part & mask[window]
        )
        sharpness = (steep[window][edge] > 12).mean() if edge.any() else 0.0
        depth = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        core = residual[window][depth >= 0.5 * depth.max()]
        offset = float(np.linalg.norm(np.median(core, axis=0)))
        is_hole = (
            sharpness > 0.65
            and offset <= max(0.6, 0.25 * threshold)
            and core.std() <= max(1.5 * outside_spread + 0.3, 0.25 * threshold)
        )
        if is_hole:
            holes[window] |= part
    return holes


def _without_specks(mask: Bools, differences: Floats) -> Bools:
    """Drops parts below 0.3 % of the largest, and small ones that hardly differ from the backdrop."""
    n, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if n <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    strongest = np.zeros(n)
    np.maximum.at(strongest, labels.ravel(), differences.ravel())
    kept = (areas >= 0.003 * areas.max()) & ((strongest > 10) | (areas == areas.max()))
    kept[0] = False
    return np.asarray(kept[labels])


def _solve_alpha(rgb: Pixels, mask: Bools, backdrop: Backdrop) -> Pixels:
    """Alpha in a band around the mask's edge, from I = a F + (1 - a) B, and F there without the backdrop.

    F is carried outward from three pixels inside. Where F and B are alike the mask's own softened edge is
    trusted instead.
    """
    picture = rgb.astype(np.float32)
    inner = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outer = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    doubtful = 1e-3 * np.clip(inner / 3, 0, 1) ** 2 * (backdrop.differences / 50) ** 2 + 1e-9
    weight = np.where(inner >= 3, 1.0, np.where(mask, doubtful, 0)).astype(np.float32)
    carried = cv2.GaussianBlur(picture * weight[..., None], (0, 0), 2.0)
    subject = carried / np.maximum(cv2.GaussianBlur(weight, (0, 0), 2.0), 1e-12)[..., None]
    apart = subject - backdrop.colours
    distance = np.einsum("hwc,hwc->hw", apart, apart)
    mixed = np.einsum("hwc,hwc->hw", picture - backdrop.colours, apart) / np.maximum(distance, 1e-6)
    trust = distance / (distance + (4 * backdrop.threshold) ** 2)
    softened = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
    alpha = np.clip(mixed * trust + softened * (1 - trust), 0, 1)
    alpha = np.where(inner >= 3, 1, np.where(outer >= 2.5, 0, alpha))
    alpha = np.where(alpha < 0.02, 0, np.where(alpha > 0.98, 1, alpha))
    # Unmix: what is left of a pixel's colour without the backdrop's share; near alpha 0 the carried colour.
    unmixed = (picture - (1 - alpha[..., None]) * backdrop.colours) / np.maximum(alpha[..., None], 0.3)
    in_band = ((alpha > 0) & (alpha < 1))[..., None]
    share = np.clip(alpha[..., None] * 2 - 0.6, 0, 1)
    colours = np.where(in_band, unmixed * share + subject * (1 - share), picture)
    return _joined(colours, alpha)


def _grab(rgb: Pixels) -> Bools:
    """GrabCut's mask of a cluttered picture, at a reduced size."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _CLUTTER_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    prior = _superellipse(size[1], size[0])
    promise = _promise(small)
    start = prior & (promise > np.quantile(promise[prior], 1 - _START_SHARE))
    first = _grabbed(small, start, prior, _CLUTTER_ROUNDS)
    if (first & start).sum() < _LEAST_KEPT * start.sum():  # it took the clutter for the subject
        first = _grabbed(small, prior, prior, _CLUTTER_ROUNDS)
    if first.sum() < _LEAST_PX:
        return prior
    # Again from the first answer without its scraps, and from there it may grow.
    mask = _grabbed(small, _tidied(first), prior, _SECOND_ROUNDS)
    return _tidied(mask if mask.sum() >= _LEAST_PX else first)


def _grabbed(small: Pixels, start: Bools, prior: Bools, n_rounds: int) -> Bools:
    """What GrabCut makes of `start`; it may take the rest of `prior`, and nothing outside of both."""
    labels = np.where(start, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[~start & ~prior] = cv2.GC_BGD
    if start.sum() < _LEAST_PX:
        return start
    cv2.setRNGSeed(1)
    cv2.grabCut(small, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), n_rounds, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _promise(small: Pixels) -> Floats:
    """How likely a pixel is the subject: its rank in being hard to reach from the edge, less off-centre.

    To reach costs the squared contrasts on the easiest way (a geodesic distance), each of them capped, lest
    one bright spot of the clutter outweigh the subject's whole outline.
    """
    height, width = small.shape[:2]
    scale = min(1.0, _PROMISE_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    lab = to_lab(cv2.resize(small, size, interpolation=cv2.INTER_AREA).astype(np.float32))
    calm = cv2.GaussianBlur(lab, (0, 0), 0.8)
    across, down = (cv2.Sobel(calm, cv2.CV_32F, x, 1 - x, scale=0.25) for x in (1, 0))
    contrasts = np.einsum("hwc,hwc->hw", across, across) + np.einsum("hwc,hwc->hw", down, down)
    # A little for every step, so that of two ways without an edge the shorter one counts.
    costs = np.pad(np.minimum(contrasts, _CONTRAST_CAP), 1) + 0.6
    reached = MCP(costs).find_costs([(0, 0)])[0][1:-1, 1:-1]
    ranks = reached.ravel().argsort(kind="stable").argsort().reshape(reached.shape) / reached.size
    y = np.linspace(-1, 1, size[1])[:, None]
    x = np.linspace(-1, 1, size[0])[None]
    promise = ranks - _CENTRE_WEIGHT * np.hypot(x, y)
    return np.asarray(cv2.resize(promise.astype(np.float32), (width, height)), np.float32)


def _superellipse(height: int, width: int) -> Bools:
    inset = _PRIOR_BORDER * min(height, width)
    y = np.abs((np.arange(height) + 0.5) - height / 2)[:, None] / (height / 2 - inset)
    x = np.abs((np.arange(width) + 0.5) - width / 2)[None] / (width / 2 - inset)
    return np.asarray(x**_PRIOR_POWER + y**_PRIOR_POWER < 1)


def _tidied(mask: Bools) -> Bools:
    """Without parts below 5 % of the largest, and without holes below 3 % of the whole."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    mask = (areas >= 0.05 * areas.max())[labels] & mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    is_small = stats[:, cv2.CC_STAT_AREA] < 0.03 * mask.sum()
    is_small[0] = False
    is_small[np.unique(labels[border_ring(mask.shape[0], mask.shape[1], 0)])] = False
    return np.asarray(mask | is_small[labels])


def _soften(rgb: Pixels, mask: Bools) -> Pixels:
    """The small mask at the picture's size, its steps smoothed into a soft edge."""
    height, width = rgb.shape[:2]
    large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    step_px = max(1.0, max(height, width) / max(mask.shape))
    smooth = cv2.GaussianBlur(large, (0, 0), 0.7 * step_px)
    alpha = np.clip((smooth - 0.5) * 1.5 * step_px + 0.5, 0, 1)
    return _joined(rgb.astype(np.float32), alpha)


def _joined(colours: Floats, alpha: Floats) -> Pixels:
    rgba = np.concatenate([np.clip(colours, 0, 255), alpha[..., None] * 255], axis=2)
    return np.round(rgba).astype(np.uint8)

"""A network, from a local file, says for each pixel how much it belongs to the subject.

ONNX files are data: running one executes no code of its own. It runs on the processor, so that the graphics
card stays free for what needs it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.imaging.networks import CutoutNetwork

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def segment(rgb: Pixels, network: CutoutNetwork, file: Path) -> Floats:
    """How much each pixel (H, W) of `rgb` (H, W, 3) uint8 sRGB belongs to the subject, in [0, 1].

    Raises BadInput if `file` is no ONNX network, or not this one.
    """
    import onnxruntime

    height, width = rgb.shape[:2]
    side = network.side_px
    small = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_LANCZOS4).astype(np.float32)
    small /= max(float(small.max()), 1e-6)
    normalised = (small - np.array(network.means)) / np.array(network.deviations)
    batch = np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], np.float32)
    remedy = "Delete the file, or put the right one in its place."
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        answer = session.run(None, {session.get_inputs()[0].name: batch})[0]
    except Exception as error:  # onnxruntime's errors have no common base of their own
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInput(
            f"The network {network.name} in {file} cannot be run: {reason}",
            remedy=remedy,
            action="download_models",
        ) from error
    if np.size(answer) != side * side:
        raise BadInput(
            f"{file} answers with {np.shape(answer)}; {network.name} has {side} x {side} values.",
            remedy=remedy,
            action="download_models",
        )
    values = np.asarray(answer, np.float32).reshape(side, side)
    if not np.isfinite(values).all():
        raise BadInput(f"{file} answers with what is no number.", remedy=remedy, action="download_models")
    if network.is_logit:
        values = np.asarray(1 / (1 + np.exp(-values)), np.float32)
    low, high = float(values.min()), float(values.max())
    if high - low > 1e-6:
        values = (values - low) / (high - low)
    large = cv2.resize(values, (width, height), interpolation=cv2.INTER_LANCZOS4)
    return np.asarray(np.clip(large, 0, 1), np.float32)

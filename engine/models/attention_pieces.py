"""Where a device has no fused kernel, attention takes its queries in pieces: every row is whole, and exact.

A row of the softmax needs its own query and all keys, so queries can be cut anywhere. What torch falls back
to writes its scores down: over 24,576 tokens in 5 heads that is 11 GiB in float32, and 1 GiB is too much.
"""

from __future__ import annotations

from typing import Any

import torch

from engine.models.attention import attend

Tensor = Any

# Scores that may be written down at once, counted in float32. The fallback holds about three of them.
SCORES_BYTES = 64 * 1024**2
_SCORE_BYTES = 4


def attend_any(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """As `attend`, (B, H, L, D), within bounded memory on every device."""
    n_rows = queries.shape[0] * queries.shape[1] * queries.shape[2]
    if n_rows * keys.shape[2] * _SCORE_BYTES <= SCORES_BYTES or _is_fused(queries, keys, values):
        return attend(queries, keys, values)
    return attend_in_pieces(queries, keys, values, SCORES_BYTES)


def attend_in_pieces(queries: Tensor, keys: Tensor, values: Tensor, scores_bytes: int) -> Tensor:
    """As `attend`, with so many queries at a time that their scores take `scores_bytes` at most.

    One query is the least, whatever its scores take.
    """
    row_bytes = queries.shape[0] * queries.shape[1] * keys.shape[2] * _SCORE_BYTES
    n_at_once = max(1, scores_bytes // row_bytes)
    attended = torch.empty_like(queries)
    for start in range(0, queries.shape[2], n_at_once):
        piece = slice(start, start + n_at_once)
        attended[:, :, piece] = attend(queries[:, :, piece], keys, values)
    return attended


def _is_fused(queries: Tensor, keys: Tensor, values: Tensor) -> bool:
    """Whether torch has a kernel for these tensors that does not write the scores down."""
    if queries.device.type == "cpu":  # its own flash kernel takes every length and kind of numbers
        return bool(torch.backends.cuda.flash_sdp_enabled())
    if queries.device.type != "cuda":
        return False
    asked = torch.backends.cuda.SDPAParams(queries, keys, values, None, 0.0, False, False)
    return bool(
        torch.backends.cuda.can_use_flash_attention(asked)
        or torch.backends.cuda.can_use_efficient_attention(asked)
        or torch.backends.cuda.can_use_cudnn_attention(asked)
    )

"""A network that gave NaN or infinity is found where it happened, before its numbers become a result."""

from __future__ import annotations

from typing import Any

import torch

Tensor = Any


class NotFinite(Exception):
    """Raised for NaN or infinity; `where` says in which network or step."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where} gave values that are not finite")
        self.where = where


def check_finite(values: Tensor, where: str) -> None:
    """Raises NotFinite if any of `values` is NaN or infinite; waits for the device."""
    if not torch.isfinite(values).all():
        raise NotFinite(where)

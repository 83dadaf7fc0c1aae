"""What is made half way is unmade: a failure leaves no datablock behind."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

import bpy

Made = TypeVar("Made", bound=bpy.types.ID)


class Making:
    """Within `with`, each datablock given to `keep` is removed again if the block ends in an error."""

    def __init__(self) -> None:
        self._made: list[bpy.types.ID] = []

    def __enter__(self) -> Making:
        return self

    def keep(self, made: Made) -> Made:
        """The same datablock, from now on removed on failure."""
        self._made.append(made)
        return made

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._made:
            bpy.data.batch_remove(self._made)
        self._made.clear()

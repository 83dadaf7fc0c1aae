"""A result carries all that the asset needs, so that whoever takes it writes the same file byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from .arrays import Image, Mesh
from .names import COLOUR_SPACES
from .requests import JobId
from .rules import Illegal, Items, Plain, Record, Text

PlainMap = Annotated[Mapping[str, object], Plain()]
Note = Annotated[str, Text(2000, low=1)]


@dataclass(frozen=True)
class NamedImage(Record):
    """A texture: what it is for ("base_color", "normal", ...), what its numbers mean, its file's bytes."""

    name: Annotated[str, Text(64, low=1, pattern="[a-z][a-z0-9_]*")]
    colour_space: Annotated[str, Text(16, names=COLOUR_SPACES)]
    image: Image


@dataclass(frozen=True)
class Result(Record):
    """What a generate job made: mesh, textures (top row first), provenance, and the report of its stages."""

    job: JobId
    mesh: Mesh
    images: Annotated[tuple[NamedImage, ...], Items(16)]
    provenance: PlainMap
    report: PlainMap

    def check(self) -> None:
        """Refuses two textures of one name."""
        names = [image.name for image in self.images]
        if len(set(names)) < len(names):
            raise Illegal("Result.images", f"has a name twice: {', '.join(names)}")


@dataclass(frozen=True)
class CutoutReady(Record):
    """What a cut-out job made: RGBA, the method that found the outline, and what to know about it."""

    job: JobId
    image: Image
    method: Annotated[str, Text(64)]
    notes: Annotated[tuple[Note, ...], Items(100)] = ()

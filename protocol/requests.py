"""A request says all that a job needs; nothing else, except the models on the disk, changes what is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from .arrays import Image
from .names import BACKENDS, PRESETS, VIEWS
from .rules import Illegal, Items, Real, Record, Text, Whole

JOB_ID = Text(64, low=1, pattern="[A-Za-z0-9_-]+")  # chosen by the client; a UUID will do
JobId = Annotated[str, JOB_ID]
Seed = Annotated[int, Whole(0, 2**63 - 1)]
Settings = Annotated[
    tuple[tuple[Annotated[str, Text(64, pattern=r"[a-z_]+\.[a-z0-9_]+")], Annotated[str, Text(200)]], ...],
    Items(200),
]


@dataclass(frozen=True)
class ViewPicture(Record):
    """One picture, the side of the object that it shows, and the name by which messages speak of it."""

    view: Annotated[str, Text(16, names=VIEWS)]
    name: Annotated[str, Text(255)]
    image: Image


@dataclass(frozen=True)
class GenerateRequest(Record):
    """Pictures in, a textured mesh out.

    `faces` and `texture_size_px` are the preset's where they are None; `settings` are ("stage.key", text)
    pairs that come after both. `vram_limit_gib` caps the GPU memory of the job, in GiB.
    """

    pictures: Annotated[tuple[ViewPicture, ...], Items(len(VIEWS), low=1)]
    backend: Annotated[str, Text(32, names=BACKENDS)] = "silhouette"
    preset: Annotated[str, Text(32, names=PRESETS)] = "auto"
    seed: Seed = 0
    faces: Annotated[int, Whole(4, 10_000_000)] | None = None
    texture_size_px: Annotated[int, Whole(16, 16_384)] | None = None
    settings: Settings = ()
    vram_limit_gib: Annotated[float, Real(0.0, 4096.0)] | None = None

    def check(self) -> None:
        """Refuses two pictures of one view and a setting given twice."""
        _check_once("GenerateRequest.pictures", (picture.view for picture in self.pictures))
        _check_once("GenerateRequest.settings", (key for key, _ in self.settings))


@dataclass(frozen=True)
class CutoutRequest(Record):
    """One picture in, the same with a transparent background out: it can be seen before time is spent."""

    picture: ViewPicture
    settings: Settings = ()

    def check(self) -> None:
        """Refuses a setting given twice."""
        _check_once("CutoutRequest.settings", (key for key, _ in self.settings))


Request = GenerateRequest | CutoutRequest


def _check_once(field: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Illegal(field, f"has {name!r} twice")
        seen.add(name)

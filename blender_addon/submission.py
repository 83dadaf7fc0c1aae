"""From a wish to jobs: the pictures of each model, its place, its settings, and off to the engine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as words

from . import clock, pictures, preferences
from .pictures import PictureUnusable
from .properties import GUIDANCE, MaquetteScene, views_of
from .protocol.faults import Fault, fitted
from .protocol.names import VIEWS
from .protocol.requests import GenerateRequest, ViewPicture
from .protocol.rules import Illegal
from .scene import placement

_GAP = 1.2  # between models in a row, in heights


@dataclass(frozen=True)
class Wish:
    """What is to be made; what is None is as the panel says.

    `paths` are pictures on the disk, `image` the name of an image datablock; without both it is about the
    pictures of the panel. `are_views`: several paths show sides of one subject, which their names tell.
    """

    paths: tuple[Path, ...] = ()
    image: str = ""
    are_views: bool = False
    backend: str | None = None
    preset: str | None = None
    seed: int | None = None
    height: float | None = None
    location: tuple[float, float, float] | None = None


class Refused(Exception):
    """The wish cannot be met: `fault` says why and what to do."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def submit(context: bpy.types.Context, wish: Wish) -> list[str]:
    """Asks the engine for all models of `wish`, returns their jobs; Refused means that it asked for none."""
    try:
        choices, limit = context.scene.maquette, preferences.options().vram_limit_gib
        orders = [
            (_request(choices, wish, views, limit), _place(context, choices, wish, number))
            for number, views in enumerate(_pictures(choices, wish))
        ]
    except PictureUnusable as error:
        raise Refused(error.fault) from error
    except placement.CannotPlace as error:
        raise Refused(Fault("bad_input", fitted(error.message, 2000), error.remedy)) from error
    except Illegal as error:
        raise Refused(Fault("bad_request", fitted(str(error), 2000))) from error
    session = clock.session()
    session.clear_fault()
    return [
        session.submit(made, Path(made.pictures[0].name).stem, place, time.monotonic())
        for made, place in orders
    ]


def _request(
    choices: MaquetteScene, wish: Wish, views: tuple[ViewPicture, ...], limit: float | None
) -> GenerateRequest:
    backend = wish.backend or choices.backend
    return GenerateRequest(
        views,
        backend=backend,
        preset=wish.preset or choices.preset,
        seed=choices.seed if wish.seed is None else wish.seed,
        faces=choices.faces or None,
        texture_size_px=int(choices.texture_size) or None,
        settings=settings_of(choices, backend),
        vram_limit_gib=limit,
    )


def settings_of(choices: MaquetteScene, backend: str) -> tuple[tuple[str, str], ...]:
    """The settings of the engine that the panel's choices change, of those that `backend` has."""
    if backend == "silhouette":
        return (("shape.depth", f"{choices.depth:.3f}"),) if choices.use_depth else ()
    changed = (
        ("load.model", choices.model, backend == "hunyuan3d-2" and choices.model != "auto"),
        ("shape.octree", choices.octree, choices.octree != "0"),
        ("shape.steps", str(choices.steps), choices.steps > 0),
        ("shape.guidance", f"{choices.guidance:.2f}", abs(choices.guidance - GUIDANCE) >= 0.005),
    )
    return tuple((key, text) for key, text, is_changed in changed if is_changed)


def _place(context: bpy.types.Context, choices: MaquetteScene, wish: Wish, number: int) -> placement.Place:
    """Where model number `number` of the wish will stand: the first on the spot, the others to its right."""
    height = wish.height or choices.height
    is_panel = not wish.paths and not wish.image
    if wish.location is None and is_panel and choices.size_mode == "FIT":
        return placement.at_selected(context)
    x, y, z = wish.location or context.scene.cursor.location
    return placement.place_in(context, (x + _GAP * height * number, y, z), placement.Height(height))


def _pictures(choices: MaquetteScene, wish: Wish) -> list[tuple[ViewPicture, ...]]:
    """The pictures of each model."""
    if wish.image:
        found = bpy.data.images.get(wish.image)
        if found is None:
            raise PictureUnusable(words('There is no image "{name}".').format(name=wish.image))
        return [(pictures.picture_of(found, "front"),)]
    if not wish.paths:
        return [_panel_pictures(choices, wish.backend or choices.backend)]
    if wish.are_views and len(wish.paths) > 1:
        return [_named_views(wish.paths)]
    return [(pictures.picture_at(path, "front"),) for path in wish.paths]


def _panel_pictures(choices: MaquetteScene, backend: str) -> tuple[ViewPicture, ...]:
    """The pictures of the panel that the backend can use."""
    chosen = views_of(choices)
    if not chosen:
        raise PictureUnusable(
            words("No picture is chosen."), "Choose one in the panel, or drop one into the 3D view."
        )
    welcome = clock.welcome()
    usable = (
        next((each.views for each in welcome.backends if each.name == backend), VIEWS) if welcome else VIEWS
    )
    usable_ones = tuple(pictures.picture_of(image, view) for view, image in chosen.items() if view in usable)
    if not usable_ones:
        raise PictureUnusable(
            words("This method cannot use any of the pictures."), "Choose a front picture, or another method."
        )
    return usable_ones


def _named_views(paths: tuple[Path, ...]) -> tuple[ViewPicture, ...]:
    """Pictures whose names tell their views."""
    views = [view_in_name(path.name) for path in paths]
    for path, view in zip(paths, views, strict=True):
        if not view or views.count(view) > 1:
            told = words('The name "{name}" tells no side, or one that another picture shows too.')
            raise PictureUnusable(
                told.format(name=path.name),
                "Put one of front, back, left, right, top, bottom into each name, or make one model of each.",
            )
    return tuple(pictures.picture_at(path, view) for path, view in zip(paths, views, strict=True))


def view_in_name(name: str) -> str:
    """The view that a file name tells ("chair_left.png"), empty if it tells none or several."""
    parts = "".join(letter if letter.isalpha() else " " for letter in Path(name).stem.lower()).split()
    found = [view for view in VIEWS if view in parts]
    return found[0] if len(found) == 1 else ""

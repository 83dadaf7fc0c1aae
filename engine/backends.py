"""Says which backends there are, which can run here, and for those that cannot, why and what would help.

A backend that is not built into this version is listed as just that: nothing is offered that cannot run,
and nothing that will come is kept quiet. No torch is imported: the light server tells this to Blender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import BadRequest
from engine.memory.device import Device
from protocol.names import VIEWS

DEFAULT_BACKEND = "silhouette"

_NOT_BUILT = "It is not in this version of the engine."
_NOT_BUILT_REMEDY = "Use the backend silhouette, or a later version of Maquette."


@dataclass(frozen=True)
class Backend:
    """One way from pictures to a mesh, and whether it can run on this machine now.

    `views` are the names of the pictures that it accepts, the required one first. `licence` is the one that
    binds results and weights. `reason` and `remedy` are empty when `is_available`. `note` is what the user
    should know when it runs. `needs_weights` tells a download apart from what no download mends.
    """

    name: str
    summary: str
    licence: str
    views: tuple[str, ...]
    is_available: bool
    reason: str = ""
    remedy: str = ""
    note: str = ""
    needs_weights: bool = False


def available_backends(models_dir: Path, device: Device) -> tuple[Backend, ...]:
    """Every backend that the engine knows, the default first, judged for `models_dir` and `device`.

    In this version silhouette alone is built in, which needs neither weights nor a card, so the two
    arguments decide nothing yet.
    """
    del models_dir, device
    return (
        Backend(
            name="silhouette",
            summary="The outline of one picture inflated, or the common volume of several; no network.",
            licence="GPL-3.0-or-later (code); results are yours",
            views=VIEWS,
            is_available=True,
        ),
        Backend(
            name="hunyuan3d-2",
            summary="Hunyuan3D-2: shape and texture networks by Tencent.",
            licence="Tencent Hunyuan 3D 2.0 Community License; not for use in the EU, the UK and South Korea",
            views=("front", "left", "back", "right"),
            is_available=False,
            reason=_NOT_BUILT,
            remedy=_NOT_BUILT_REMEDY,
            needs_weights=True,
        ),
        Backend(
            name="trellis",
            summary="TRELLIS-image-large: structured latents by Microsoft.",
            licence="MIT",
            views=("front",),
            is_available=False,
            reason=_NOT_BUILT,
            remedy=_NOT_BUILT_REMEDY,
            needs_weights=True,
        ),
    )


def choose_backend(name: str | None, backends: Sequence[Backend]) -> Backend:
    """The backend called `name`, or the default for None, whose note then says why it was chosen.

    Raises `BadRequest` for a name that no backend has (the message lists those there are) and for a
    backend that cannot run here (the message is its reason).
    """
    by_name = {backend.name: backend for backend in backends}
    if name is None:
        chosen = by_name[DEFAULT_BACKEND]
        return replace(chosen, note=_explain_default(backends))
    if name not in by_name:
        raise BadRequest(f'There is no backend "{name[:80]}".', remedy=f"Backends: {', '.join(by_name)}.")
    chosen = by_name[name]
    if not chosen.is_available:
        raise BadRequest(f"The backend {name} cannot run here. {chosen.reason}", remedy=chosen.remedy)
    return chosen


def _explain_default(backends: Sequence[Backend]) -> str:
    """Why the default was taken and what that means for the result."""
    others = [backend.name for backend in backends if backend.name != DEFAULT_BACKEND]
    ready = [backend.name for backend in backends if backend.is_available and backend.name in others]
    if ready:
        return (
            f"The draft backend {DEFAULT_BACKEND} is used; {' and '.join(ready)} could run too (--backend)."
        )
    return (
        f"The draft backend {DEFAULT_BACKEND} is used: it inflates outlines and invents nothing that the "
        f"pictures do not show. No backend with a network can run here yet ({', '.join(others)})."
    )

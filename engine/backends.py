"""Says which backends there are, which can run here, and for those that cannot, why and what would help.

A backend that is not built into this version is listed as just that: nothing is offered that cannot run,
and nothing that will come is kept quiet. No torch is imported: the light server tells this to Blender.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import BadRequest, WeightsMissing
from engine.memory.device import Device
from engine.weights.inventory import GIB, SHAPE_MODELS, TENCENT, Search, search
from protocol.faults import fitted
from protocol.names import VIEWS

DEFAULT_BACKEND = "silhouette"  # the one that runs everywhere

_NOT_BUILT = "It is not in this version of the engine."
_NOT_BUILT_REMEDY = "Use the backend silhouette, or a later version of Maquette."
_MAX_WORDS = 2000  # of a reason or a remedy on the wire
_RECOMMENDED = "2.0-turbo"  # least computing of all, see engine.settings


@dataclass(frozen=True)
class Backend:
    """One way from pictures to a mesh, and whether it can run on this machine now.

    `views` are the names of the pictures that it accepts, the required one first. `licence` is the one that
    binds results and weights. `reason` and `remedy` are empty when `is_available`. `note` is what the user
    should know when it runs. `needs_weights` tells a download apart from what no download mends. `is_default`
    holds for the one that is taken if none is named.
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
    is_default: bool = False


def available_backends(
    models_dir: Path,
    device: Device,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> tuple[Backend, ...]:
    """Every backend that the engine knows, silhouette first, judged for `models_dir` and `device`.

    Weights are looked for in `models_dir` and where other programs keep them; `environment` and `home` stand
    in for the process's own.
    """
    hunyuan = _judge_hunyuan([search(models_dir, model, environment, home) for model in SHAPE_MODELS], device)
    return (
        Backend(
            name="silhouette",
            summary="The outline of one picture inflated, or the common volume of several; no network.",
            licence="GPL-3.0-or-later (code); results are yours",
            views=VIEWS,
            is_available=True,
            is_default=not hunyuan.is_default,
        ),
        hunyuan,
        Backend(
            name="trellis",
            summary="TRELLIS-image-large: structured latents by Microsoft.",
            licence="MIT",
            views=("front",),
            is_available=False,
            reason=_NOT_BUILT,
            remedy=_NOT_BUILT_REMEDY,
        ),
    )


def choose_backend(name: str | None, backends: Sequence[Backend]) -> Backend:
    """The backend called `name`, or the default for None, whose note then says why it was chosen.

    Raises `BadRequest` for a name that no backend has (the message lists those there are) and for a
    backend that cannot run here (the message is its reason); `WeightsMissing` if only its weights lack.
    """
    by_name = {backend.name: backend for backend in backends}
    if name is None:
        chosen = next((backend for backend in backends if backend.is_default), by_name[DEFAULT_BACKEND])
        return replace(chosen, note=_explain_default(chosen, backends))
    if name not in by_name:
        raise BadRequest(f'There is no backend "{name[:80]}".', remedy=f"Backends: {', '.join(by_name)}.")
    chosen = by_name[name]
    if not chosen.is_available:
        refusal = WeightsMissing if chosen.needs_weights else BadRequest
        raise refusal(f"The backend {name} cannot run here. {chosen.reason}", remedy=chosen.remedy)
    return chosen


def _judge_hunyuan(searches: Sequence[Search], device: Device) -> Backend:
    """Hunyuan3D-2, which runs with any one of its checkpoints."""
    located = [found.located for found in searches if found.located is not None]
    reason, remedy = ("", "") if located else _explain_missing(searches)
    return Backend(
        name="hunyuan3d-2",
        summary="Hunyuan3D-2: shape networks by Tencent.",
        licence=f"{TENCENT.name}; not for use in the EU, the UK and South Korea",
        # Also where the models for several are not here: which one lacks is told when they are asked for.
        views=max((model.views for model in SHAPE_MODELS), key=len),
        is_available=bool(located),
        reason=fitted(reason, _MAX_WORDS),
        remedy=remedy,
        needs_weights=True,
        is_default=bool(located) and device.kind == "cuda",
    )


def _explain_missing(searches: Sequence[Search]) -> tuple[str, str]:
    """Why no checkpoint can be used, and the line that gets one."""
    partial = [found for found in searches if found.partial is not None]
    if partial:
        model = partial[0].model
        reason = f"Its weights are only half here: {partial[0].trouble} ({partial[0].partial})."
    else:
        model = next(each for each in SHAPE_MODELS if each.name == _RECOMMENDED)
        size_gib = model.file_bytes / GIB
        reason = f"Its weights are not on this machine (the quickest, {model.name}, has {size_gib:.1f} GiB)."
    return reason, model.remedy


def _explain_default(chosen: Backend, backends: Sequence[Backend]) -> str:
    """Why the default was taken and what that means for the result."""
    if chosen.name != DEFAULT_BACKEND:
        return (
            f"The backend {chosen.name} is used, because its weights and a graphics card are here "
            f"(licence: {chosen.licence}). A draft without a network: --backend {DEFAULT_BACKEND}."
        )
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

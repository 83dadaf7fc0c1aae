"""A network takes exactly the tensors that it is made of, or none: nothing missing, left over or misshapen.

The module is built without memory (on torch's meta device). Each parameter is made where it shall live and
read into its place, one after the other, so there is never a second copy of the network anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import nn

from engine.errors import BadInput
from engine.weights.header import shown
from engine.weights.tensors import Tensors

_N_NAMED = 3  # tensors named in a message; the rest is counted


def fill(
    module: Any,
    tensors: Tensors,
    device: Any,
    dtype: Any,
    *,
    optional: Collection[str] = (),
    ignored: Collection[str] = (),
    check: Callable[[], None] | None = None,
) -> None:
    """Fills `module`, on the meta device, from `tensors`, on `device` and with numbers of `dtype`.

    `device` may be a function from a tensor's name to its device (for a buffer: from its module's and a dot).
    `optional` names what may be missing (it becomes None), `ignored` what may be left over; a name that ends
    in a dot stands for all below it. Whole numbers keep their kind. `check` is called before each tensor and
    may raise. Buffers that no file has are made by the `make_buffers(device)` of the modules that have one.
    Raises BadInput, with nothing read, if the names or shapes differ; if reading fails or is cancelled, the
    module holds no memory again.
    """
    wanted = {name: tuple(value.shape) for name, value in module.state_dict(keep_vars=True).items()}
    absent = _compare(wanted, tensors, optional, ignored)
    # Asked this way round, because a torch.device can be called too (as a decorator).
    is_one = isinstance(device, str | int | torch.device)
    device_of: Callable[[str], Any] = (lambda _: device) if is_one else device
    try:
        for name in wanted:
            if check is not None:
                check()
            _place(module, name, None if name in absent else tensors, device_of(name), dtype)
        for path, part in module.named_modules():
            if hasattr(part, "make_buffers"):
                part.make_buffers(device_of(f"{path}." if path else ""))
    except BaseException:
        module.to("meta")
        raise
    empty = [name for name, value in (*module.named_parameters(), *module.named_buffers()) if value.is_meta]
    if empty:
        raise ValueError(f"{type(module).__name__} has buffers that nobody makes: {', '.join(empty[:3])}")
    module.eval()


def _place(module: Any, name: str, tensors: Tensors | None, device: Any, dtype: Any) -> None:
    """Makes one parameter or buffer and reads it, or sets it to None without `tensors`."""
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    is_parameter = leaf in owner._parameters
    slots = owner._parameters if is_parameter else owner._buffers
    if tensors is None:
        slots[leaf] = None
        return
    held = slots[leaf]
    kind = dtype if held.is_floating_point() else held.dtype
    value = torch.empty(held.shape, dtype=kind, device=device)
    tensors.read_into(name, value)
    slots[leaf] = nn.Parameter(value, requires_grad=False) if is_parameter else value


def _compare(
    wanted: dict[str, tuple[int, ...]],
    tensors: Tensors,
    optional: Collection[str],
    ignored: Collection[str],
) -> set[str]:
    """The optional tensors that are not there; raises BadInput if anything else differs."""
    held = tensors.shapes()
    missing = [name for name in wanted if name not in held]
    absent = {name for name in missing if _is_among(name, optional)}
    missing = [name for name in missing if name not in absent]
    extra = [name for name in held if name not in wanted and not _is_among(name, ignored)]
    if missing or extra:
        parts = []
        if missing:
            parts.append(f"{len(missing)} of {len(wanted)} tensors are missing ({_first(missing)})")
        if extra:
            parts.append(f"{len(extra)} belong to no part of the network ({_first(extra)})")
        words = f"{tensors.source}: {'; '.join(parts)}. {_guess(missing, extra)}"
        raise BadInput(words.strip(), remedy=tensors.remedy)
    wrong = [
        f"{shown(name)} is {list(held[name])} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in held and held[name] != shape
    ]
    if wrong:
        more = f"; {len(wrong)} in all" if len(wrong) > _N_NAMED else ""
        raise BadInput(
            f"{tensors.source} does not fit the network: {'; '.join(wrong[:_N_NAMED])}{more}. "
            "Is it of another model?",
            remedy=tensors.remedy,
        )
    return absent


def _is_among(name: str, names: Collection[str]) -> bool:
    return any(name.startswith(other) if other.endswith(".") else name == other for other in names)


def _first(names: Sequence[str]) -> str:
    dots = ", ..." if len(names) > _N_NAMED else ""
    return ", ".join(map(shown, names[:_N_NAMED])) + dots


def _guess(missing: Sequence[str], extra: Sequence[str]) -> str:
    """What the differing names most likely mean."""
    if any(name.startswith("guidance_in.") for name in missing):
        return "Is it the plain form of the model? The fast and turbo forms have guidance_in."
    if any(name.startswith("guidance_in.") for name in extra):
        return "Is it the fast or turbo form of the model? The plain form has no guidance_in."
    if any("latents_proj." in name for name in (*missing, *extra)):
        return "The turbo form of the decoder and the plain one were mixed up."
    return "Is it of another model?"

"""Points that lie together look at the same few keys, so each group of them attends to those alone.

An approximation: it is never the default. `selecting_field` offers it to any decoding; `decode_flashvdm` is
the public project's whole decoding with its lattices, masks and groups, kept to compare numbers with.
Method: FlashVDM, adaptive key and value selection (Lai et al. 2025); numbers: Tencent-Hunyuan/Hunyuan3D-2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch.nn.functional import max_pool3d, scaled_dot_product_attention

from engine.models.hunyuan3d.shape_vae import FieldDecoder, KeysValues
from engine.models.hunyuan3d.volume import BOUND

Tensor = Any
Mode = Literal["mean", "merge"]

POINTS_A_GROUP = 1024  # of `selecting_field`: few enough to lie together, enough to fill a card's tiles
_MINI_GRIDS = 4  # along each axis of the coarsest lattice
_GROUPS = 6  # along each axis of the finer lattices
_NEAR = 0.95  # a logit below which a point is near the surface
_IS_SEEN = 1e-6  # the share of a query's attention from which "merge" keeps a key


@dataclass(frozen=True)
class Selection:
    """Which keys a group keeps, told by every `every`-th of its points.

    "mean": for each head, the `n_keys` keys with the largest mean product. "merge": those that any of the
    points gives more than a millionth of its attention, all heads together; `n_keys` is not used.
    """

    mode: Mode
    n_keys: int
    every: int


def usual_selection(n_tokens: int, mode: Mode = "mean") -> Selection:
    """What the public project selects from `n_tokens` keys."""
    n_keys = {3072: 1024, 512: 256}.get(n_tokens, n_tokens // 3)
    return Selection(mode, n_keys, every=50 if mode == "mean" else 30)


@dataclass(frozen=True, eq=False)
class Groups:
    """Points that lie together: `places` (g, m) int64 of points, of which the first `counts` (g,) count.

    The others repeat a point of the group, so that all groups are of one size.
    """

    places: Tensor
    counts: Tensor


def selecting_field(
    decoder: FieldDecoder, seen: KeysValues, selection: Selection, n_points: int = POINTS_A_GROUP
) -> Callable[[Tensor], Tensor]:
    """The field as `decoder` has it from the selected keys: points (n, 3) float32 to logits (n,) float32.

    Points are grouped as they come to it, along a curve, `n_points` a group.
    """

    def field(points: Tensor) -> Tensor:
        return decode_in_groups(decoder, points, groups_on_curve(points, n_points), seen, selection)

    return field


def decode_in_groups(
    decoder: FieldDecoder, points: Tensor, groups: Groups, seen: KeysValues, selection: Selection
) -> Tensor:
    """The logits (n,) float32 at `points` (n, 3), each of which must be in one group."""
    n_groups, size = groups.places.shape
    embedded, queries = decoder.queries(points[groups.places.flatten()])
    grouped = queries[0].unflatten(1, (n_groups, size)).transpose(0, 1)
    keys, values, is_kept = select_keys(grouped, groups.counts, seen, selection)
    attended = scaled_dot_product_attention(grouped, keys, values, attn_mask=is_kept)
    logits = decoder.finish(embedded, attended.transpose(0, 1).flatten(1, 2)[None])
    is_real = torch.arange(size, device=points.device) < groups.counts[:, None]
    # What fills groups up is written past the end: choosing it away would make the card wait.
    targets = torch.where(is_real, groups.places, len(points)).flatten()
    found = torch.empty(len(points) + 1, dtype=logits.dtype, device=points.device)
    found[targets] = logits
    return found[:-1]


def select_keys(
    queries: Tensor, counts: Tensor, seen: KeysValues, selection: Selection
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Keys and values (g, H, K, D) for groups of queries (g, H, m, D), and which of them count, (g, 1, 1, K).

    Of each group, the first `counts` (g,) queries are asked. All keys count where the last is None.
    """
    keys, values = seen.keys[0], seen.values[0]
    sampled = queries[:, :, :: selection.every]
    places = torch.arange(0, queries.shape[2], selection.every, device=queries.device)
    is_asked = places < counts[:, None]  # (g, s)
    n_heads, n_tokens, _ = keys.shape
    if selection.mode == "merge":
        is_kept = _seen_by_any(sampled, is_asked, keys)
        n_kept = is_kept.sum(dim=1)
        # As many as the group that keeps the most; a stable sort leaves kept keys in their order.
        n_keys = int(n_kept.max())
        chosen = torch.sort(is_kept.to(torch.uint8), dim=1, descending=True, stable=True)[1][:, :n_keys]
        mask = (torch.arange(n_keys, device=keys.device) < n_kept[:, None])[:, None, None]
        return keys[:, chosen].transpose(0, 1), values[:, chosen].transpose(0, 1), mask
    if selection.n_keys > n_tokens:
        raise ValueError(f"{selection.n_keys} keys cannot be chosen from {n_tokens}")
    weights = is_asked[:, None, :, None].float() / is_asked.sum(dim=1)[:, None, None, None]
    # The mean of products is the product with the mean.
    means = (sampled.float() * weights).sum(dim=2).to(keys.dtype)
    scores = torch.matmul(means.transpose(0, 1), keys.transpose(1, 2))  # (H, g, N)
    chosen = torch.topk(scores, selection.n_keys, dim=2, sorted=False)[1].transpose(0, 1)
    rows = chosen + (torch.arange(n_heads, device=keys.device) * n_tokens)[:, None]
    return keys.flatten(0, 1)[rows], values.flatten(0, 1)[rows], None


def _seen_by_any(sampled: Tensor, is_asked: Tensor, keys: Tensor) -> Tensor:
    """Which keys (g, N) any asked one of the queries (g, H, s, D) gives its attention, in the mean of heads.

    The products are not scaled, as in the public project.
    """
    shares = torch.zeros(*is_asked.shape, keys.shape[1], device=keys.device)
    for head in range(len(keys)):  # all heads at once would fill a GiB
        shares += torch.matmul(sampled[:, head], keys[head].T).float().softmax(dim=-1)
    is_seen = shares / len(keys) > _IS_SEEN
    return (is_seen & is_asked[..., None]).any(dim=1)


def groups_on_curve(points: Tensor, n_points: int) -> Groups:
    """Groups of `n_points`, the last filled up, along a curve through space (Morton 1966)."""
    if not len(points):
        raise ValueError("no points to group")
    low, high = points.amin(dim=0), points.amax(dim=0)
    steps = ((points - low) / (high - low).clamp(min=1e-12) * 1023).long()
    codes = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    for bit in range(10):
        for axis in range(3):
            codes |= (steps[:, axis] >> bit & 1) << (3 * bit + 2 - axis)
    order = torch.sort(codes, stable=True)[1]
    n_points = min(n_points, len(points))
    n_groups = -(-len(points) // n_points)
    padded = torch.cat([order, order[-1:].expand(n_groups * n_points - len(points))])
    starts = torch.arange(n_groups, device=points.device) * n_points
    return Groups(padded.view(n_groups, n_points), (len(points) - starts).clamp(max=n_points))


def flashvdm_resolutions(resolution: int, min_resolution: int = 63) -> tuple[int, ...]:
    """The cells a side of the public project's lattices, coarse to fine; the last is not `resolution`."""
    n_levels, coarsest = 1, resolution
    while coarsest // 2 >= min_resolution:
        coarsest //= 2
        n_levels += 1
    coarsest = round(coarsest / _MINI_GRIDS) * _MINI_GRIDS - 1
    return tuple(coarsest << number for number in range(n_levels))


def decode_flashvdm(
    decoder: FieldDecoder,
    seen: KeysValues,
    resolution: int,
    *,
    mode: Mode = "mean",
    level: float = 0.0,
    bound: float = BOUND,
    min_resolution: int = 63,
    chunk: int = 10_000,
) -> Tensor:
    """The volume (R + 1, R + 1, R + 1) float32 that the public project decodes, NaN where it does not.

    R is the last of `flashvdm_resolutions`. `chunk` changes no number, only how many points go at once.
    """
    coarsest, *finer = flashvdm_resolutions(resolution, min_resolution)
    usual = usual_selection(seen.keys.shape[2], mode)
    device, dtype = seen.keys.device, seen.keys.dtype
    steps = torch.linspace(-bound, bound, coarsest + 1, device=device).to(dtype).float()
    points = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), dim=-1).view(-1, 3)
    groups = _mini_grids(coarsest + 1, device)
    selection = replace(usual, mode="mean", every=100)
    volume = _decode_by_groups(decoder, points, [groups], seen, selection, chunk).view([coarsest + 1] * 3)
    for side in finer:
        wanted = _near_surface(volume, level)
        is_last = side == finer[-1]
        if not is_last:
            wanted = _dilated(wanted)
        fine = torch.zeros([side + 1] * 3, dtype=torch.bool, device=device)
        fine[::2, ::2, ::2] = wanted
        fine = _dilated(_dilated(fine)) if is_last else _dilated(fine)
        points = fine.nonzero() * torch.tensor(2 * bound / side, device=device) - bound
        volume = torch.full(fine.shape, float("nan"), device=device)
        if not len(points):
            continue
        volume[fine] = _decode_by_groups(decoder, points, _boxes(points), seen, usual, chunk)
    return volume


def _decode_by_groups(
    decoder: FieldDecoder,
    points: Tensor,
    batches: list[Groups],
    seen: KeysValues,
    selection: Selection,
    chunk: int,
) -> Tensor:
    logits = torch.empty(len(points), device=points.device)
    for batch in batches:
        n_groups = max(chunk // batch.places.shape[1], 1)
        for places, counts in zip(batch.places.split(n_groups), batch.counts.split(n_groups), strict=True):
            used, inverse = torch.unique(places, return_inverse=True)
            logits[used] = decode_in_groups(decoder, points[used], Groups(inverse, counts), seen, selection)
    return logits


def _mini_grids(n_points: int, device: Any) -> Groups:
    """The points of a lattice, `n_points` a side, as cubes of which there are four a side."""
    part = n_points // _MINI_GRIDS
    places = torch.arange(n_points**3, device=device).view([_MINI_GRIDS, part] * 3)
    places = places.permute(0, 2, 4, 1, 3, 5).reshape(_MINI_GRIDS**3, part**3)
    return Groups(places, torch.full((len(places),), part**3, device=device))


def _near_surface(volume: Tensor, level: float) -> Tensor:
    """Which points of a volume are known and have another sign than a neighbour, or are small."""
    above = volume + level  # its sign, as in the public project, which knows no level but 0
    is_known = ~volume.isnan()
    signs = above.sign()
    differs = torch.zeros_like(is_known)
    for axis in range(3):
        first, second = signs.narrow(axis, 0, len(signs) - 1), signs.narrow(axis, 1, len(signs) - 1)
        known = is_known.narrow(axis, 0, len(signs) - 1) & is_known.narrow(axis, 1, len(signs) - 1)
        changes = known & (first != second)
        differs.narrow(axis, 0, len(signs) - 1).logical_or_(changes)
        differs.narrow(axis, 1, len(signs) - 1).logical_or_(changes)
    return differs | (volume.abs() < _NEAR)


def _dilated(mask: Tensor) -> Tensor:
    """A mask grown by one point to every side, corners included."""
    return max_pool3d(mask[None, None].float(), 3, stride=1, padding=1)[0, 0] > 0


def _boxes(points: Tensor) -> list[Groups]:
    """The points by the six boxes along each axis of their bounding box, groups of like size together."""
    low, high = points.amin(dim=0), points.amax(dim=0)
    a, b, c = ((points - low) / (high - low).clamp(min=1e-12) * (_GROUPS - 0.001)).floor().long().unbind(1)
    numbers = (a * _GROUPS + b) * _GROUPS + c
    order = torch.sort(numbers, stable=True)[1]
    counts = torch.bincount(numbers, minlength=_GROUPS**3)
    starts = counts.cumsum(dim=0) - counts
    return list(_padded(order, starts[counts > 0], counts[counts > 0]))


def _padded(order: Tensor, starts: Tensor, counts: Tensor) -> Iterator[Groups]:
    """Groups from runs of `order`, those whose sizes lie between two powers of two padded to one size."""
    classes = torch.log2(counts.double()).floor().long()
    for number in torch.unique(classes).tolist():
        first, count = starts[classes == number, None], counts[classes == number]
        inside = torch.arange(int(count.max()), device=order.device).minimum(count[:, None] - 1)
        yield Groups(order[first + inside], count)

"""Selected keys: the public project's volumes in parity, and little lost where they are an option."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from goldens import PARITY, filled, read_shapes, relative_error, tiny_weights, under
from torch.nn.functional import scaled_dot_product_attention

from engine.models.hunyuan3d.flashvdm import (
    Groups,
    Mode,
    Selection,
    decode_flashvdm,
    decode_in_groups,
    flashvdm_resolutions,
    groups_on_curve,
    select_keys,
    selecting_field,
    usual_selection,
)
from engine.models.hunyuan3d.shape_vae import FieldDecoder, KeysValues, vae_size
from engine.models.hunyuan3d.volume import decode_near_surface

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "hunyuan_flashvdm" / "volumes.npz")
CASES = (
    ("turbo", 128, 63, "mean"),
    ("full", 60, 15, "mean"),
    ("full", 60, 15, "merge"),
    ("turbo", 60, 15, "mean"),
)


@cache
def field_of(kind: str) -> tuple[FieldDecoder, KeysValues]:
    decoder = FieldDecoder(vae_size(read_shapes(f"tiny_vae_{kind}")))
    filled(decoder, under(tiny_weights(f"vae_{kind}"), "geo_decoder."))
    return decoder, decoder.keys_values(torch.from_numpy(GOLDEN[f"{kind}.tokens"]))


def points_in_the_cube(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1.01, 1.01, (n, 3)).astype(np.float32))


def random_attention(n_groups: int, size: int, n_tokens: int) -> tuple[torch.Tensor, KeysValues]:
    rng = np.random.default_rng(3)
    shapes = ((n_groups, 2, size, 16), (1, 2, n_tokens, 16), (1, 2, n_tokens, 16))
    queries, keys, values = (torch.from_numpy(rng.normal(size=s).astype(np.float32)) for s in shapes)
    return queries, KeysValues(keys, values)


@pytest.mark.parametrize(("kind", "resolution", "lowest", "mode"), CASES)
def test_parity_mode_gives_the_public_volume(kind: str, resolution: int, lowest: int, mode: Mode) -> None:
    volume = decode_flashvdm(*field_of(kind), resolution, mode=mode, min_resolution=lowest)
    is_known = ~volume.isnan()
    name = f"{kind}_{resolution}_{mode}"
    assert np.array_equal(np.packbits(is_known.numpy()), GOLDEN[f"{name}.is_known"])
    step = 31 if resolution == 128 else 7
    assert relative_error(volume[is_known][::step], GOLDEN[f"{name}.values"]) <= PARITY


def test_a_field_without_a_surface_leaves_the_finer_points_unknown() -> None:
    decoder, seen = field_of("turbo")

    class Outside:
        queries = decoder.queries

        def finish(self, embedded: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
            return decoder.finish(embedded, attended) * 0 - 5

    assert decode_flashvdm(Outside(), seen, 30, min_resolution=15).isnan().all()


def test_the_chunk_changes_no_volume() -> None:
    volumes = [decode_flashvdm(*field_of("turbo"), 30, min_resolution=15, chunk=n) for n in (100, 10**6)]
    assert torch.allclose(*volumes, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (128, (63, 126)),
        (192, (95, 190)),
        (196, (95, 190)),
        (256, (63, 126, 252)),
        (380, (95, 190, 380)),
        (384, (95, 190, 380)),
        (512, (63, 126, 252, 504)),
        (40, (39,)),
    ],
)
def test_lattices_are_those_of_the_public_project(asked: int, given: tuple[int, ...]) -> None:
    assert flashvdm_resolutions(asked) == given


def test_the_number_of_keys_follows_the_model() -> None:
    assert [usual_selection(n).n_keys for n in (3072, 512, 48)] == [1024, 256, 16]
    assert [usual_selection(48, mode).every for mode in ("mean", "merge")] == [50, 30]


@pytest.mark.parametrize("kind", ["full", "turbo"])
def test_with_all_keys_the_field_is_the_plain_one(kind: str) -> None:
    decoder, seen = field_of(kind)
    points = points_in_the_cube(1000)
    selected = selecting_field(decoder, seen, Selection("mean", seen.keys.shape[2], 1), 128)(points)
    assert relative_error(selected, decoder(points, seen).numpy()) < 1e-5


def test_each_head_of_each_group_keeps_the_keys_its_queries_like_best() -> None:
    queries, seen = random_attention(n_groups=3, size=20, n_tokens=30)
    counts = torch.tensor([20, 7, 1])
    keys, values, is_kept = select_keys(queries, counts, seen, Selection("mean", 8, every=3))
    assert is_kept is None
    for group, count in enumerate(counts.tolist()):
        for head in range(2):
            liked = (queries[group, head, :count:3] @ seen.keys[0, head].T).mean(dim=0)
            expected = liked.topk(8).indices.sort().values
            found = [int((seen.keys[0, head] == key).all(dim=1).nonzero()) for key in keys[group, head]]
            assert sorted(found) == expected.tolist()
            assert torch.equal(values[group, head], seen.values[0, head][found])


def test_merged_keys_are_those_that_any_query_sees() -> None:
    queries, seen = random_attention(n_groups=3, size=20, n_tokens=30)
    counts = torch.tensor([20, 7, 1])
    queries = queries * 3
    keys, values, is_kept = select_keys(queries, counts, seen, Selection("merge", 0, every=5))
    attended = scaled_dot_product_attention(queries, keys, values, attn_mask=is_kept)
    sizes = set()
    for group, count in enumerate(counts.tolist()):
        shares = (queries[group, :, :count:5] @ seen.keys[0].transpose(1, 2)).softmax(dim=-1).mean(dim=0)
        kept = (shares > 1e-6).any(dim=0)
        sizes.add(int(kept.sum()))
        plain = scaled_dot_product_attention(queries[group], seen.keys[0][:, kept], seen.values[0][:, kept])
        assert torch.allclose(attended[group], plain, atol=1e-6)
    assert max(sizes) < 30
    assert len(sizes) > 1


def test_what_fills_up_a_group_is_not_asked() -> None:
    decoder, seen = field_of("full")
    points = points_in_the_cube(60)
    selection = Selection("mean", 10, every=4)
    exact = Groups(torch.arange(60)[None], torch.tensor([60]))
    filled_up = Groups(torch.cat([torch.arange(60), torch.zeros(40, dtype=torch.int64)])[None], exact.counts)
    one, other = (decode_in_groups(decoder, points, groups, seen, selection) for groups in (exact, filled_up))
    assert torch.allclose(one, other, atol=1e-5)


def test_more_keys_than_there_are_is_refused_with_both_numbers() -> None:
    queries, seen = random_attention(1, 4, 30)
    with pytest.raises(ValueError, match="31 keys cannot be chosen from 30"):
        select_keys(queries, torch.tensor([4]), seen, Selection("mean", 31, 1))


@pytest.mark.parametrize("n_points", [1, 63, 64, 65, 1000])
def test_a_curve_takes_every_point_to_one_group(n_points: int) -> None:
    groups = groups_on_curve(points_in_the_cube(n_points), 64)
    is_real = torch.arange(groups.places.shape[1]) < groups.counts[:, None]
    assert sorted(groups.places[is_real].tolist()) == list(range(n_points))
    assert groups.places.shape[1] == min(64, n_points)


def test_groups_on_a_curve_lie_together() -> None:
    points = points_in_the_cube(8192)
    grouped = points[groups_on_curve(points, 128).places]
    sizes = (grouped.amax(dim=1) - grouped.amin(dim=1)).mean(dim=1)
    assert sizes.mean() < 0.8  # 64 cubes of 0.5 would be best; groups at random span 2.0


@pytest.mark.parametrize("kind", ["full", "turbo"])
def test_a_third_of_the_keys_still_finds_the_surface(kind: str) -> None:
    decoder, seen = field_of(kind)
    plain = decode_near_surface(lambda points: decoder(points, seen), 32, "cpu")
    field = selecting_field(decoder, seen, usual_selection(seen.keys.shape[2]), 256)
    selected = decode_near_surface(field, 32, "cpu")
    ours, theirs = ({tuple(cell) for cell in found.cells.tolist()} for found in (selected, plain))
    assert len(ours & theirs) > 0.8 * len(ours | theirs)


@pytest.mark.gpu
@pytest.mark.parametrize("mode", ["mean", "merge"])
def test_a_card_decodes_the_same_field_and_the_same_again(mode: Mode) -> None:
    decoder, seen = field_of("full")
    points = points_in_the_cube(3000)
    selection = usual_selection(seen.keys.shape[2], mode)
    expected = selecting_field(decoder, seen, selection, 256)(points)
    card, there = copy.deepcopy(decoder).cuda(), KeysValues(seen.keys.cuda(), seen.values.cuda())
    found = selecting_field(card, there, selection, 256)(points.cuda())
    assert torch.equal(found, selecting_field(card, there, selection, 256)(points.cuda()))
    assert (found.cpu() - expected).abs().median() < 1e-3 * expected.abs().max()

"""With the same weights the paint networks give the reference's numbers, in float32, to 1e-5 of the largest.

The reference takes both branches of guidance in one batch and runs its second network at every step; ours
takes one branch at a time and features that were computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from goldens import PARITY, Tensor, filled, given, relative_error
from paint_goldens import (
    RUNS,
    drawn,
    dual,
    features,
    made,
    main,
    paint_golden,
    paint_weights,
    pictures,
)
from seeded import faint

from engine.models import attention_pieces
from engine.models.attention import attend
from engine.models.attention_pieces import attend_any, attend_in_pieces
from engine.models.hunyuan3d.paint_blocks import Seen
from engine.models.hunyuan3d.paint_unet import Branch, Features, PaintUnet, reference_features
from engine.models.streaming import Conveyor

NAMES = [
    *(f"down_{level}_{number}_0" for level in range(3) for number in range(2)),
    "mid_0_0",
    *(f"up_{level}_{number}_0" for level in range(1, 4) for number in range(3)),
]
GUIDED = [run for run in RUNS if run != "turbo"]
N_VIEWS = 3  # of a block alone


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tiny maps are not worth a second thread, which waits for a core that others use."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def seeing(run: str, network: PaintUnet | None = None) -> Branch:
    """The conditional branch of `run`."""
    network = network or main()
    text = network.text_keys_values(network.learned_text_clip_gen)
    return Branch(text, features(run).keys_values(network))


def velocity(run: str, branch: Branch, network: PaintUnet | None = None) -> Tensor:
    return (network or main())(*drawn(run), branch.text, branch.reference)


@pytest.mark.parametrize("run", RUNS)
def test_the_conditional_branch_is_the_references(run: str) -> None:
    assert relative_error(velocity(run, seeing(run)), paint_golden("unet")[run][-1]) <= PARITY


@pytest.mark.parametrize("run", GUIDED)
def test_the_unconditional_branch_is_the_references(run: str) -> None:
    assert relative_error(velocity(run, Branch(None, None)), paint_golden("unet")[run][0]) <= PARITY


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_the_features_of_a_picture_are_the_references(number: int) -> None:
    ours, theirs = features("guided").layers[number], paint_golden("features")[NAMES[number]]
    assert relative_error(ours, theirs) <= PARITY


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_a_block_alone_is_the_references_in_both_branches(number: int) -> None:
    name = NAMES[number]
    block = main().transformers[number].block
    theirs = paint_golden("blocks")[name]
    width = theirs.shape[-1]
    tokens = given(f"block {name}", 2 * N_VIEWS, 6, width)
    text = block.transformer.attn2.keys_values(main().learned_text_clip_gen)
    reference = block.attn_refview.keys_values(given(f"features {name}", 1, 9, width))
    unseen = block.see(block.look(tokens[:N_VIEWS]), Seen(None, None))
    seen = block.see(block.look(tokens[N_VIEWS:]), Seen(text, reference))
    assert relative_error(torch.cat([unseen, seen]), theirs) <= PARITY


def test_faint_weights_are_normed_as_the_reference_norms_them() -> None:
    network, reading = made("unet"), made("unet_dual")
    weights = {"unet": paint_weights(network, "unet"), "unet_dual": paint_weights(reading, "unet_dual")}
    filled(network, faint(weights["unet"]))
    filled(reading, faint(weights["unet_dual"]))
    seen = reference_features(reading, pictures("guided"), network.learned_text_clip_ref)
    text = network.text_keys_values(network.learned_text_clip_gen)
    both = [Branch(None, None), Branch(text, seen.keys_values(network))]
    ours = torch.stack(network.velocities(*drawn("guided"), both))
    assert relative_error(ours, paint_golden("unet")["faint"]) <= PARITY


@pytest.mark.parametrize("run", GUIDED)
def test_branches_that_share_their_beginning_are_those_of_each_alone(run: str) -> None:
    branches = [seeing(run), Branch(None, None)]
    seen, unseen = main().velocities(*drawn(run), branches)
    assert torch.equal(seen, velocity(run, branches[0]))
    assert torch.equal(unseen, velocity(run, branches[1]))


def test_what_comes_before_the_first_reference_runs_once_for_all_branches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []
    for number, part in enumerate(main().transformers):
        look = part.block.look
        monkeypatch.setattr(part.block, "look", lambda x, look=look, n=number: (looks.append(n), look(x))[1])
    main().velocities(*drawn("guided"), [seeing("guided"), Branch(None, None)])
    assert [looks.count(number) for number in range(3)] == [1, 2, 2]


def test_text_of_zeros_is_no_text() -> None:
    zeros = main().text_keys_values(torch.zeros_like(main().learned_text_clip_gen))
    reference = seeing("guided").reference
    whole, short = velocity("guided", Branch(zeros, reference)), velocity("guided", Branch(None, reference))
    assert torch.equal(whole, short)


def test_a_reference_that_weighs_nothing_is_no_reference() -> None:
    network = made("unet")
    for part in network.transformers:
        for value in part.block.attn_refview.to_out.parameters():
            value.zero_()
    seen = seeing("guided", network)
    assert torch.equal(velocity("guided", seen, network), velocity("guided", Branch(seen.text, None)))


def test_one_view_has_no_other_views_to_look_at() -> None:
    network = made("unet")
    for part in network.transformers:
        part.block.attn_multiview.to_out[0].bias.fill_(float("nan"))
    alone = velocity("single", seeing("single"), network)
    assert torch.equal(alone, velocity("single", seeing("single")))
    assert velocity("first", seeing("first"), network).isnan().all()


def test_views_see_each_other() -> None:
    latents, timestep, controls, cameras = drawn("first")
    nothing = Branch(None, None)
    both = main().velocities(latents, timestep, controls, cameras, [nothing])[0]
    (alone,) = main().velocities(latents[:1], timestep, controls[:1], cameras[:1], [nothing])
    assert relative_error(both[:1], alone.numpy()) > 100 * PARITY


def test_the_order_of_reference_pictures_does_not_matter() -> None:
    latents = pictures("turbo")
    turned = reference_features(dual(), latents.flip(0), main().learned_text_clip_ref)
    branch = Branch(seeing("turbo").text, turned.keys_values(main()))
    assert relative_error(velocity("turbo", branch), paint_golden("unet")["turbo"][0]) <= PARITY
    assert all(layer.shape[1] % 3 == 0 for layer in turned.layers)


def test_a_reference_picture_more_changes_what_is_drawn() -> None:
    latents = pictures("turbo")
    fewer = reference_features(dual(), latents[:2], main().learned_text_clip_ref)
    branch = Branch(seeing("turbo").text, fewer.keys_values(main()))
    assert relative_error(velocity("turbo", branch), paint_golden("unet")["turbo"][0]) > 10 * PARITY


def test_steps_leave_what_was_computed_once_as_it_was() -> None:
    branch = seeing("guided")
    pairs = [pair for kind in (branch.text, branch.reference) for pair in kind or ()]
    before = [value.clone() for pair in pairs for value in pair]
    layers = [layer.clone() for layer in features("guided").layers]
    latents, _, controls, cameras = drawn("guided")
    first = velocity("guided", branch)
    for timestep in (999.0, 333.0, 32.0):
        main()(latents, torch.tensor([timestep]), controls, cameras, branch.text, branch.reference)
    assert all(map(torch.equal, (value for pair in pairs for value in pair), before))
    assert all(map(torch.equal, features("guided").layers, layers))
    assert torch.equal(velocity("guided", branch), first)


def test_the_reference_network_stops_at_its_last_transformer() -> None:
    network = made("unet_dual")
    network.conv_out = network.conv_norm_out = None
    latents = pictures("guided")
    layers = reference_features(network, latents, main().learned_text_clip_ref).layers
    assert all(map(torch.equal, layers, features("guided").layers))


def test_parts_that_come_in_when_needed_give_the_same_bits() -> None:
    main_network, dual_network = made("unet"), made("unet_dual")
    latents = pictures("guided")
    main_network.arriving = Conveyor(main_network.blocks(), "cpu")
    dual_network.arriving = Conveyor(dual_network.blocks(), "cpu")
    assert main_network.is_streamed
    seen = reference_features(dual_network, latents, main_network.learned_text_clip_ref)
    text = main_network.text_keys_values(main_network.learned_text_clip_gen)
    branches = [Branch(text, seen.keys_values(main_network)), Branch(None, None)]
    for _ in range(2):
        streamed = main_network.velocities(*drawn("guided"), branches)
        resting = main().velocities(*drawn("guided"), [seeing("guided"), Branch(None, None)])
        assert all(map(torch.equal, streamed, resting))


def test_pictures_need_not_be_square() -> None:
    latents, timestep, controls, cameras = drawn("first")
    branch = seeing("first")
    wide = main()(latents[..., :8, :], timestep, controls[..., :8, :], cameras, branch.text, branch.reference)
    assert wide.shape == (2, 4, 8, 16)
    assert wide.isfinite().all()


def test_views_without_their_camera_or_control_are_refused_with_the_numbers() -> None:
    latents, timestep, controls, cameras = drawn("guided")
    with pytest.raises(ValueError, match="3 views have 3 controls and 2 cameras"):
        main()(latents, timestep, controls, cameras[:2], None, None)
    with pytest.raises(ValueError, match="3 views have 2 controls and 3 cameras"):
        main()(latents, timestep, controls[:2], cameras, None, None)


def test_sides_that_cannot_be_halved_are_refused_with_the_numbers() -> None:
    latents, timestep, controls, cameras = drawn("guided")
    with pytest.raises(ValueError, match=r"\[12, 16\].*multiples of 8"):
        main()(latents[:, :, :12], timestep, controls[:, :, :12], cameras, None, None)


def test_an_error_above_the_bar_is_seen() -> None:
    latents, timestep, controls, cameras = drawn("guided")
    branch, theirs = seeing("guided"), paint_golden("unet")["guided"][1]
    changed: list[tuple[Any, ...]] = [
        (latents, timestep + 0.5, controls, cameras),
        (latents, timestep, controls.roll(4, dims=1), cameras),
        (latents, timestep, controls, cameras.roll(1)),
        (latents, timestep, controls, (cameras + 1) % 44),
    ]
    for wrong in changed:
        assert relative_error(main()(*wrong, branch.text, branch.reference), theirs) > 10 * PARITY
    shifted = Features(tuple(layer * 1.01 for layer in features("guided").layers)).keys_values(main())
    for text, reference in ((branch.text, None), (None, branch.reference), (branch.text, shifted)):
        assert relative_error(velocity("guided", Branch(text, reference)), theirs) > 10 * PARITY


@pytest.mark.parametrize("n_at_once", [1, 7, 24, 25])
def test_attention_in_pieces_is_attention(n_at_once: int) -> None:
    queries = given("queries", 2, 3, 25, 8)
    keys, values = given("keys", 2, 3, 40, 8), given("values", 2, 3, 40, 8)
    pieces = attend_in_pieces(queries, keys, values, n_at_once * 2 * 3 * 40 * 4)
    assert relative_error(pieces, attend(queries, keys, values).numpy()) <= PARITY


def test_without_a_fused_kernel_no_more_scores_are_written_than_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed_bytes, written_bytes = 40_000, []

    def watched(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        written_bytes.append(4 * queries.shape[:-1].numel() * keys.shape[2])
        return attend(queries, keys, values)

    monkeypatch.setattr(attention_pieces, "attend", watched)
    monkeypatch.setattr(attention_pieces, "SCORES_BYTES", allowed_bytes)
    tokens = [given(name, 1, 2, 100, 8) for name in ("queries", "keys", "values")]
    whole = attend_any(*tokens)
    assert len(written_bytes) == 1  # this device has one
    monkeypatch.setattr(attention_pieces, "_is_fused", lambda *_: False)
    assert relative_error(attend_any(*tokens), whole.numpy()) <= PARITY
    assert len(written_bytes) == 3
    assert max(written_bytes[1:]) <= allowed_bytes
    assert sum(written_bytes[1:]) == written_bytes[0]


def test_a_whole_network_without_fused_kernels_is_the_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_pieces, "SCORES_BYTES", 100_000)
    monkeypatch.setattr(attention_pieces, "_is_fused", lambda *_: False)
    assert relative_error(velocity("guided", seeing("guided")), paint_golden("unet")["guided"][1]) <= PARITY

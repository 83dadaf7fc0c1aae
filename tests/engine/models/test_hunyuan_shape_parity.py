"""With the same weights every part gives the reference's numbers, in float32, to 1e-5 of the largest."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from goldens import (
    PARITY,
    SEED,
    Tensor,
    filled,
    given,
    golden,
    read_shapes,
    relative_error,
    tiny_weights,
    under,
)
from seeded import faint, seeded_weights, uniform
from torch import nn
from torch.nn.functional import silu

from engine.models.flow import consistency_sigmas, flow_match_sigmas
from engine.models.guidance import Guidance
from engine.models.hunyuan3d.dit import Context, Dit, dit_size, embed, unconditional
from engine.models.hunyuan3d.sampler import denoise
from engine.models.hunyuan3d.shape_encoder import PointEncoder, encoder_size
from engine.models.hunyuan3d.shape_vae import FieldDecoder, KeysValues, LatentDecoder, vae_size
from engine.models.hunyuan3d.volume import decode_dense, decode_near_surface

N_LATENTS, N_TOKENS, N_CHANNELS = 48, 26, 48
SCALE_FACTOR = 0.9990943042622529


@cache
def dit(kind: str) -> Dit:
    return filled(Dit(dit_size(read_shapes(f"tiny_dit_{kind}"))), tiny_weights(f"dit_{kind}"))


@cache
def field(kind: str) -> FieldDecoder:
    decoder = FieldDecoder(vae_size(read_shapes(f"tiny_vae_{kind}")))
    return filled(decoder, under(tiny_weights(f"vae_{kind}"), "geo_decoder."))


@cache
def tokens(kind: str) -> Tensor:
    """What the field is read from: the VAE's tokens of the golden latents."""
    decoder = LatentDecoder(vae_size(read_shapes(f"tiny_vae_{kind}")))
    weights = {key: w for key, w in tiny_weights(f"vae_{kind}").items() if key in decoder.state_dict()}
    return filled(decoder, weights)(given("vae latents", 1, N_LATENTS, 64) / SCALE_FACTOR)


def golden_points() -> Tensor:
    return torch.from_numpy(uniform("points", (200, 3), SEED) * np.float32(1.01))


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    times = torch.tensor([0.25, 0.8125])
    return given("latents", 2, N_LATENTS, 64), times, given("context", 2, N_TOKENS, N_CHANNELS)


@pytest.mark.parametrize(
    ("what", "values"), [("times", [0.0, 0.5, 0.8125, 1.0]), ("guidance", [1.0, 3.5, 5.0, 30.0])]
)
def test_times_and_guidance_are_embedded_as_the_reference_embeds_them(what: str, values: list[float]) -> None:
    # Its frequencies end at 1/1000, not 1/10000: its call hands the factor over where the period is taken.
    # Angles go up to 30 000: a processor that rounds an exponential the other way is off by thousandths.
    assert relative_error(embed(torch.tensor(values)), golden("schedules")[f"embedded_{what}"]) <= 5e-3


def test_the_transformer_is_the_references() -> None:
    assert relative_error(dit("plain")(*inputs()), golden("dit")["plain"]) <= PARITY


def test_faint_latents_are_normed_as_the_reference_norms_them() -> None:
    network = filled(Dit(dit_size(read_shapes("tiny_dit_plain"))), faint(tiny_weights("dit_plain")))
    assert relative_error(network(*inputs()), golden("dit")["faint"]) <= PARITY


def test_the_transformer_with_distilled_guidance_is_the_references() -> None:
    guidance = torch.tensor([5.0, 3.5])
    assert relative_error(dit("guided")(*inputs(), guidance), golden("dit")["guided"]) <= PARITY


def test_a_block_of_two_streams_is_the_references() -> None:
    latents, seen = dit("plain").double_blocks[0](
        given("block latents", 2, N_LATENTS, 128),
        given("block tokens", 2, N_TOKENS, 128),
        silu(given("block signal", 2, 128)),
    )
    assert relative_error(latents, golden("dit")["double_latents"]) <= PARITY
    assert relative_error(seen, golden("dit")["double_tokens"]) <= PARITY


def test_a_block_of_one_stream_is_the_references() -> None:
    joined = [given("block tokens", 2, N_TOKENS, 128), given("block latents", 2, N_LATENTS, 128)]
    moved = dit("plain").single_blocks[0](torch.cat(joined, dim=1), silu(given("block signal", 2, 128)))
    assert relative_error(moved, golden("dit")["single"]) <= PARITY


def test_one_zero_token_that_counts_for_all_gives_the_references_unconditional_velocity() -> None:
    latents, times, _ = inputs()
    network = dit("plain")
    nothing = unconditional(N_TOKENS, network.size, latents)
    assert nothing.tokens.shape[1] == 1
    (velocity,) = network.velocities(latents[:1], times[:1], [nothing])
    assert relative_error(velocity, golden("dit")["unconditional"]) <= PARITY


def test_branches_run_block_by_block_as_they_do_one_by_one() -> None:
    latents, times, context = inputs()
    network = dit("plain")
    branches = [Context(context[:1]), unconditional(N_TOKENS, network.size, latents)]
    seen, unseen = network.velocities(latents[:1], times[:1], branches)
    alone = network(latents[:1], times[:1], context[:1])
    assert torch.equal(seen, alone)
    assert relative_error(unseen, golden("dit")["unconditional"]) <= PARITY


@pytest.mark.parametrize("kind", ["full", "turbo"])
def test_latents_become_the_references_tokens(kind: str) -> None:
    assert relative_error(tokens(kind), golden("vae")[f"{kind}_tokens"]) <= PARITY


@pytest.mark.parametrize("kind", ["full", "turbo"])
def test_the_field_at_points_is_the_references(kind: str) -> None:
    decoder = field(kind)
    logits = decoder(golden_points(), decoder.keys_values(tokens(kind)))
    assert relative_error(logits, golden("vae")[f"{kind}_logits"]) <= PARITY


@pytest.mark.parametrize("kind", ["full", "turbo"])
def test_a_field_in_which_every_channel_counts_is_the_references(kind: str) -> None:
    weights = under(seeded_weights(read_shapes(f"tiny_vae_{kind}"), SEED), "geo_decoder.")
    decoder = filled(FieldDecoder(vae_size(read_shapes(f"tiny_vae_{kind}"))), weights)
    logits = decoder(golden_points(), decoder.keys_values(tokens(kind)))
    assert relative_error(logits, golden("vae")[f"{kind}_plain_logits"]) <= PARITY


def test_points_on_a_surface_become_the_references_latents() -> None:
    shapes = read_shapes("tiny_vae_full", "encoder.", "pre_kl.")
    encoder = filled(PointEncoder(encoder_size(shapes)), seeded_weights(shapes, SEED))
    points, normals = (
        torch.from_numpy(uniform(name, (1, 64, 3), SEED)) for name in ("surface points", "surface normals")
    )
    sides = (points[:, :N_LATENTS], normals[:, :N_LATENTS]), (points, normals)
    mean, deviation = encoder(*sides)
    assert relative_error(mean, golden("vae")["encoder_mean"]) <= PARITY
    assert relative_error(deviation, golden("vae")["encoder_deviation"]) <= PARITY
    assert relative_error(encoder.encoder(*sides), golden("vae")["encoder_tokens"]) <= PARITY
    filled(encoder, faint(seeded_weights(shapes, SEED)))
    assert relative_error(encoder.encoder(*sides), golden("vae")["encoder_faint_tokens"]) <= PARITY


@pytest.mark.parametrize("kind", ["full", "turbo"])
def test_a_faint_field_is_normed_as_the_reference_norms_it(kind: str) -> None:
    shapes = read_shapes(f"tiny_vae_{kind}", "post_kl.", "transformer.", "geo_decoder.")
    size, weights = vae_size(shapes), faint(seeded_weights(shapes, SEED))
    latent_weights = {key: w for key, w in weights.items() if not key.startswith("geo_decoder.")}
    faint_tokens = filled(LatentDecoder(size), latent_weights)(
        given("vae latents", 1, N_LATENTS, 64) / SCALE_FACTOR
    )
    assert relative_error(faint_tokens, golden("vae")[f"{kind}_faint_tokens"]) <= PARITY
    decoder = filled(FieldDecoder(size), under(weights, "geo_decoder."))
    logits = decoder(golden_points(), decoder.keys_values(faint_tokens))
    assert relative_error(logits, golden("vae")[f"{kind}_faint_logits"]) <= PARITY


def seen_by(kind: str) -> tuple[FieldDecoder, KeysValues]:
    decoder = field(kind)
    return decoder, decoder.keys_values(tokens(kind))


@pytest.mark.parametrize(("kind", "resolution"), [("full", 32), ("turbo", 24)])
def test_dense_decoding_is_the_references(kind: str, resolution: int) -> None:
    decoder, seen = seen_by(kind)
    volume = decode_dense(lambda points: decoder(points, seen), resolution, "cpu")
    assert relative_error(volume, golden("dense")[f"{kind}_{resolution}"]) <= PARITY


def test_the_cells_that_the_surface_crosses_have_the_references_corners() -> None:
    decoder, seen = seen_by("full")
    found = decode_near_surface(lambda points: decoder(points, seen), 32, "cpu")
    dense = golden("dense")["full_32"]
    corners = np.stack(
        [dense[x : x + 32, y : y + 32, z : z + 32] for x, y, z in np.ndindex(2, 2, 2)], axis=-1
    )
    crossed = (corners > 0).any(-1) & ~(corners > 0).all(-1)
    assert {tuple(cell) for cell in found.cells.tolist()} == {tuple(cell) for cell in np.argwhere(crossed)}
    x, y, z = found.cells.numpy().T
    assert relative_error(found.values, corners[x, y, z]) <= PARITY


def denoised(kind: str, network: nn.Module, sigmas: tuple[float, ...], steps: list[Any]) -> Tensor:
    seen = torch.from_numpy(golden("denoise")[f"{kind}_context"])
    told: list[tuple[int, int]] = []
    latents = denoise(
        network,
        given("noise", 1, N_LATENTS, 64),
        seen,
        sigmas,
        Guidance(5.0),
        lambda done, of: told.append((done, of)),
    )
    steps.extend(told)
    return latents


@pytest.mark.parametrize(
    ("kind", "network"),
    [("plain", "plain"), ("distilled", "guided"), ("views", "plain"), ("turbo", "guided")],
)
def test_a_whole_denoise_of_five_steps_is_the_references(kind: str, network: str) -> None:
    sigmas = consistency_sigmas(5) if kind == "turbo" else flow_match_sigmas(5)
    steps: list[Any] = []
    latents = denoised(kind, dit(network), sigmas, steps)
    assert relative_error(latents, golden("denoise")[f"{kind}_latents"]) <= PARITY
    assert steps[-1] == ((5, 5) if kind == "turbo" else (4, 4))


@pytest.mark.parametrize("kind", ["plain", "turbo"])
def test_each_step_of_a_denoise_is_the_references(kind: str) -> None:
    sigmas = consistency_sigmas(5) if kind == "turbo" else flow_match_sigmas(5)
    network = dit("guided" if kind == "turbo" else "plain")
    theirs = golden("denoise")[f"{kind}_steps"]
    for n_steps in range(1, len(sigmas)):
        latents = denoised(kind, network, sigmas[: n_steps + 1], [])
        assert relative_error(latents[0], theirs[n_steps - 1]) <= PARITY


def test_the_references_last_evaluation_of_a_flow_moves_nothing() -> None:
    *_, before, after = golden("denoise")["plain_steps"]
    assert np.array_equal(before, after)


def test_an_error_above_the_bar_is_seen() -> None:
    latents, times, context = inputs()
    theirs = golden("dit")["plain"]
    assert relative_error(dit("plain")(latents, times + 1e-3, context), theirs) > 10 * PARITY
    assert relative_error(dit("plain")(latents, times, context * 1.1), theirs) > 10 * PARITY
    assert relative_error(torch.zeros(1), theirs) == float("inf")

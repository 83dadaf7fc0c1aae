"""Charts own whole blocks of texels, keep their distance, and fill the texture."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from shapes import ball, chair, head, noisy

from engine.geometry.atlas.overlap import claim_texels
from engine.geometry.mesh import Mesh
from engine.geometry.unwrap import UnwrapOptions, Unwrapped, unwrap

BODIES = {"bumpy ball": lambda: noisy(ball(5), 0.004), "head": head, "chair": chair}
EMPTY = -1


@cache
def laid_out(name: str, size_px: int, padding: int = 4) -> tuple[Mesh, Unwrapped]:
    mesh = BODIES[name]()
    return mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(size_px, padding))


def chart_texels(laid: Unwrapped, size_px: int) -> np.ndarray:
    """The chart (S, S) whose faces cover each texel, -1 for none."""
    owners = claim_texels(laid.uv, size_px).owners
    return np.where(owners >= 0, laid.charts[owners], EMPTY)


def blocks_of(texels: np.ndarray, block_px: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest chart in each block; in an empty block the highest is -1."""
    n = len(texels) // block_px
    blocks = texels.reshape(n, block_px, n, block_px)
    return np.where(blocks == EMPTY, 1 << 30, blocks).min(axis=(1, 3)), blocks.max(axis=(1, 3))


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("size_px", [512, 1024, 2048])
def test_no_two_charts_share_a_block(name: str, size_px: int) -> None:
    _, laid = laid_out(name, size_px)
    lowest, highest = blocks_of(chart_texels(laid, size_px), 8)
    assert (highest >= 0).sum() > 0.4 * (size_px / 8) ** 2
    assert not ((highest >= 0) & (lowest < highest)).any()


@pytest.mark.parametrize("name", BODIES)
def test_a_bilinear_sample_at_mip_level_3_stays_in_its_chart(name: str) -> None:
    size_px = 2048
    _, laid = laid_out(name, size_px)
    texels = chart_texels(laid, size_px)
    lowest, highest = blocks_of(texels, 8)
    rows, columns = np.nonzero(texels >= 0)
    own = texels[rows, columns]
    for down in (0, 1):
        for right in (0, 1):
            # The four texels of level 3 around a place are blocks of 8 x 8 texels of level 0.
            row = np.clip(np.floor((rows + 0.5) / 8 - 0.5).astype(int) + down, 0, size_px // 8 - 1)
            column = np.clip(np.floor((columns + 0.5) / 8 - 0.5).astype(int) + right, 0, size_px // 8 - 1)
            is_empty = highest[row, column] == EMPTY
            is_own = (lowest[row, column] == own) & (highest[row, column] == own)
            assert (is_empty | is_own).all()


@pytest.mark.parametrize(("size_px", "padding"), [(128, 2), (256, 4), (512, 4), (1024, 16)])
def test_charts_lie_the_padding_apart(size_px: int, padding: int) -> None:
    _, laid = laid_out("head", size_px, padding)
    texels = chart_texels(laid, size_px)
    reach = padding - 1  # centres of texels in two charts are at least the padding apart, less rounding
    highest = ndimage.maximum_filter(texels, reach)
    lowest = ndimage.minimum_filter(np.where(texels < 0, 1 << 30, texels), reach)
    assert (texels >= 0).sum() > 0.2 * size_px**2
    assert (highest == lowest)[texels >= 0].all()


@pytest.mark.parametrize(("name", "least"), [("bumpy ball", 0.5), ("head", 0.5), ("chair", 0.55)])
def test_charts_fill_the_texture(name: str, least: float) -> None:
    _, laid = laid_out(name, 2048)
    assert laid.use > least
    assert laid.use == claim_texels(laid.uv, 2048).n_covered / 2048**2


def test_a_texture_whose_size_is_no_multiple_of_a_block_is_used_all_the_same() -> None:
    mesh = head()
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(1001))
    assert claim_texels(laid.uv, 1001).n_contested == 0
    assert laid.use > 0.4


def test_brute_force_uses_no_less() -> None:
    mesh, laid = laid_out("head", 512)
    forced = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(512, brute_force=True))
    assert forced.use >= laid.use

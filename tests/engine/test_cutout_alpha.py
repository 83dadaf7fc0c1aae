"""A picture's own alpha is the cut-out, bit for bit but for specks; what a user should know of it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import SIDE_PX, Drawn, Pixels, noisy_grey, random_shapes, ring, subjects, white

from engine.errors import BadInput, WeightsMissing
from engine.imaging.cutout import Cutout, cut_out
from engine.imaging.picture import picture_from_pixels

NAME = "머그 잔.png"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for models, and no network of this computer's own."""
    for key in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tmp_path / "models"


def cut(pixels: Pixels, models: Path, method: str = "auto") -> Cutout:
    return cut_out(picture_from_pixels(pixels, NAME), method=method, models_dir=models)


def with_alpha(drawn: Drawn) -> Pixels:
    return np.dstack([drawn.colours.astype(np.uint8), np.round(drawn.alphas * 255).astype(np.uint8)])


@pytest.mark.parametrize("method", ["auto", "alpha"])
def test_alpha_is_kept_bit_for_bit(method: str, models: Path) -> None:
    for drawn in (*list(subjects().values())[:4], ring()):
        rgba = with_alpha(drawn)
        given = rgba.copy()
        result = cut(rgba, models, method)
        assert result.method == "alpha"
        assert result.notes == ()
        assert (result.rgba == given).all()
        assert (rgba == given).all()  # nothing is written into what was handed in


def test_an_alpha_that_is_half_clear_within_is_kept(models: Path) -> None:
    rgba = with_alpha(subjects()["disc"])
    rgba[100:120, 100:120, 3] = 90
    assert (cut(rgba, models).rgba == rgba).all()


def test_specks_go_with_their_soft_edges_and_the_rest_stays(models: Path) -> None:
    clean = with_alpha(subjects()["blob"])
    specked = clean.copy()
    rng = np.random.default_rng(2)
    for _ in range(30):
        y, x = rng.integers(4, SIDE_PX - 4, 2)
        if (clean[y - 4 : y + 5, x - 4 : x + 5, 3] == 0).all():
            specked[y - 1 : y + 2, x - 1 : x + 2, 3] = 60
            specked[y, x, 3] = 255
    assert (specked[..., 3] != clean[..., 3]).sum() > 50
    result = cut(specked, models)
    assert (result.rgba[..., 3] == clean[..., 3]).all()
    assert (result.rgba[..., :3] == clean[..., :3]).all()
    assert result.notes == ()


def test_a_speck_beside_the_outline_takes_nothing_of_it(models: Path) -> None:
    clean = with_alpha(subjects()["tall box"])
    row = SIDE_PX // 2
    last = int(np.flatnonzero(clean[row, :, 3] > 127)[-1])
    specked = clean.copy()
    specked[row, last + 3, 3] = 255
    result = cut(specked, models)
    assert result.rgba[row, last + 3, 3] == 0
    assert (result.rgba[..., 3] == clean[..., 3]).all()


def test_holes_stay_open(models: Path) -> None:
    middle = SIDE_PX // 2
    for pixels, method in ((with_alpha(ring()), "alpha"), (ring().over(white()), "grabcut")):
        result = cut(pixels, models)
        assert result.method == method
        assert (result.rgba[middle - 30 : middle + 30, middle - 20 : middle + 20, 3] == 0).all()


def test_several_parts_are_counted(models: Path) -> None:
    rgba = np.zeros((100, 200, 4), np.uint8)
    rgba[20:80, 10:60] = (200, 40, 40, 255)
    rgba[30:70, 100:130] = (40, 200, 40, 255)
    rgba[40:60, 150:190] = (40, 40, 200, 255)
    assert cut(rgba, models).notes == (f"The subject of {NAME} has 3 separate parts.",)
    on_white = np.where(rgba[..., 3:] > 0, rgba[..., :3], 255).astype(np.uint8)
    assert f"The subject of {NAME} has 3 separate parts." in cut(on_white, models).notes


def test_a_cut_off_subject_is_told_unless_the_alpha_is_its_maker_s_own(models: Path) -> None:
    drawn = subjects()["disc"]
    shown = drawn.over(white())[:, : SIDE_PX - 60]
    assert f"The subject of {NAME} touches the picture's edge and may be cut off." in cut(shown, models).notes
    assert cut(with_alpha(drawn)[:, : SIDE_PX - 60], models).notes == ()
    assert not any("edge" in note for note in cut(drawn.over(white()), models).notes)


def test_a_fallback_says_so_and_a_wish_does_not(models: Path) -> None:
    pixels = subjects()["disc"].over(noisy_grey())
    result = cut(pixels, models)
    assert result.method == "grabcut"
    assert result.notes == (
        f"{NAME} was cut out by colour (a fallback without a network; the background is plain).",
    )
    assert cut(pixels, models, "grabcut").notes == ()


@pytest.mark.parametrize("method", ["auto", "grabcut"])
def test_a_busy_background_is_called_a_guess_with_the_remedy(method: str, models: Path) -> None:
    notes = cut(subjects()["disc"].over(random_shapes()), models, method).notes
    assert notes[0].startswith(f"The background of {NAME} is busy: the cut-out (by GrabCut) is a guess.")
    assert "birefnet-general.onnx" in notes[0]
    assert "a picture with alpha" in notes[0]


def test_colour_is_used_by_name_even_where_there_is_alpha(models: Path) -> None:
    drawn = subjects()["disc"]
    rgba = np.dstack([drawn.over(white()), np.full((SIDE_PX, SIDE_PX), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    result = cut(rgba, models, "grabcut")
    assert result.method == "grabcut"
    assert ((result.rgba[..., 3] > 127) == drawn.inside).mean() > 0.99


def test_alpha_asked_of_an_opaque_picture_is_refused(models: Path) -> None:
    with pytest.raises(BadInput, match="no transparent background") as caught:
        cut(subjects()["disc"].over(white()), models, "alpha")
    assert NAME in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["u2net", "isnet-general-use", "birefnet-general"])
def test_a_network_that_is_not_here_is_named_with_its_file_and_folder(name: str, models: Path) -> None:
    with pytest.raises(WeightsMissing) as caught:
        cut(subjects()["disc"].over(white()), models, name)
    assert f"{name}.onnx" in caught.value.message
    assert str(models) in caught.value.remedy
    assert caught.value.action == "download_models"

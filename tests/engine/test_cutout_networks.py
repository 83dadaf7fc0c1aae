"""A local ONNX file is run as its publisher means it, found where rembg keeps it, and never fetched."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_pictures import SIDE_PX, Pixels, disc_alphas, ramp, random_shapes, subjects

from engine.errors import BadInput
from engine.imaging.cutout import Cutout, cut_out
from engine.imaging.networks import NETWORKS, CutoutNetwork, find_networks, network_named
from engine.imaging.picture import picture_from_pixels
from engine.imaging.segmentation import segment

onnx = pytest.importorskip("onnx")

NAMES = [network.name for network in NETWORKS]
# What the publishers' own code does (and rembg after it), written down a second time.
SIDES = {"birefnet-general": 1024, "isnet-general-use": 1024, "u2net": 320}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
NORMALS = {
    "birefnet-general": IMAGENET,
    "isnet-general-use": ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    "u2net": IMAGENET,
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither a network of this computer's own, nor a way to fetch one."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was tried")

    for key in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def write_network(
    file: Path,
    weights: Sequence[float] = (1, 0, 0),
    bias: float = 0.0,
    *,
    side_px: int = 320,
    shrinks: bool = False,
    is_fixed: bool = True,
) -> Path:
    """A network of one layer: the answer is `bias` and the channels of its input, weighted."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    side = side_px if is_fixed else "side"
    stride = 2 if shrinks else 1
    kernel = np.array(weights, np.float32).reshape(1, 3, 1, 1)
    made = helper.make_model(
        helper.make_graph(
            [helper.make_node("Conv", ["picture", "kernel", "bias"], ["answer"], strides=[stride, stride])],
            "drawn",
            [helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, [1, 3, side, side])],
            [helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, [1, 1, None, None])],
            [
                numpy_helper.from_array(kernel, "kernel"),
                numpy_helper.from_array(np.array([bias], np.float32), "bias"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(made.SerializeToString())
    return file


def red_disc() -> Pixels:
    """A red disc among bluish clutter: its red channel is its outline."""
    alphas = disc_alphas(200, 260)[..., None] / 255
    clutter = np.random.default_rng(0).integers(0, 20, (200, 260, 3)) + np.array((0, 60, 120))
    return np.round(alphas * (250, 20, 20) + (1 - alphas) * clutter).astype(np.uint8)


def cut(pixels: Pixels, models: Path, method: str = "auto") -> Cutout:
    return cut_out(picture_from_pixels(pixels, "머그 잔.png"), method=method, models_dir=models)


# What the network sees, and what its answer becomes.


@pytest.mark.parametrize("name", NAMES)
def test_a_network_cuts_out_what_it_answers(name: str, alone: Path) -> None:
    # Logits around zero for BiRefNet: steep, so that the sigmoid has something to do.
    logit = name == "birefnet-general"
    write_network(alone / f"{name}.onnx", (8 if logit else 1, 0, 0), side_px=SIDES[name])
    result = cut(red_disc(), alone)
    assert result.method == name
    assert result.notes == ()
    truth = disc_alphas(200, 260)
    inside = result.rgba[..., 3] > 127
    assert (inside & (truth > 127)).sum() / (inside | (truth > 127)).sum() > 0.97
    assert (result.rgba[..., :3] == red_disc()).all()


def normalised(name: str, pixels: Pixels) -> Any:
    means, deviations = (np.array(values) for values in NORMALS[name])
    return (pixels / pixels.max() - means) / deviations


@pytest.mark.parametrize("name", NAMES)
def test_the_input_is_normalised_as_the_publisher_does(name: str, alone: Path) -> None:
    """Three flat stripes, brightest 200: a sum of channels tells every mean and deviation apart."""
    colours = np.array([[20, 90, 200], [150, 30, 60], [110, 120, 10]], np.uint8)
    pixels = np.repeat(np.repeat(colours[:, None], 100, axis=1), 100, axis=0)
    weights = (0.9, 0.35, 0.6)
    file = write_network(alone / "x.onnx", weights, side_px=SIDES[name])
    seen = segment(pixels, network_named(name), file)[[50, 150, 250], 50]
    raw = normalised(name, colours) @ weights
    if name == "birefnet-general":
        raw = 1 / (1 + np.exp(-raw))
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    assert 0.1 < np.sort(expected)[1] < 0.9  # the middle one is what can go wrong
    # Ringing of the resizing at the stripes' edges widens the range a little.
    assert np.sort(seen) == pytest.approx(np.sort(expected), abs=0.12)
    assert (seen.argsort() == expected.argsort()).all()


def middle_of_three(name: str, alone: Path, colours: Any, weights: Sequence[float], bias: float) -> float:
    """Where the second of three colours lands, the first being 0 and the third 1; no resizing is involved."""
    side = SIDES[name]
    pixels = np.repeat(np.asarray(colours, np.uint8), [side // 4, side // 4, side // 2], axis=0)
    pixels = np.repeat(pixels[:, None], side, axis=1)
    answer = segment(
        pixels, network_named(name), write_network(alone / "x.onnx", weights, bias, side_px=side)
    )
    assert answer[0, 0] == pytest.approx(0, abs=1e-3)
    assert answer[-1, 0] == pytest.approx(1, abs=1e-3)
    return float(answer[side // 4 + side // 8, 0])


@pytest.mark.parametrize("name", NAMES)
def test_deviations_weigh_channels_and_brightness_is_that_of_the_brightest(name: str, alone: Path) -> None:
    # Red adds a, blue adds b; their ratio in the answer is that of the deviations, turned over.
    colours = [(0, 0, 0), (100, 0, 0), (100, 0, 100)]
    red, blue = 1 / NORMALS[name][1][0], 1 / NORMALS[name][1][2]
    means = NORMALS[name][0]
    low = -means[0] * red - means[1] / NORMALS[name][1][1] * 0 - means[2] * blue
    answers = np.array([low, low + red, low + red + blue])  # 100 is the brightest: it counts as one
    if name == "birefnet-general":
        answers = 1 / (1 + np.exp(-answers))
    expected = (answers[1] - answers[0]) / (answers[2] - answers[0])
    assert middle_of_three(name, alone, colours, (1, 0, 1), 0.0) == pytest.approx(expected, abs=2e-3)


def test_only_birefnet_is_taken_for_logits(alone: Path) -> None:
    colours = [(0, 0, 0), (51, 51, 51), (255, 255, 255)]
    assert [network.name for network in NETWORKS if network.is_logit] == ["birefnet-general"]
    # Evenly spread answers stay evenly spread without a sigmoid, and bend with one.
    for name in ("isnet-general-use", "u2net"):
        assert middle_of_three(name, alone, colours, (4, 0, 0), 5.0) == pytest.approx(0.2, abs=2e-3)
    answers = (np.array([0, 0.2, 1]) - 0.485) / 0.229 * 4
    bent = 1 / (1 + np.exp(-answers))
    expected = (bent[1] - bent[0]) / (bent[2] - bent[0])
    assert expected < 0.01
    assert middle_of_three("birefnet-general", alone, colours, (4, 0, 0), 0.0) == pytest.approx(
        expected, abs=2e-3
    )


def test_answers_are_stretched_to_their_whole_range(alone: Path) -> None:
    file = write_network(alone / "u2net.onnx", (0.01, 0, 0), bias=7.0)
    alphas = segment(red_disc(), network_named("u2net"), file)
    assert alphas.shape == (200, 260)
    assert alphas.min() == 0
    assert alphas.max() > 0.95  # the brightest pixel, less what resizing takes of it


def test_a_network_without_a_fixed_size_is_given_its_own(alone: Path) -> None:
    write_network(alone / "u2net.onnx", is_fixed=False)
    assert cut(red_disc(), alone).method == "u2net"


def test_a_network_that_finds_nothing_is_refused_in_words(alone: Path) -> None:
    write_network(alone / "u2net.onnx", (0, 0, 0), bias=0.0)
    with pytest.raises(BadInput, match=r"No subject was found in 머그 잔\.png.*u2net"):
        cut(red_disc(), alone)


# Files that are no network.


def not_onnx(file: Path) -> None:
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 9)


def cut_short(file: Path) -> None:
    write_network(file)
    file.write_bytes(file.read_bytes()[:60])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def wrong_side(file: Path) -> None:
    write_network(file, side_px=64)


@pytest.mark.parametrize("spoil", [not_onnx, cut_short, empty, wrong_side])
def test_a_broken_file_is_named_with_what_to_do(spoil: Callable[[Path], None], alone: Path) -> None:
    file = alone / "모델 폴더" / "u2net.onnx"
    file.parent.mkdir()
    spoil(file)
    with pytest.raises(BadInput) as caught:
        cut(red_disc(), file.parent)
    assert str(file) in caught.value.message
    assert "u2net" in caught.value.message
    assert len(caught.value.message) < 600
    assert "Delete the file" in caught.value.remedy
    assert caught.value.action == "download_models"


def test_an_answer_of_another_shape_is_refused_with_both(alone: Path) -> None:
    write_network(alone / "u2net.onnx", shrinks=True)
    with pytest.raises(BadInput) as caught:
        cut(red_disc(), alone)
    assert "(1, 1, 160, 160)" in caught.value.message
    assert "320 x 320" in caught.value.message
    assert str(alone / "u2net.onnx") in caught.value.message


# Which network, and from where.


def test_the_best_network_that_is_here_is_taken(alone: Path) -> None:
    for name in reversed(NAMES):
        write_network(alone / f"{name}.onnx", (8, 0, 0), side_px=SIDES[name])
        assert cut(red_disc(), alone).method == name
    assert cut(red_disc(), alone, "u2net").method == "u2net"
    assert cut(subjects()["disc"].over(random_shapes()), alone, "grabcut").method == "grabcut"


def test_an_own_alpha_comes_before_any_network(alone: Path) -> None:
    not_onnx(alone / "u2net.onnx")  # would fail if it were opened
    rgba = np.dstack([ramp(), disc_alphas()])
    assert cut(rgba, alone).method == "alpha"


def test_every_place_is_searched_in_its_order(alone: Path) -> None:
    models, home, named, shared = (alone / name for name in ("models", "home", "u2net home", "xdg"))
    plain: dict[str, str] = {}
    places = [
        (models / "u2net.onnx", plain),
        (models / "u2net" / "u2net.onnx", plain),
        (named / "models" / "u2net" / "u2net.onnx", {"U2NET_HOME": str(named)}),
        (named / "u2net.onnx", {"REMBG_HOME": str(named)}),
        (shared / "rembg" / "models" / "u2net" / "u2net.onnx", {"XDG_DATA_HOME": str(shared)}),
        (shared / "rembg" / "u2net.onnx", {"XDG_DATA_HOME": str(shared)}),
        (home / ".rembg" / "models" / "u2net" / "u2net.onnx", plain),
        (home / ".rembg" / "u2net.onnx", plain),
        (home / ".u2net" / "u2net.onnx", plain),
    ]
    for file, environment in reversed(places):
        assert file not in find_networks(models, environment, home).values()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
        assert find_networks(models, environment, home) == {"u2net": file}


def test_u2net_home_is_preferred_to_rembg_home_and_both_to_xdg(alone: Path) -> None:
    keys = ("XDG_DATA_HOME", "REMBG_HOME", "U2NET_HOME")
    for key in keys:
        below = "rembg" if key == "XDG_DATA_HOME" else "."
        (alone / key / below).mkdir(parents=True)
        (alone / key / below / "isnet-general-use.onnx").write_bytes(b"x")
    environment: dict[str, str] = {}
    for key in keys:
        environment[key] = str(alone / key)
        found = find_networks(alone / "models", environment, alone / "home")["isnet-general-use"]
        assert (alone / key) in found.parents


def test_a_folder_of_that_name_and_other_files_are_no_networks(alone: Path) -> None:
    (alone / "u2net.onnx").mkdir()
    (alone / "bria-rmbg.onnx").write_bytes(b"x")
    (alone / "u2net.onnx.part").write_bytes(b"x")
    assert find_networks(alone, {}, alone / "home") == {}


def test_no_network_forbids_commercial_use() -> None:
    assert {network.licence for network in NETWORKS} <= {"MIT", "Apache-2.0"}
    assert NAMES == ["birefnet-general", "isnet-general-use", "u2net"]
    assert {network.name: network.side_px for network in NETWORKS} == SIDES
    assert all(isinstance(network, CutoutNetwork) for network in NETWORKS)


def test_an_absent_network_is_not_fetched(alone: Path) -> None:
    result = cut(subjects()["disc"].over(random_shapes()), alone)
    assert result.method == "grabcut"
    assert result.rgba.shape == (SIDE_PX, SIDE_PX, 4)
    assert sorted(alone.rglob("*.onnx")) == []

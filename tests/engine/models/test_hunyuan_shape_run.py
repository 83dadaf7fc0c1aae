"""From a picture to a textured GLB with each public checkpoint, a thousand times smaller."""

from __future__ import annotations

import itertools
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree
from tiny_hunyuan import FOLDERS, write_tiny_bundle, write_tiny_decoder
from tiny_runs import Heard, asset, generate, settle

from engine.errors import Cancelled
from engine.models.hunyuan3d import sampler, shape_vae
from engine.stages.load_networks import load_networks
from protocol.names import SHAPE_MODELS

STAGES = ["preprocess", "load", "shape", "clean", "unwrap", "bake", "inpaint", "save"]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


def said(path: str = "made.glb") -> dict[str, Any]:
    """The JSON part of a GLB."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack_from("<I", content, 12)
    found: dict[str, Any] = json.loads(content[20 : 20 + length])
    return found


def farthest(one: np.ndarray, other: np.ndarray) -> float:
    """How far any vertex of one body is from those of another, in the body's own units."""
    return float(max(cKDTree(a).query(b)[0].max() for a, b in ((one, other), (other, one))))


@pytest.mark.parametrize("model", SHAPE_MODELS)
def test_every_checkpoint_makes_a_closed_textured_body(model: str, models: Path) -> None:
    write_tiny_bundle(models, model)
    assert generate("--report", "made.json", model=model) == 0
    report = json.loads(Path("made.json").read_text(encoding="utf-8"))
    assert [stage["name"] for stage in report["stages"]] == STAGES
    assert report["mesh"]["watertight"]
    assert report["mesh"]["faces"] > 100
    (used,) = report["provenance"]["models"]
    assert used["name"] == f"hunyuan3d-2/{model}"
    assert used["revision"] == FOLDERS[model]
    assert "Tencent" in used["licence"]
    assert said()["asset"]["extras"]["maquette"]["backend"] == "hunyuan3d-2"


def test_the_same_seed_is_the_same_file_and_another_seed_another_body(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    files = []
    for seed in ("3", "3", "4"):
        assert generate("--seed", seed) == 0
        files.append(Path("made.glb").read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


@pytest.mark.parametrize(
    "views", [("left", "front"), ("back", "front", "left"), ("right", "back", "left", "front")]
)
def test_views_in_any_order_make_the_same_body(views: tuple[str, ...], models: Path) -> None:
    write_tiny_bundle(models, "mv")
    orders = list(itertools.permutations(views))
    first, last = (
        asset(models, {"load.model": "mv"}, views=order).mesh.vertices for order in (orders[0], orders[-1])
    )
    assert np.array_equal(first, last)


def test_each_view_has_its_say(models: Path) -> None:
    write_tiny_bundle(models, "mv")
    views = [("front",), ("front", "left"), ("front", "right"), ("front", "left", "back", "right")]
    bodies = [asset(models, {"load.model": "mv"}, views=some).mesh.vertices for some in views]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(bodies, 2))


def test_streaming_changes_no_bit(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    held, streamed = (asset(models, {"load.stream": word}).mesh for word in ("false", "true"))
    assert np.array_equal(held.vertices, streamed.vertices)
    assert np.array_equal(held.faces, streamed.faces)


def test_chunks_move_the_body_by_no_more_than_the_last_bit_of_a_sum(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    whole, parts = (asset(models, {"shape.chunk": chunk}).mesh.vertices for chunk in ("0", "500"))
    assert farthest(whole, parts) < 1e-3


def test_fewer_keys_give_nearly_the_same_body(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    exact, near = (asset(models, {"shape.keys": keys}).mesh.vertices for keys in ("all", "adaptive"))
    cell = np.ptp(exact, axis=0).max() / 20  # of an octree of 32 in which the body fills two thirds
    assert farthest(exact, near) < 3 * cell


def test_the_turbo_decoder_makes_a_closed_body_of_its_own(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    write_tiny_decoder(models, "2.0")
    own, turbo = (asset(models, {"load.vae": form}) for form in ("bundle", "turbo"))
    assert turbo.report["mesh"]["watertight"]
    assert not np.array_equal(own.mesh.vertices, turbo.mesh.vertices)


@pytest.mark.parametrize("form", ["safetensors", "ckpt"])
@pytest.mark.parametrize("dtype", ["F16", "F32"])
def test_any_form_of_the_weights_is_taken(form: Any, dtype: Any, models: Path) -> None:
    write_tiny_bundle(models, "mini", form=form, dtype=dtype)
    assert generate(model="mini") == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"shape.octree": "16"},
        {"shape.octree": "101"},
        {"shape.steps": "2"},
        {"shape.parity": "true"},
        {"shape.guidance": "0"},
        {"shape.guidance_to": "0.5", "shape.guidance_every": "10", "shape.guidance_fill": "skip"},
        {"load.precision": "bfloat16", "load.stream": "true"},
    ],
    ids=str,
)
def test_settings_at_their_ends_still_make_a_closed_body(settings: dict[str, str], models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    assert asset(models, settings).report["mesh"]["watertight"]


def test_a_turbo_model_takes_one_step(models: Path) -> None:
    write_tiny_bundle(models, "2.0-turbo")
    heard = Heard()
    asset(models, {"shape.steps": "1"}, heard=heard)
    assert heard.of("shape")[-1][1] == 2 + 1 + 20


@pytest.mark.parametrize("after", [1, 3, 8, 15])
def test_a_cancel_is_heard_at_the_next_step(after: int, models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    heard = Heard(ends_in="shape", after=after)
    with pytest.raises(Cancelled):
        asset(models, {"shape.octree": "128"}, heard=heard)
    assert len(heard.of("shape")) == after + 1


def test_a_cancel_is_heard_while_weights_are_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_bundle(models, "2.0")
    heard, n_asked = Heard(), 0

    def is_cancelled() -> bool:
        nonlocal n_asked
        n_asked += "shape" in heard.stages
        return n_asked > 5  # tensors of the picture encoder

    monkeypatch.setattr(heard, "is_cancelled", is_cancelled)
    with pytest.raises(Cancelled):
        asset(models, heard=heard)
    assert heard.of("shape") == []


def test_one_network_is_held_at_a_time_and_none_afterwards(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_bundle(models, "2.0")
    made: list[Any] = []
    for network in (sampler.Dit, shape_vae.LatentDecoder, shape_vae.FieldDecoder):

        def build(self: Any, *size: Any, plain: Any = network.__init__) -> None:
            assert all(part.is_meta for other in made for part in other.parameters())
            plain(self, *size)
            made.append(self)

        monkeypatch.setattr(network, "__init__", build)
    asset(models)
    assert len(made) == 3
    assert all(part.is_meta for network in made for part in network.parameters())


def test_the_files_are_closed_whatever_ends_the_shape(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_bundle(models, "2.0")
    opened: list[Any] = []

    def keep(*given: Any) -> Any:
        stage = load_networks(*given)

        def work(*asked: Any) -> Any:
            opened.append(stage.work(*asked))
            return opened[-1]

        return type(stage)(stage.name, work)

    monkeypatch.setattr("engine.pipelines.hunyuan3d.load_networks", keep)
    asset(models)
    with pytest.raises(Cancelled):
        asset(models, heard=Heard(ends_in="shape"))
    for each in opened:
        with pytest.raises(ValueError, match="closed"):
            each.bundle.dit.read("latent_in.weight")


def test_progress_of_the_shape_rises_to_its_end(models: Path) -> None:
    write_tiny_bundle(models, "2.0-turbo")
    heard = Heard()
    asset(models, heard=heard)
    steps = heard.of("shape")
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_the_processor_is_said_to_be_slow(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    heard = Heard()
    asset(models, {"load.compute": "cpu"}, heard=heard)
    assert any("processor" in note for note in heard.notes)

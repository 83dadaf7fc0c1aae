"""A checkpoint is opened as one: its config and its tensors must tell of the same networks, or it is refused.

A bundle is one file with three networks, told apart by the first part of their tensors' names: `model`
(the diffusion transformer), `vae` (the decoder of latents), `conditioner` (the picture encoder). Imports no
torch until a file of tensors is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput
from engine.weights.config import ShapeConfig, VaeConfig, read_shape_config, read_vae_config
from engine.weights.header import remedy_for
from engine.weights.inventory import Located
from engine.weights.tensors import Tensors, open_tensors

DINO_PREFIX = "conditioner.main_image_encoder.model"
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Bundle:
    """An open shape checkpoint; `close` it, or use it in a `with`."""

    located: Located
    config: ShapeConfig
    tensors: Tensors

    @property
    def dit(self) -> Tensors:
        """The tensors of the diffusion transformer, named without their prefix."""
        return self.tensors.under("model")

    @property
    def vae(self) -> Tensors:
        """The tensors of the decoder of latents."""
        return self.tensors.under("vae")

    @property
    def dino(self) -> Tensors:
        """The tensors of the picture encoder."""
        return self.tensors.under(DINO_PREFIX)

    def close(self) -> None:
        """Closes the file."""
        self.tensors.close()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_bundle(located: Located) -> Bundle:
    """Opens the checkpoint at `located` and checks it; raises BadInput. Only headers are read."""
    config = read_shape_config(located.config)
    tensors = open_tensors(located.weights, model=located.model.full_name)
    try:
        agree(config, tensors.shapes(), located)
    except BaseException:
        tensors.close()
        raise
    return Bundle(located, config, tensors)


def open_decoder(located: Located) -> tuple[VaeConfig, Tensors]:
    """The turbo decoder that lies beside the checkpoint, its tensors without a prefix; raises BadInput.

    Ask `located.turbo_decoder` before: None means that there is none.
    """
    files = located.turbo_decoder
    if files is None:
        raise ValueError(f"{located.model.full_name} has no turbo decoder here")
    config = read_vae_config(files.config)
    tensors = open_tensors(files.weights, model=located.model.full_name)
    try:
        _compare(_vae_facts(config, tensors.shapes(), ""), files.config, files.weights, located)
    except BaseException:
        tensors.close()
        raise
    return config, tensors


def agree(config: ShapeConfig, shapes: Shapes, located: Located) -> None:
    """Raises BadInput, with both numbers, unless `config` fits a bundle of tensors of `shapes`."""
    for prefix, what in (
        ("model.", "the diffusion transformer"),
        ("vae.", "the decoder of latents"),
        ("conditioner.", "the picture encoder"),
    ):
        if not any(name.startswith(prefix) for name in shapes):
            raise BadInput(
                f"{located.weights} lacks {what}: none of its {len(shapes)} tensors begins with {prefix}",
                remedy=remedy_for(located.model.full_name),
            )
    dit, dino = config.dit, config.conditioner
    has_guidance = "model.guidance_in.in_layer.weight" in shapes
    if dit.has_guidance != has_guidance:
        forms = {True: "the fast or turbo form (with guidance_in)", False: "the plain form"}
        raise BadInput(
            f"{located.config} is of {forms[dit.has_guidance]}, {located.weights} of {forms[has_guidance]}.",
            remedy=remedy_for(located.model.full_name),
        )
    facts = [
        ("model.params.depth", dit.n_double, _n_blocks(shapes, "model.double_blocks.")),
        ("model.params.depth_single_blocks", dit.n_single, _n_blocks(shapes, "model.single_blocks.")),
        ("model.params.hidden_size", dit.width, _axis(shapes, "model.latent_in.weight", 0)),
        ("model.params.in_channels", dit.latent_channels, _axis(shapes, "model.latent_in.weight", 1)),
        ("model.params.context_in_dim", dit.context_channels, _axis(shapes, "model.cond_in.weight", 1)),
        (
            "model.params.num_heads",
            dit.n_heads,
            _n_heads(dit.width, _axis(shapes, "model.double_blocks.0.img_attn.norm.query_norm.scale", 0)),
        ),
        *((f"vae.params.{key}", said, found) for key, said, found in _vae_facts(config.vae, shapes, "vae.")),
        ("conditioner hidden_size", dino.width, _axis(shapes, f"{DINO_PREFIX}.layernorm.weight", 0)),
        (
            "conditioner num_hidden_layers",
            dino.n_layers,
            _n_blocks(shapes, f"{DINO_PREFIX}.encoder.layer."),
        ),
        ("vae.params.embed_dim", config.vae.latent_channels, dit.latent_channels),
        ("conditioner hidden_size", dino.width, dit.context_channels),
    ]
    _compare(facts, located.config, located.weights, located)


Fact = tuple[str, int, int | None]  # a key, what the config says, and what the tensors say (None: nothing)


def _vae_facts(config: VaeConfig, shapes: Shapes, prefix: str) -> list[Fact]:
    norm = f"{prefix}transformer.resblocks.0.attn.attention.q_norm.weight"
    points = _axis(shapes, f"{prefix}geo_decoder.query_proj.weight", 1)
    return [
        ("embed_dim", config.latent_channels, _axis(shapes, f"{prefix}post_kl.weight", 1)),
        ("width", config.width, _axis(shapes, f"{prefix}post_kl.weight", 0)),
        ("num_decoder_layers", config.n_layers, _n_blocks(shapes, f"{prefix}transformer.resblocks.")),
        ("heads", config.n_heads, _n_heads(config.width, _axis(shapes, norm, 0))),
        # A point enters as its 3 coordinates and their sines and cosines at each frequency.
        ("num_freqs", config.n_frequencies, None if points is None else (points - 3) // 6),
    ]


def _compare(facts: list[Fact], config: Path, weights: Path, located: Located) -> None:
    for key, said, found in facts:
        if found is None:
            raise BadInput(
                f"{weights} lacks the tensor that shows {key}, {said} by {config.name}.",
                remedy=remedy_for(located.model.full_name),
            )
        if found != said:
            raise BadInput(
                f"{config} says {key} = {said}, the tensors of {weights.name} say {found}.",
                remedy=f"Both must be of one model. {remedy_for(located.model.full_name)}",
            )


def _axis(shapes: Shapes, name: str, axis: int) -> int | None:
    """The size of one axis of a tensor, None if there is no such tensor or axis."""
    shape = shapes.get(name, ())
    return shape[axis] if axis < len(shape) else None


def _n_heads(width: int, head: int | None) -> int | None:
    return None if not head or width % head else width // head


def _n_blocks(shapes: Shapes, prefix: str) -> int | None:
    """How many numbers follow `prefix` in the names, None if there is none."""
    numbers = {name[len(prefix) :].partition(".")[0] for name in shapes if name.startswith(prefix)}
    return len(numbers) or None

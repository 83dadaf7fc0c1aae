"""Stage shape of the network backends: from pictures and noise to latents, a field and its surface.

Each network is in memory while it is used. Numbers that are not finite are found after each of them, and the
shape is made once more in a wider format before that is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from engine.errors import BadInput, Numerics
from engine.geometry.cameras import NAMED_VIEWS, Orthographic
from engine.geometry.fit import fit_view
from engine.geometry.marching import march
from engine.geometry.mesh import Mesh
from engine.geometry.outline import crisp
from engine.models.finite import NotFinite, check_finite
from engine.models.flow import consistency_sigmas, flow_match_sigmas
from engine.models.guidance import Guidance
from engine.models.hunyuan3d.conditioner import condition
from engine.models.hunyuan3d.dinov2 import Dinov2, dino_size
from engine.models.hunyuan3d.dit import Dit, dit_size
from engine.models.hunyuan3d.flashvdm import selecting_field, usual_selection
from engine.models.hunyuan3d.pictures import order_views, parity_picture, shape_picture
from engine.models.hunyuan3d.sampler import denoise, initial_noise
from engine.models.hunyuan3d.shape_vae import FieldDecoder, LatentDecoder, vae_size
from engine.models.hunyuan3d.volume import CHUNK, Field, SurfaceCells, decode_near_surface
from engine.models.residence import Place, resident
from engine.runner import Progress, Stage
from engine.settings import ShapeSettings, steps_of
from engine.stages.load_networks import Opened
from engine.stages.values import Body, Subject

Tensor = Any

# What each part of the work counts for in the progress that is told, beside the steps of sampling.
_SEEING, _DECODING = 2, 20
# What the networks need beside their weights, in bytes of float16 at the public sizes; twice that in float32.
# Measured on an H100, 2026-11 (docs/hunyuan3d.md), the allocator's rounding of weights included.
_SEEING_BYTES, _DECODING_BYTES = 200 << 20, 80 << 20
_SAMPLING_BYTES, _SAMPLING_TOKEN_BYTES = 60 << 20, 62 << 10
_FIELD_BYTES, _FIELD_POINT_BYTES = 150 << 20, 26 << 10
_FITTING_SHARE = 0.5  # of outlines in common, below which a picture is not laid over the shape by them


def shape_networks(settings: ShapeSettings, seed: int) -> Stage[Opened, Body]:
    """The stage from an open checkpoint to a body; raises Numerics if no usable shape comes out."""

    def work(opened: Opened, progress: Progress) -> Body:
        mesh, trouble = _tried(Making(opened, settings, seed, progress))
        place = _wider(opened.place)
        if mesh is None and place is not None:
            name = str(place.dtype).removeprefix("torch.")
            progress.note(f"{trouble} gave NaN: the shape is made once more in {name}.")
            mesh, trouble = _tried(Making(replace(opened, place=place), settings, seed, progress))
        if mesh is None:
            raise Numerics(
                f"{trouble} gave NaN.",
                remedy="Are the weights whole? `maquette models list` says so; else try another seed.",
            )
        cameras = {subject.view: _camera(mesh, subject, progress) for subject in opened.subjects}
        return Body(mesh, cameras, opened.subjects)

    return Stage("shape", work)


def guidance_of(settings: ShapeSettings) -> Guidance:
    """How the settings guide."""
    return Guidance(
        settings.guidance,
        settings.guidance_every,
        settings.guidance_from,
        settings.guidance_to,
        settings.guidance_fill,
    )


@dataclass
class Making:
    """One attempt, from pictures to a mesh, part by part."""

    opened: Opened
    settings: ShapeSettings
    seed: int
    progress: Progress

    def __post_init__(self) -> None:
        scheduler = self.opened.bundle.config.scheduler
        n_steps = steps_of(self.settings, self.opened.model)
        if scheduler.kind == "consistency":
            self.sigmas = consistency_sigmas(
                min(n_steps, scheduler.n_pcm), scheduler.n_train, scheduler.n_pcm
            )
        else:
            self.sigmas = flow_match_sigmas(max(n_steps, 2), scheduler.shift)
        self.n_sampled = len(self.sigmas) - 1
        self.n_told = _SEEING + self.n_sampled + _DECODING

    def mesh(self) -> Mesh:
        """The surface, in the common frame's axes."""
        cells = self.decoded(self.sampled(self.seen()))
        vertices, faces = march(cells.cells, cells.values, self.settings.level)
        if len(faces) == 0:
            raise Numerics(
                "The shape has no surface: the volume is wholly inside or wholly outside.",
                remedy="Try another seed, more steps (shape.steps), or a picture with a clearer subject.",
            )
        placed = cells.to_world(vertices, is_parity=self.settings.parity).cpu().numpy()
        return Mesh(np.asarray(placed, np.float32), np.asarray(faces.cpu().numpy(), np.int32))

    def seen(self) -> Tensor:
        """What the transformer sees of the pictures, (1, T, C)."""
        opened, config = self.opened, self.opened.bundle.config
        views = [subject.view for subject in opened.subjects]
        order = order_views(views, model=opened.model, known=opened.bundle.located.model.views)
        images = [self.picture(opened.subjects[at]) for at in order.positions]
        numbers = order.numbers if config.conditioner.is_multi_view else None
        tensors = opened.bundle.dino
        shapes = tensors.shapes()
        head = config.conditioner.width // config.conditioner.n_heads
        with resident(
            lambda: Dinov2(dino_size(shapes, head=head)),
            tensors,
            opened.place,
            what="The picture encoder",
            working_bytes=self._working(_SEEING_BYTES),
        ) as network:
            self.progress.step(1, self.n_told)
            seen = condition(network, images, config.conditioner.image_px, numbers)
            check_finite(seen, "The picture encoder")
        self.progress.step(_SEEING, self.n_told)
        return seen

    def picture(self, subject: Subject) -> Tensor:
        """A subject as the picture encoder wants it, (3, S, S) in [-1, 1]."""
        how = self.opened.bundle.config.picture
        if self.settings.parity and subject.uncentred is not None:
            return parity_picture(subject.uncentred, how.border, how.size_px)
        return shape_picture(subject.rgba, how.size_px)

    def sampled(self, seen: Tensor) -> Tensor:
        """The latents of a shape, (1, N, C), as the decoder wants them."""
        config, tensors = self.opened.bundle.config, self.opened.bundle.dit
        size = dit_size(tensors.shapes())
        noise = initial_noise(config.vae.n_latents, size.latent_channels, self.seed)
        n_tokens = seen.shape[1] + noise.shape[1]
        with resident(
            lambda: Dit(size),
            tensors,
            self.opened.place,
            what="The shape network",
            working_bytes=self._working(_SAMPLING_BYTES + n_tokens * _SAMPLING_TOKEN_BYTES),
        ) as network:
            latents = denoise(
                network, noise, seen, self.sigmas, guidance_of(self.settings), self._tell_sampling
            )
        return latents / self.opened.vae[0].scale_factor

    def decoded(self, latents: Tensor) -> SurfaceCells:
        """The cells of the field of `latents` that the surface crosses."""
        return self.surface_cells(self.tokens(latents))

    def tokens(self, latents: Tensor) -> Tensor:
        """What the field is read from, (1, N, W)."""
        place, (_, tensors) = self.opened.place, self.opened.vae
        size = vae_size(tensors.shapes())
        others = ("encoder.", "pre_kl.")
        with resident(
            lambda: LatentDecoder(size),
            tensors,
            place,
            what="The shape decoder",
            working_bytes=self._working(_DECODING_BYTES),
            ignored=("geo_decoder.", *others),
        ) as network:
            tokens = network(latents)
            check_finite(tokens, "The shape decoder")
        return tokens

    def surface_cells(self, tokens: Tensor) -> SurfaceCells:
        """The cells that the surface crosses."""
        place, (_, tensors) = self.opened.place, self.opened.vae
        size = vae_size(tensors.shapes())
        chunk = self.settings.chunk or CHUNK
        with resident(
            lambda: FieldDecoder(size),
            tensors.under("geo_decoder"),
            place,
            what="The field decoder",
            working_bytes=self._working(_FIELD_BYTES + chunk * _FIELD_POINT_BYTES),
        ) as network:
            return decode_near_surface(
                self.field(network, tokens),
                self.settings.octree,
                place.device,
                level=self.settings.level,
                chunk=chunk,
                share_is_done=self._tell_decoding,
            )

    def field(self, network: FieldDecoder, tokens: Tensor) -> Field:
        """The field of `tokens`."""
        seen = network.keys_values(tokens)
        if self.settings.keys == "adaptive":
            return selecting_field(network, seen, usual_selection(seen.keys.shape[2]))
        return lambda points: network(points, seen)

    def _tell_sampling(self, done: int, of: int) -> None:
        self.progress.step(_SEEING + done, self.n_told)

    def _tell_decoding(self, share: float) -> None:
        self.progress.step(_SEEING + self.n_sampled + int(share * _DECODING), self.n_told)

    def _working(self, half_bytes: int) -> int:
        return half_bytes * int(self.opened.place.dtype.itemsize) // 2


def _tried(making: Making) -> tuple[Mesh | None, str]:
    """The mesh of an attempt, or None and where its numbers left their range; its memory is free then."""
    try:
        return making.mesh(), ""
    except NotFinite as error:
        return None, error.where


def _wider(place: Place) -> Place | None:
    """Where an attempt that left the range of its numbers is made again; None if there is none wider."""
    if place.dtype != torch.float16:
        return replace(place, dtype=torch.float32) if place.dtype == torch.bfloat16 else None
    is_card = place.device.type == "cuda"
    has_bfloat16 = is_card and torch.cuda.is_bf16_supported(including_emulation=False)
    return replace(place, dtype=torch.bfloat16 if has_bfloat16 else torch.float32)


def _camera(mesh: Mesh, subject: Subject, progress: Progress) -> Orthographic:
    """The camera from which the shape has the picture's outline, or the one that the network assumed."""
    try:
        fit = fit_view(mesh, subject.view, np.asarray(crisp(subject.alphas), np.float32), subject.box)
        if fit.overlap >= _FITTING_SHARE:
            return fit.camera
        share = f"{fit.overlap:.0%}"
    except BadInput:
        share = "nothing"
    progress.note(f"{subject.view}: of the outlines of picture and shape {share} is common.")
    azimuth_deg, elevation_deg = NAMED_VIEWS[subject.view]
    box = subject.box
    extent = float(np.ptp(mesh.vertices, axis=0).max())
    scale = max(box.width_px, box.height_px) / extent
    height_px, width_px = subject.rgba.shape[:2]
    centre_px = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    return Orthographic(azimuth_deg, elevation_deg, (scale, scale), centre_px, (width_px, height_px))

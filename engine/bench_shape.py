"""Measures the shape networks at full size with random weights: time and memory do not depend on the values.

The stage itself runs, part by part; only the weights are made up, and the decoded field is replaced by a
bumpy ball after it was computed, so that a surface of realistic size comes out. Figures are of this computer.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadRequest

if TYPE_CHECKING:
    from engine.runner import StageRecord
    from engine.stages.load_networks import Opened
    from engine.stages.shape_networks import Making
    from engine.weights.config import ShapeConfig

Tensor = Any
_SUBJECT_PX = 640
OCTREES = (256, 384)


@dataclass(frozen=True)
class Row:
    """One part of the work: seconds of its first call and the best of its later ones, and the peak of memory.

    `peak_vram_bytes` is what torch had reserved at most, weights included; 0 on the processor.
    """

    work: str
    first_seconds: float
    best_seconds: float
    peak_vram_bytes: int
    notes: str = ""


@dataclass(frozen=True)
class ShapeFigures:
    """All rows of a run, and what it ran on."""

    device: str
    torch: str
    model: str
    precision: str
    is_streamed: bool
    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        stream = ", streamed" if self.is_streamed else ""
        lines = [f"{self.model} on {self.device}, torch {self.torch}, {self.precision}{stream}"]
        lines.append(f"{'':<52} {'first s':>9} {'best s':>9} {'GiB':>6}")
        for row in self.rows:
            gib = row.peak_vram_bytes / 2**30
            lines.append(
                f"{row.work:<52} {row.first_seconds:9.4f} {row.best_seconds:9.4f} {gib:6.2f}  {row.notes}"
            )
        return "\n".join(lines)


def bench_shape(
    model: str = "2.0",
    n_rounds: int = 3,
    *,
    device: str = "cuda",
    n_steps: int = 50,
    is_streamed: bool = False,
    step: Callable[[str], None] = lambda work: None,
) -> ShapeFigures:
    """Measures `model` on `device`, "cuda" or "cpu"; `step` hears what is measured next.

    Raises BadRequest for a device that is not here.
    """
    import torch

    from engine.settings import ShapeSettings

    if device == "cuda" and not torch.cuda.is_available():
        raise BadRequest("PyTorch finds no CUDA card.", remedy="`maquette doctor` says what is missing.")
    name = torch.cuda.get_device_name() if device == "cuda" else "the processor"
    opened = random_checkpoint(model, device, is_streamed=is_streamed)
    settings = ShapeSettings(steps=n_steps)
    rounds = _Rounds(n_rounds, device, step)

    def making(**changes: Any) -> Making:
        return ball_making(opened, replace(settings, **changes))

    seen = rounds.measure("pictures seen, weights included", lambda: making().seen())
    every = (1, 3) if not opened.bundle.config.dit.has_guidance else (1,)
    for k in every:
        guided = f"guided every {k}" if k > 1 else "guided each step" if len(every) > 1 else "distilled"
        made = making(guidance_every=k)
        latents = rounds.measure(
            f"{made.n_sampled} steps, {guided}, weights included", partial(made.sampled, seen)
        )
    tokens = rounds.measure("latents to tokens, weights included", lambda: making().tokens(latents))
    for octree in OCTREES:
        made = making(octree=octree)
        cells = rounds.measure(f"volume at {octree}", partial(made.surface_cells, tokens), notes_of=_told)
        fewer = making(octree=octree, keys="adaptive")
        rounds.measure(f"volume at {octree}, adaptive keys", partial(fewer.surface_cells, tokens))
        rounds.measure(f"surface at {octree}", partial(_surface, cells), notes_of=_faces)
    rounds.measure("whole shape at 256, weights included", lambda: making(octree=256).mesh(), n_rounds=1)
    precision = str(opened.place.dtype).removeprefix("torch.")
    return ShapeFigures(name, torch.__version__, model, precision, is_streamed, tuple(rounds.rows))


def random_checkpoint(model: str, device: str, *, is_streamed: bool = False) -> Opened:
    """The checkpoint `model` in its public size with weights that are made up as they are read."""
    import torch

    from engine.models.residence import Place
    from engine.stages.load_networks import Opened
    from engine.weights.checkpoint import Bundle
    from engine.weights.inventory import Located, model_named

    config = public_config(model)
    located = Located(model_named(model), Path("config.yaml"), Path("random"))
    bundle = Bundle(located, config, RandomTensors(_public_shapes(config), device))
    place = Place(torch.device("cpu"), torch.float32, is_streamed)
    if device == "cuda":
        place = Place(torch.device("cuda", 0), torch.float16, is_streamed)
    return Opened((made_up_subject(),), bundle, place)


def ball_making(opened: Opened, settings: Any, seed: int = 0) -> Making:
    """The stage's own making of a shape, its field computed and then replaced by that of a bumpy ball."""
    from engine.runner import Progress, Runner
    from engine.stages.shape_networks import Making

    class BallMaking(Making):
        def field(self, network: Any, tokens: Tensor) -> Callable[[Tensor], Tensor]:
            decoded = super().field(network, tokens)
            return lambda points: decoded(points) * 0 + bumpy_ball(points)

    return BallMaking(opened, settings, seed, Progress(Runner(_Silent(), n_stages=1), "shape"))


def bumpy_ball(points: Tensor) -> Tensor:
    """A field (n,) at `points` (n, 3): a ball of radius 0.7 with bumps of 0.05, positive inside."""
    import torch

    radii = points.norm(dim=1)
    x, y, z = (points / (radii[:, None] + 1e-9)).unbind(1)
    return 0.7 + 0.05 * torch.sin(9 * x) * torch.sin(7 * y) * torch.sin(8 * z) - radii


class _Silent:
    """A listener that says nothing."""

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        """Says nothing."""

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        """Says nothing."""

    def stage_finished(self, record: StageRecord) -> None:
        """Says nothing."""

    def notice(self, stage: str, text: str) -> None:
        """Says nothing."""


@dataclass
class _Rounds:
    """Times each work and keeps its row."""

    n_rounds: int
    device: str
    step: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)

    def measure(
        self,
        work: str,
        do: Callable[[], Any],
        *,
        n_rounds: int | None = None,
        notes_of: Callable[[Any], str] = lambda made: "",
    ) -> Any:
        """What `do` makes, measured."""
        self.step(work)
        seconds, peak_bytes = [], 0
        made: Any = None
        for _ in range(n_rounds or self.n_rounds):
            made = None
            with _peak(self.device) as peak:
                started_s = time.perf_counter()
                made = do()
                _wait(self.device)
                seconds.append(time.perf_counter() - started_s)
            peak_bytes = max(peak_bytes, *peak)
        self.rows.append(
            Row(work, seconds[0], min(seconds[1:], default=seconds[0]), peak_bytes, notes_of(made))
        )
        return made


@contextmanager
def _peak(device: str) -> Iterator[list[int]]:
    import torch

    found: list[int] = [0]
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    yield found
    if device == "cuda":
        found[0] = torch.cuda.max_memory_reserved()


def _wait(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def _surface(cells: Any) -> Any:
    from engine.geometry.marching import march

    return march(cells.cells, cells.values)


def _told(cells: Any) -> str:
    return f"{cells.n_decoded:,} points of {(cells.resolution + 1) ** 3:,} decoded"


def _faces(made: Any) -> str:
    return f"{len(made[1]):,} faces"


@dataclass(frozen=True)
class RandomTensors:
    """Tensors that are drawn when they are read, the same for a name each time; nothing is on the disk.

    They are drawn on `device`. Matrices have the variance that keeps signals as large as they come in, norms
    are 1, biases 0.
    """

    held: Mapping[str, tuple[int, ...]]
    device: str
    prefix: str = ""
    source: Path = Path("random")
    remedy: str = ""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        n = len(self.prefix)
        return {name[n:]: shape for name, shape in self.held.items() if name.startswith(self.prefix)}

    def dtype_of(self, name: str) -> str:
        """Half precision."""
        return "F16"

    def read(self, name: str) -> Tensor:
        """The tensor on the processor."""
        import torch

        made = torch.empty(self.held[self.prefix + name], dtype=torch.float16)
        self.read_into(name, made)
        return made

    def read_into(self, name: str, destination: Tensor) -> None:
        """Draws the tensor into `destination`."""
        import torch

        if destination.ndim < 2:
            destination.fill_(0.0 if name.endswith("bias") else 1.0)
            return
        # Drawn where all are: another device would give other numbers to blocks that wait for streaming.
        is_elsewhere = destination.device.type != self.device
        drawn = torch.empty_like(destination, device=self.device) if is_elsewhere else destination
        digest = hashlib.sha256((self.prefix + name).encode()).digest()
        generator = torch.Generator(drawn.device).manual_seed(int.from_bytes(digest[:7], "big"))
        drawn.normal_(0.0, 1 / math.sqrt(drawn[0].numel()), generator=generator)
        if is_elsewhere:
            destination.copy_(drawn)

    def under(self, prefix: str) -> RandomTensors:
        """Those below `prefix`."""
        return replace(self, prefix=f"{self.prefix}{prefix.rstrip('.')}.")

    def close(self) -> None:
        """There is nothing to close."""


def public_config(model: str) -> ShapeConfig:
    """The config of a public checkpoint, as its config.yaml says (docs/hunyuan3d.md)."""
    from engine.weights.config import (
        ConditionerConfig,
        DitConfig,
        PictureConfig,
        SchedulerConfig,
        ShapeConfig,
        VaeConfig,
    )

    family, _, form = model.partition("-")
    is_small, is_several, is_turbo = family == "mini", family == "mv", form == "turbo"
    n_double, n_single = (8, 16) if is_small else (16, 32)
    n_latents = 512 if is_small and not is_turbo else 3072
    image_px, picture_px = (1022, 1022) if is_small and is_turbo else (518, 512)
    return ShapeConfig(
        DitConfig(1024, 16, n_double, n_single, 64, 1536, bool(form)),
        VaeConfig(n_latents, 64, 1024, 16, 16, 8, 1.0188137142395404 if is_small else 0.9990943042622529),
        ConditionerConfig(is_several, 4 if is_several else 1, image_px, 1536, 24, 40),
        SchedulerConfig("consistency" if is_turbo else "euler", 1000, 100, 1.0),
        PictureConfig(is_several, picture_px, 0.15),
    )


def _public_shapes(config: ShapeConfig) -> Mapping[str, tuple[int, ...]]:
    """The shapes of a public bundle's tensors, by their names in it."""
    import torch

    from engine.models.hunyuan3d.dinov2 import DinoSize, Dinov2
    from engine.models.hunyuan3d.dit import Dit, DitSize
    from engine.models.hunyuan3d.shape_vae import FieldDecoder, LatentDecoder, VaeSize
    from engine.weights.checkpoint import DINO_PREFIX

    dit, vae, dino = config.dit, config.vae, config.conditioner
    vae_size = VaeSize(
        *(vae.latent_channels, vae.width, vae.n_heads, vae.n_layers, 4 * vae.width, False, True),
        *(vae.width, vae.n_heads, 4 * vae.width, True, vae.n_frequencies),
    )
    with torch.device("meta"):
        networks: Sequence[tuple[str, Any]] = (
            (
                "model",
                Dit(
                    DitSize(
                        *(dit.width, dit.n_heads, 4 * dit.width, dit.n_double, dit.n_single),
                        *(dit.latent_channels, dit.context_channels, dit.has_guidance),
                    )
                ),
            ),
            ("vae", LatentDecoder(vae_size)),
            ("vae.geo_decoder", FieldDecoder(vae_size)),
            (DINO_PREFIX, Dinov2(DinoSize(dino.width, dino.n_heads, dino.n_layers, 14, 1370, 4096))),
        )
    return {
        f"{prefix}.{name}": tuple(held.shape)
        for prefix, network in networks
        for name, held in network.state_dict().items()
    }


def made_up_subject() -> Any:
    """A disc on a square canvas."""
    import numpy as np

    from engine.geometry.outline import outline_box
    from engine.stages.values import Subject

    y, x = np.mgrid[:_SUBJECT_PX, :_SUBJECT_PX] / _SUBJECT_PX - 0.5
    is_inside = np.hypot(x, y) < 0.42
    rgba = np.zeros((_SUBJECT_PX, _SUBJECT_PX, 4), np.uint8)
    rgba[..., 0] = (255 * (x + 0.5)).astype(np.uint8)
    rgba[..., 1] = (255 * (y + 0.5)).astype(np.uint8)
    rgba[..., 3] = np.where(is_inside, 255, 0)
    box = outline_box(is_inside.astype(np.float32))
    return Subject("front", "disc", rgba, box, "alpha")

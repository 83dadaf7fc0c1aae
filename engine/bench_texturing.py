"""Measures the texturing half on bodies made of formulas: unwrapping, rendering, baking, in-painting.

Every figure is the best of some rounds in one run on this computer; compiling the kernels, which happens once
on a computer, is done before and told apart. Ratios are against a library's defaults in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import BadRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.geometry.bake import Texels, View
    from engine.geometry.compute import Compute
    from engine.geometry.mesh import Mesh

    Floats = NDArray[np.float32]

_UNWRAPPED_FACES = (40_000, 100_000, 200_000)
_SIZE_PX = 2048
_UNSEEN = 0.35


@dataclass(frozen=True)
class Row:
    """One work: seconds at best and in the middle of its rounds, and the other's if it was compared.

    `peak_vram_bytes` is what torch held at most while a card worked, 0 on the processor.
    """

    work: str
    best_seconds: float
    median_seconds: float
    against: str = ""
    against_seconds: float = 0.0
    peak_vram_bytes: int = 0
    notes: str = ""

    @property
    def ratio(self) -> float:
        """Our best against the other's, 0 without one."""
        return self.best_seconds / self.against_seconds if self.against_seconds else 0.0


@dataclass(frozen=True)
class TexturingFigures:
    """All rows of a run, and the device that did all but unwrapping."""

    device: str
    n_threads: int
    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        rows = [{**asdict(row), "ratio": round(row.ratio, 4)} for row in self.rows]
        return {"device": self.device, "n_threads": self.n_threads, "rows": rows}

    def __str__(self) -> str:
        lines = [f"{self.device}, {self.n_threads} threads; best and median seconds"]
        for row in self.rows:
            line = f"{row.work:<58} {row.best_seconds:8.4f} {row.median_seconds:8.4f}"
            if row.against:
                line += f"   {row.ratio:6.3f} x {row.against} ({row.against_seconds:.2f} s)"
            if row.peak_vram_bytes:
                line += f"   {row.peak_vram_bytes / 2**30:.2f} GiB VRAM"
            lines.append(f"{line}   {row.notes}".rstrip())
        return "\n".join(lines)


def bench_texturing(
    n_rounds: int = 3,
    *,
    against: str = "",
    device: str = "cpu",
    n_faces: Sequence[int] = _UNWRAPPED_FACES,
    n_drawn_faces: int = 100_000,
    size_px: int = _SIZE_PX,
    n_cells: int = 288,
    step: Callable[[str], None] = lambda work: None,
) -> TexturingFigures:
    """Measures everything; `against` is "" or "xatlas"; `step` is told what is measured next.

    Bodies of `n_faces` are unwrapped, one of `n_drawn_faces` is drawn and baked at `size_px`; all come from a
    field of `n_cells` a side.

    Raises BadRequest for a card that cannot be used.
    """
    from engine.bench_bodies import organic_body
    from engine.geometry.compute import choose_compute
    from engine.geometry.unwrap import UnwrapOptions, unwrap

    if against not in ("", "xatlas"):
        raise BadRequest(f"--against is {against!r}.", remedy="It can be xatlas.")
    compute = choose_compute("cuda" if device == "cuda" else "cpu")
    rows = []
    small = organic_body(2000, n_cells=64)
    unwrap(small.vertices, small.faces, UnwrapOptions(256))  # compiles
    for count in n_faces:
        step(f"unwrap {count:,} faces")
        rows.append(_unwrap_row(organic_body(count, n_cells=n_cells), size_px, n_rounds, against))
    rows += _pixel_rows(compute, organic_body(n_drawn_faces, n_cells=n_cells), size_px, n_rounds, step)
    if compute.is_card:
        step("the whole half")
        rows.append(_whole_row(compute, organic_body(94_000), n_rounds))
    return TexturingFigures(compute.device, compute.n_threads, tuple(rows))


def _unwrap_row(mesh: Mesh, size_px: int, n_rounds: int, against: str) -> Row:
    from engine.geometry.unwrap import UnwrapOptions, unwrap

    made = []
    times = timed(
        lambda: made.append(unwrap(mesh.vertices, mesh.faces, UnwrapOptions(size_px))), n_rounds=n_rounds
    )
    notes, other = f"ours {_quality(mesh, made[-1].uv, size_px)}, {made[-1].n_charts} charts", 0.0
    if against == "xatlas":
        import xatlas

        laid = []
        other = min(timed(lambda: laid.append(xatlas.parametrize(mesh.vertices, mesh.faces)), n_rounds=1))
        _, faces, places = laid[-1]
        notes += f"; xatlas {_quality(mesh, places[faces], size_px)}"
    return row_of(f"unwrap {len(mesh.faces):,} faces", times, notes, against, other)


def _quality(mesh: Mesh, uv: Floats, size_px: int) -> str:
    """The layout's stretch, use and overlap in words."""
    from engine.geometry.atlas.overlap import claim_texels

    claims = claim_texels(uv, size_px)
    use, overlap = claims.n_covered / size_px**2, claims.n_contested / max(claims.n_covered, 1)
    return f"L2 {stretch_l2(mesh, uv):.4f}, use {use:.3f}, overlap {overlap:.2%}"


def stretch_l2(mesh: Mesh, uv: Floats) -> float:
    """Area-weighted L2 stretch of coordinates (M, 3, 2), 1 where every face keeps its shape and its share.

    Sander, Snyder, Gortler and Hoppe, "Texture mapping progressive meshes" (2001), section 3, times the root
    of the areas' ratio. Faces without area on either side are left out.
    """
    import numpy as np

    corners, flat = mesh.corners.astype(np.float64), uv.astype(np.float64)
    edges, sides = corners[:, 1:] - corners[:, :1], flat[:, 1:] - flat[:, :1]
    turn = sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]
    areas = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
    kept = (np.abs(turn) > 1e-14) & (areas > 1e-14)
    edges, sides, turn, areas = edges[kept], sides[kept], turn[kept], areas[kept]
    by_u = (edges[:, 0] * sides[:, 1, 1:] - edges[:, 1] * sides[:, 0, 1:]) / turn[:, None]
    by_v = (edges[:, 1] * sides[:, 0, :1] - edges[:, 0] * sides[:, 1, :1]) / turn[:, None]
    squares = ((by_u**2).sum(axis=1) + (by_v**2).sum(axis=1)) / 2
    mean = float((squares * areas).sum() / areas.sum())
    return float(np.sqrt(mean * (np.abs(turn).sum() / 2) / areas.sum()))


def _pixel_rows(
    compute: Compute, mesh: Mesh, size_px: int, n_rounds: int, step: Callable[[str], None]
) -> list[Row]:
    """Renders, bake and in-paint of one body."""
    import numpy as np

    from engine.geometry.bake import Baked, Blend, bake, locate_texels
    from engine.geometry.encodings import PAINT_VIEWS, draw_control_maps
    from engine.geometry.gutter import dilate
    from engine.geometry.inpaint import inpaint
    from engine.geometry.refine import refine
    from engine.geometry.unwrap import UnwrapOptions, unwrap

    uv = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(size_px)).uv
    views = views_of(compute, mesh, size_px)
    rows = []

    def measure(work: str, call: Callable[[], object], notes: str = "") -> None:
        step(work)
        peak = Peak(compute)
        rows.append(row_of(work, timed(call, n_rounds=n_rounds, compute=compute), notes, vram=peak.read()))

    if compute.is_card:
        work = f"one {size_px}² view of {len(mesh.faces):,} faces: ids, weights, depth, one map"
        measure(work, one_view(compute, mesh, size_px))
    measure(
        f"six {size_px}² position + normal renders, {len(mesh.faces):,} faces",
        lambda: draw_control_maps(compute, mesh, PAINT_VIEWS, size_px),
    )

    def located() -> Texels:
        return locate_texels(mesh, uv, size_px, compute)

    measure(
        f"bake six {size_px}² views into {size_px}², fast",
        lambda: bake(mesh, located(), views, blend=Blend()),
    )
    texels = located()
    baked = bake(mesh, texels, views)
    measure(
        "the same solved for the texels, 2 rounds more",
        lambda: refine(mesh, uv, texels, baked, views, n_rounds=2),
    )
    # What no view shows lies together: everything below a height.
    height = compute.get(texels.positions)[:, 1]
    seen = compute.put(height > np.quantile(height, _UNSEEN))
    hidden = Baked(baked.colours, seen)
    measure(
        f"in-paint {size_px}² with {_UNSEEN:.0%} unseen, gutters too",
        lambda: dilate(texels, inpaint(texels, hidden)),
    )
    return rows


def _whole_row(compute: Compute, mesh: Mesh, n_rounds: int) -> Row:
    """Renders, bake, in-paint and gutters as the balanced preset has them: 4 views, 1536."""
    from engine.geometry.bake import bake, locate_texels
    from engine.geometry.encodings import PAINT_VIEWS, draw_control_maps
    from engine.geometry.gutter import dilate
    from engine.geometry.inpaint import inpaint
    from engine.geometry.unwrap import UnwrapOptions, unwrap

    size_px = 1536
    uv = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(size_px)).uv
    views = views_of(compute, mesh, size_px)[:4]
    peak = Peak(compute)

    def whole() -> None:
        draw_control_maps(compute, mesh, PAINT_VIEWS[:4], size_px)
        texels = locate_texels(mesh, uv, size_px, compute)
        dilate(texels, inpaint(texels, bake(mesh, texels, views)))

    times = timed(whole, n_rounds=n_rounds, compute=compute)
    return row_of(
        f"renders, bake, in-paint: {len(mesh.faces):,} faces, 4 views, {size_px}", times, vram=peak.read()
    )


def one_view(compute: Compute, mesh: Mesh, size_px: int) -> Callable[[], object]:
    """The call that draws one view of a mesh that lies on the device."""
    import warp as wp

    from engine.geometry.encodings import paint_camera, paint_sized
    from engine.geometry.kernels import shade
    from engine.geometry.rasterise import cover, project

    vertices, faces = compute.put(paint_sized(mesh.vertices)), compute.put(mesh.faces)
    picture = compute.empty((size_px * size_px, 3), "float32")
    matrix, run = paint_camera(0.0, 0.0, size_px).matrix, compute.run_px

    def draw() -> object:
        seen = cover(compute, project(compute, vertices, matrix), faces, size_px, size_px)
        inputs = [seen.points, faces, size_px, run, seen.keys, vertices, wp.vec3(0.0, 0.0, 0.0), picture]
        compute.launch(shade.interpolate, (size_px, -(-size_px // run)), inputs)
        return seen.resolved

    return draw


def views_of(compute: Compute, mesh: Mesh, size_px: int) -> list[View]:
    """The six standard views, as large as the texture, of the mesh painted by a formula."""
    import numpy as np

    from engine.bench_bodies import paint_of
    from engine.geometry.bake import View
    from engine.geometry.cameras import NAMED_VIEWS, framing_camera
    from engine.geometry.rasterise import rasterise

    views = []
    for name in NAMED_VIEWS:
        camera = framing_camera(name, size_px)
        raster = rasterise(camera.project(mesh.vertices), mesh.faces, size_px, size_px)
        picture = np.full((size_px, size_px, 3), 0.5, np.float32)
        picture[raster.face_ids >= 0] = paint_of(raster.interpolate(mesh.corners))
        views.append(View(name, camera, compute.put(picture)))
    return views


class Peak:
    """The most GPU memory that torch held since this was made."""

    def __init__(self, compute: Compute) -> None:
        self._is_card = compute.is_card
        if self._is_card:
            import torch

            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def read(self) -> int:
        """In bytes; 0 on the processor."""
        if not self._is_card:
            return 0
        import torch

        return int(torch.cuda.max_memory_reserved())


def timed(call: Callable[[], object], *, n_rounds: int, compute: Compute | None = None) -> list[float]:
    """Seconds of `n_rounds` calls, after one that does not count on a device that compiles."""
    import torch

    is_card = compute is not None and compute.is_card
    if compute is not None:
        call()
    times = []
    for _ in range(n_rounds):
        if is_card:
            torch.cuda.synchronize()
        started_s = time.perf_counter()
        call()
        if is_card:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started_s)
    return times


def row_of(
    work: str, times: list[float], notes: str = "", against: str = "", other: float = 0.0, vram: int = 0
) -> Row:
    """The row of the seconds that some rounds took."""
    ordered = sorted(times)
    return Row(work, ordered[0], ordered[len(ordered) // 2], against, other, vram, notes)

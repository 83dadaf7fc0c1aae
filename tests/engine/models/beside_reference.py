"""Runs the public Hunyuan3D-2 beside this engine, full size, from the same files, on a CUDA card.

    python tests/engine/models/beside_reference.py CHECKOUT FOLDER

CHECKOUT is a copy of the public project (Tencent-Hunyuan/Hunyuan3D-2, commit 9bcf302), FOLDER a place with
30 GB of room for checkpoints of random weights. It needs what the public project needs: einops, diffusers,
transformers, torchvision, scikit-image, trimesh; the modules of its that are not used here are stood in for.
Prints a line of JSON for every figure. The decoded logits of both are replaced by a bumpy ball.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from public_bundle import stand_in, write_bundle  # noqa: E402

from engine.bench_shape import ball_making, bumpy_ball, made_up_subject  # noqa: E402
from engine.geometry.marching import march  # noqa: E402
from engine.memory.vram import vram_of_a_job  # noqa: E402
from engine.models.flow import flow_match_sigmas  # noqa: E402
from engine.models.guidance import Guidance  # noqa: E402
from engine.models.hunyuan3d.sampler import denoise  # noqa: E402
from engine.models.hunyuan3d.volume import decode_near_surface  # noqa: E402
from engine.models.residence import Place  # noqa: E402
from engine.settings import ShapeSettings  # noqa: E402
from engine.stages.load_networks import Opened  # noqa: E402
from engine.weights.checkpoint import open_bundle  # noqa: E402
from engine.weights.inventory import locate, model_named  # noqa: E402

GIB = 2**30
N_STEPS = 50
SIGMAS = flow_match_sigmas(N_STEPS)


def tell(**figures: Any) -> None:
    rounded = {key: round(value, 5) if isinstance(value, float) else value for key, value in figures.items()}
    sys.stdout.write(json.dumps(rounded) + "\n")
    sys.stdout.flush()


class Watch:
    """Seconds, the peak of reserved GPU memory and of this process's own memory, of a block."""

    def __init__(self) -> None:
        self.seconds = self.peak_gib = self.host_gib = 0.0

    def __enter__(self) -> Watch:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._top, self._ends = self._before, False
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        self._start = time.perf_counter()
        return self

    def _look(self) -> None:
        while not self._ends:
            self._top = max(self._top, self._process.memory_info().rss)
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self._start
        self._ends = True
        self._thread.join()
        self.peak_gib = torch.cuda.max_memory_reserved() / GIB
        self.host_gib = (self._top - self._before) / GIB


def ours(folder: Path, model: str, *, is_streamed: bool = False) -> Opened:
    place = Place(torch.device("cuda", 0), torch.float16, is_streamed)
    return Opened((made_up_subject(),), open_bundle(locate(folder, model)), place)


def timed(do: Callable[[], Any], n: int = 10) -> float:
    """Milliseconds of one call, the mean of `n` after two."""
    for _ in range(2):
        do()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(n):
        do()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / n * 1000


def relative(a: Any, b: Any) -> float:
    return float((a.float() - b.float()).norm() / b.float().norm())


def compare_sampling(folder: Path, model: str) -> tuple[Any, Any]:
    """Conditioning and a whole denoise of both, from the same files, pictures and seed."""
    from hy3dgen.shapegen.pipelines import Hunyuan3DDiTFlowMatchingPipeline

    from engine.models.hunyuan3d.pictures import shape_picture

    settings = ShapeSettings(steps=N_STEPS)
    opened = ours(folder, model)
    making = ball_making(opened, settings, seed=1234)
    with Watch() as watch, vram_of_a_job(None):
        seen = making.seen()
    tell(
        what="ours: pictures seen, from disk",
        seconds=watch.seconds,
        gib=watch.peak_gib,
        host_gib=watch.host_gib,
    )
    with Watch() as watch, vram_of_a_job(None):
        latents = making.sampled(seen) * opened.vae[0].scale_factor
    tell(
        what=f"ours: {making.n_sampled} evaluated steps, from disk",
        seconds=watch.seconds,
        gib=watch.peak_gib,
        host_gib=watch.host_gib,
    )
    if not opened.bundle.config.dit.has_guidance:
        for every in (1, 3):
            held = ball_making(opened, ShapeSettings(steps=N_STEPS, guidance_every=every), seed=1234)
            with Watch() as watch, vram_of_a_job(None):
                again = held.sampled(seen) * opened.vae[0].scale_factor
            tell(
                what=f"ours: guidance every {every}",
                seconds=watch.seconds,
                gib=watch.peak_gib,
                same_bits=bool((again == latents).all()) if every == 1 else None,
                differs=relative(again, latents),
            )
    with Watch() as watch:
        os.environ["HY3DGEN_MODELS"] = str(folder)
        row = model_named(model)
        pipeline = Hunyuan3DDiTFlowMatchingPipeline.from_pretrained(
            row.repo, subfolder=row.folder, device="cuda"
        )
    tell(what="reference: loading", seconds=watch.seconds, gib=watch.peak_gib, host_gib=watch.host_gib)
    image = shape_picture(opened.subjects[0].rgba, opened.bundle.config.picture.size_px)[None]
    pipeline.prepare_image = lambda given: {"image": image.clone(), "mask": image[:, :1]}
    for attempt in ("first", "warm"):
        with Watch() as watch:
            theirs = pipeline(
                image=None,
                num_inference_steps=N_STEPS,
                guidance_scale=settings.guidance,
                output_type="latent",
                generator=torch.Generator("cpu").manual_seed(1234),
                enable_pbar=False,
            )
        tell(
            what=f"reference: pictures and {N_STEPS} steps, {attempt}",
            seconds=watch.seconds,
            gib=watch.peak_gib,
        )
    with torch.inference_mode():
        tokens = pipeline.conditioner.main_image_encoder(image)
    tell(what="parity: picture tokens, fp16", relative_l2=relative(seen, tokens))
    tell(what="parity: whole denoise, fp16", relative_l2=relative(latents, theirs))
    compare_steps(opened, pipeline, seen)
    return pipeline, opened


@torch.inference_mode()
def compare_steps(opened: Opened, pipeline: Any, seen: Any) -> None:
    """One step of both on the same card: milliseconds."""
    from engine.models.hunyuan3d.dit import Context, Dit, dit_size, unconditional
    from engine.models.residence import resident

    network = pipeline.model
    has_guidance = opened.bundle.config.dit.has_guidance
    noise = torch.randn(1, opened.bundle.config.vae.n_latents, 64, device="cuda", dtype=torch.float16)
    half = torch.full((1,), 0.5, device="cuda")
    strength = torch.full((1,), 5.0, device="cuda") if has_guidance else None
    n = 1 if has_guidance else 2
    both = torch.cat([seen, torch.zeros_like(seen)])[:n]
    theirs = timed(
        lambda: network(
            noise.repeat(n, 1, 1),
            half.half().repeat(n),
            {"main": both},
            guidance=None if strength is None else strength.half(),
        )
    )
    size = dit_size(opened.bundle.dit.shapes())
    with resident(lambda: Dit(size), opened.bundle.dit, opened.place, what="it") as made:
        alone = [Context(seen)]
        contexts = alone if has_guidance else [*alone, unconditional(seen.shape[1], size, seen)]
        mine = timed(lambda: made.velocities(noise, half, contexts, strength))
        single = timed(lambda: made.velocities(noise, half, alone, strength))
        plain = timed(
            lambda: made.velocities(noise, half, [*alone, Context(torch.zeros_like(seen))][:n], strength)
        )
        runs = {}
        for every in (1, 3):
            guidance = Guidance(5.0, every)
            runs[every] = timed(lambda: denoise(made, noise, seen, SIGMAS, guidance), n=1)  # noqa: B023
    tell(
        what=f"{len(SIGMAS) - 1} steps, weights resident, ms", each_guided=runs[1], every_third_guided=runs[3]
    )
    tell(
        what="a step, ms",
        reference=theirs,
        ours=mine,
        ours_conditional_alone=single,
        ours_without_short_cut=plain,
        ratio=mine / theirs,
    )


def compare_volumes(pipeline: Any, opened: Opened) -> None:
    """Decoding a volume: ours, the reference's dense and its approximate form."""
    from hy3dgen.shapegen.models.autoencoders.attention_processors import CrossAttentionProcessor
    from hy3dgen.shapegen.models.autoencoders.volume_decoders import (
        FlashVDMVolumeDecoding,
        VanillaVolumeDecoder,
    )

    vae = pipeline.vae
    pipeline.model = pipeline.conditioner = None
    latents = torch.randn(1, opened.bundle.config.vae.n_latents, 64, device="cuda", dtype=torch.float16)
    vae.geo_decoder.to("cpu")
    tokens = ball_making(opened, ShapeSettings()).tokens(latents)
    vae.to("cpu")
    for octree in (256, 384):
        making = ball_making(opened, ShapeSettings(octree=octree))
        for attempt in ("first", "second", "third"):
            with Watch() as watch:
                cells = making.surface_cells(tokens)
            tell(
                what=f"ours: volume at {octree}, {attempt}",
                seconds=watch.seconds,
                gib=watch.peak_gib,
                n_points=cells.n_decoded,
            )
            fewer = ball_making(opened, ShapeSettings(octree=octree, keys="adaptive"))
            with Watch() as watch:
                fewer.surface_cells(tokens)
            tell(what=f"ours: volume at {octree}, adaptive keys, {attempt}", seconds=watch.seconds)
            with Watch() as watch:
                vertices, _ = march(cells.cells, cells.values)
            tell(
                what=f"ours: surface at {octree}, {attempt}", seconds=watch.seconds, n_vertices=len(vertices)
            )
    vae.to("cuda")
    geo = vae.geo_decoder
    decode = type(geo).forward

    def ball(queries: Any = None, latents: Any = None, **others: Any) -> Any:
        return decode(geo, queries=queries, latents=latents) * 0 + bumpy_ball(
            queries.reshape(-1, 3).float()
        ).half().view(*queries.shape[:2], 1)

    geo.forward = ball
    with torch.inference_mode():
        for octree in (256, 384):
            geo.cross_attn_decoder.attn.attention.attn_processor = CrossAttentionProcessor()
            for attempt in ("first", "warm")[: 2 if octree == 256 else 1]:
                with Watch() as watch:
                    VanillaVolumeDecoder()(tokens, geo, 1.01, 8000, octree, enable_pbar=False)
                tell(
                    what=f"reference: dense volume at {octree}, {attempt}",
                    seconds=watch.seconds,
                    gib=watch.peak_gib,
                )
            for n_chunk in (8000, 200_000):
                for attempt in ("first", "warm", "warm"):
                    with Watch() as watch:
                        FlashVDMVolumeDecoding("mean")(
                            tokens, geo, 1.01, n_chunk, 0.0, octree, enable_pbar=False
                        )
                    tell(
                        what=f"reference: FlashVDM at {octree}, chunk {n_chunk}, {attempt}",
                        seconds=watch.seconds,
                        gib=watch.peak_gib,
                    )


def compare_surfaces() -> None:
    """Near-surface against dense decoding of the same fields: how far their surfaces are apart."""
    from scipy.spatial import cKDTree
    from skimage.measure import marching_cubes

    from engine.models.hunyuan3d.volume import decode_dense

    generator = torch.Generator("cpu").manual_seed(3)
    centres = ((torch.rand(120, 3, generator=generator) * 2 - 1) * 0.95).cuda()
    radii = (torch.rand(120, generator=generator) * 0.03 + 0.006).cuda()

    def crumbs(points: Any) -> Any:
        return torch.maximum(bumpy_ball(points) - 0.35, (radii - torch.cdist(points, centres)).amax(1))

    for name, made in (("ball", bumpy_ball), ("ball and 120 crumbs", crumbs)):
        for octree in (256, 384):
            cells = decode_near_surface(made, octree, "cuda")
            vertices, _ = march(cells.cells, cells.values)
            dense = decode_dense(made, octree, "cuda").cpu().numpy()
            others, _, _, _ = marching_cubes(dense, 0.0, method="lewiner")
            near, far = cKDTree(vertices.cpu().numpy()), cKDTree(others)
            distance = max(near.query(others)[0].max(), far.query(vertices.cpu().numpy())[0].max())
            tell(
                what=f"surface of {name} at {octree}",
                hausdorff_cells=float(distance),
                n_vertices=len(vertices),
                n_dense_vertices=len(others),
                n_points=cells.n_decoded,
            )


def compare_streams(folder: Path, model: str) -> None:
    """The whole shape with and without streaming, the same seed twice, and the memory after a cancel."""
    settings = ShapeSettings(steps=20, octree=256)
    meshes = []
    for is_streamed in (False, False, True, True):
        opened = ours(folder, model, is_streamed=is_streamed)
        with Watch() as watch, vram_of_a_job(None):
            mesh = ball_making(opened, settings, seed=7).mesh()
        opened.bundle.close()
        meshes.append(mesh)
        tell(
            what=f"ours: whole shape, 20 steps, octree 256, streamed {is_streamed}",
            seconds=watch.seconds,
            gib=watch.peak_gib,
            host_gib=watch.host_gib,
            n_faces=len(mesh.faces),
        )
    tell(
        what="the same bits",
        again=bool(np.array_equal(meshes[0].vertices, meshes[1].vertices)),
        streamed=bool(np.array_equal(meshes[0].vertices, meshes[2].vertices)),
    )
    opened = ours(folder, model)
    seen = ball_making(opened, settings).seen()
    plain, streamed = (
        ball_making(ours(folder, model, is_streamed=each), settings, seed=7).sampled(seen)
        for each in (False, True)
    )
    tell(what="streamed latents", same_bits=bool((plain == streamed).all()))
    for limit in (2.6, 1.4, 1.0):
        try:
            with Watch() as watch, vram_of_a_job(limit):
                ball_making(ours(folder, model, is_streamed=limit < 2), settings, seed=7).mesh()
            tell(what=f"ours under a cap of {limit} GiB", seconds=watch.seconds, gib=watch.peak_gib)
        except Exception as error:  # noqa: BLE001  # a figure, not a failure of the run
            tell(what=f"ours under a cap of {limit} GiB", error=str(error))


def compare_model(folder: Path, model: str) -> None:
    """All that is compared of one checkpoint."""
    row = model_named(model)
    if not (folder / row.repo / row.folder / "config.yaml").exists():
        tell(what="bundle", model=model, n_bytes=write_bundle(folder, model))
    pipeline, opened = compare_sampling(folder, model)
    if model == "2.0":
        compare_volumes(pipeline, opened)


def main() -> None:
    checkout, folder = Path(sys.argv[1]), Path(sys.argv[2])
    stand_in(("pymeshlab", "rembg"))
    sys.path[:0] = [str(checkout)]
    tell(what="device", name=torch.cuda.get_device_name(), torch=torch.__version__, time=time.strftime("%F"))
    for part in sys.argv[3:] or ("surfaces", "2.0", "streams", "2.0-turbo", "mini"):
        try:
            if part == "surfaces":
                compare_surfaces()
            elif part == "streams":
                compare_streams(folder, "2.0")
            else:
                compare_model(folder, part)
        except Exception:  # noqa: BLE001  # the other parts still have figures to give
            traceback.print_exc()
        gc.collect()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

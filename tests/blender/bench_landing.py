"""What a landing costs Blender's main thread, step by step, beside the way through a GLB file.

Run in a Python with bpy, from anywhere: `python bench_landing.py MODEL.glb`, where MODEL.glb is a result of
`maquette generate PICTURE --faces 100000 --texture-size 2048 -o MODEL.glb`. Both ways get the same content in
the same run: one as the arrays of the wire, the other as the bytes of the file.
"""

# ruff: noqa: T201 - a table is printed

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from conftest import stage
from scene_values import wire_array, wire_file

N_RUNS = 7
STEPS = ("take_mesh", "take_textures", "build_material", "push")


def content_of(glb: bytes) -> dict[str, Any]:
    """The arrays, texture and provenance of a GLB that the engine wrote, with the seams sewn together."""
    n_json = int.from_bytes(glb[12:16], "little")
    tree, start = json.loads(glb[20 : 20 + n_json]), 28 + n_json

    def view(index: int) -> bytes:
        found = tree["bufferViews"][index]
        first = start + found.get("byteOffset", 0)
        return glb[first : first + found["byteLength"]]

    def numbers(index: int, kind: Any, width: int) -> np.ndarray:
        found = tree["accessors"][index]
        data = view(found["bufferView"])[found.get("byteOffset", 0) :]
        n_numbers = found["count"] * (1 if found["type"] == "SCALAR" else width)
        return np.frombuffer(data, kind, n_numbers).reshape(-1, width)

    primitive = tree["meshes"][0]["primitives"][0]
    split = numbers(primitive["attributes"]["POSITION"], np.float32, 3)
    flat_uv = numbers(primitive["attributes"]["TEXCOORD_0"], np.float32, 2) * [1, -1] + [0, 1]
    corners = numbers(primitive["indices"], np.uint32, 3)
    _, firsts, sewn = np.unique(split, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(firsts)  # as the engine sends them: neighbours are near each other in memory
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return {
        "vertices": np.ascontiguousarray(split[firsts[order]]),
        "faces": rank[sewn.ravel()][corners].astype(np.int32),
        "uv": flat_uv[corners].astype(np.float32),
        "png": view(tree["images"][0]["bufferView"]).rstrip(b"\0"),
        "provenance": tree["asset"]["extras"]["maquette"],
    }


def as_messages(content: dict[str, Any], job: str) -> tuple[Any, Any]:
    """The ShapeReady and the Result that carry `content`."""
    from maquette.protocol.arrays import Mesh
    from maquette.protocol.events import ShapeReady
    from maquette.protocol.results import NamedImage, Result

    vertices, faces, uv = (wire_array(content[key]) for key in ("vertices", "faces", "uv"))
    image = NamedImage("base_color", "sRGB", wire_file(content["png"]))
    result = Result(job, Mesh(vertices, faces, uv), (image,), content["provenance"], {})
    return ShapeReady(job, vertices, faces), result


@contextmanager
def timed_steps(module: Any) -> Iterator[dict[str, float]]:
    """Within it, the milliseconds that each of STEPS took are added up."""
    spent = dict.fromkeys(STEPS, 0.0)
    kept = {name: getattr(module, name) for name in STEPS}

    def watch(name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.perf_counter()
            try:
                return kept[name](*args)
            finally:
                spent[name] += (time.perf_counter() - start) * 1e3

        return call

    for name in STEPS:
        setattr(module, name, watch(name))
    yield spent
    for name in STEPS:
        setattr(module, name, kept[name])


def empty_file() -> None:
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.ed.undo_push(message="Start")


def measure(work: Callable[[], Any], before: Callable[[], Any] = empty_file) -> list[float]:
    """Milliseconds of each run of `work`, after one that does not count; `before` runs ahead of each."""
    spent = []
    for _ in range(N_RUNS + 1):
        before()
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) * 1e3)
    return spent[1:]


def row(name: str, spent: list[float], base: float | None = None) -> float:
    """Prints a line of the table and returns the median."""
    median = statistics.median(spent)
    ratio = f"{median / base:5.1f} x" if base else ""
    print(f"| {name:<52} | {min(spent):7.1f} | {median:7.1f} | {ratio:>7} |")
    return median


def main(file: Path) -> None:  # noqa: PLR0915 - one table from top to bottom
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder))
        sys.path.insert(0, folder)
        import bpy

        landing = importlib.import_module("maquette.scene.landing")
        prepare = importlib.import_module("maquette.scene.prepare")
        placement = importlib.import_module("maquette.scene.placement")
        glb = file.read_bytes()
        content = content_of(glb)
        job = "0" * 32
        shape, result = as_messages(content, job)
        size_px = int.from_bytes(content["png"][16:20], "big")
        print(f"Blender {bpy.app.version_string}: {len(content['faces']):,} triangles, {size_px} px,")
        print(f"PNG of {len(content['png']) / 1e6:.1f} MB; milliseconds of the main thread, {N_RUNS} runs\n")
        print(f"| {'':<52} | {'best':>7} | {'median':>7} | {'ratio':>7} |\n|---|---|---|---|")

        def place() -> Any:
            return placement.at_cursor(bpy.context, 1.0)

        def with_clay() -> None:
            empty_file()
            landing.insert_shape(job, "Owl", shape, place())

        def through_file(**options: Any) -> None:
            with tempfile.NamedTemporaryFile(suffix=".glb", delete=False) as written:
                written.write(glb)
            bpy.ops.import_scene.gltf(filepath=written.name, **options)
            os.unlink(written.name)

        row("shape: faces", measure(lambda: prepare.prepare_shape(job, "Owl", shape, place())))

        def with_prepared_shape() -> None:
            empty_file()
            while not prepare.prepare_shape(job, "Owl", shape, place()):
                pass

        row(
            "- the last tick: landing, with its undo step",
            measure(lambda: landing.insert_shape(job, "Owl", shape, place()), with_prepared_shape),
        )
        row(
            "result without a shape, in one tick",
            measure(lambda: landing.insert_result(job, "Owl", result, place())),
        )
        steps: dict[str, list[float]] = {name: [] for name in STEPS}
        ticks: list[list[float]] = []
        for _ in range(N_RUNS + 1):
            with_clay()
            ticks.append([])
            for is_last in (False, False, False, True):
                with timed_steps(landing) as spent:
                    start = time.perf_counter()
                    if is_last:
                        landing.insert_result(job, "Owl", result, place(), has_clay=True)
                    else:
                        prepare.prepare_result(job, "Owl", result, place())
                    ticks[-1].append((time.perf_counter() - start) * 1e3)
            for name in STEPS:
                steps[name].append(spent[name])
        row("result on its shape, in ticks: faces", [each[0] for each in ticks[1:]])
        row("- the next: edges", [each[1] for each in ticks[1:]])
        row("- the next: textures", [each[2] for each in ticks[1:]])
        row("- the last: landing, with both undo steps", [each[3] for each in ticks[1:]])
        for name in STEPS:
            row(f"  - of which {name}", steps[name][1:])
        ours = row("- all ticks together", [sum(each) for each in ticks[1:]])
        row("GLB file, import_scene.gltf, no undo step", measure(through_file), ours)
        row(
            "GLB file, import_scene.gltf, import_shading=SMOOTH",
            measure(lambda: through_file(import_shading="SMOOTH")),
            ours,
        )

        def decode() -> None:
            (image,) = (image for image in bpy.data.images if image.packed_file)
            assert image.size[0] == size_px

        def with_result() -> None:
            empty_file()
            landing.insert_result(job, "Owl", result, place())

        row("decoding at first use, if not prepared", measure(decode, with_result))
        sys.stdout.flush()
        os._exit(0)  # bpy 4.2 crashes while it ends


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

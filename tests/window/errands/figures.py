"""What Maquette costs in a window, and what the way through a GLB file costs in the same one.

The model has 100,000 triangles and a texture of 2048 px. result.json holds the notes; milliseconds, unless
seconds are named. Best run alone on the machine: everything here shares its processors with the engine.
"""

import os
import statistics
import time

import addon_utils
import bpy
import enabling
from artist import (
    ADDON,
    JOB_LIMIT_S,
    PICTURES,
    choose_picture,
    nothing_wrong,
    objects,
    open_panel,
    session,
)
from drive import check, until
from hands import PRESS_S

FACES, TEXTURE_PX = 100_000, 2048
N_JOBS = 3
N_LANDINGS = 4


def scenario(window):
    check(addon_utils.enable.__wrapped__, "enabling is measured")
    window.note(enabled_ms=round(1000 * enabling.seconds[ADDON], 1), load=os.getloadavg()[0])
    glb = yield from _make_glb(window)
    window.stopwatch.phase = "starting"
    yield from open_panel(window)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    choices = bpy.context.scene.maquette
    choices.faces, choices.texture_size, choices.preset = FACES, str(TEXTURE_PX), "best"
    choose_picture("owl.png")
    yield from until(lambda: session().is_ready, "the engine answers", 60)
    yield 4.0

    landings = _Landings()
    jobs = []
    for number in range(N_JOBS):
        window.stopwatch.phase = f"job {number + 1}"
        jobs.append((yield from _one_job(window, landings)))
    window.note(jobs=jobs, triangles=len(objects()[0].data.polygons))
    nothing_wrong()

    window.stopwatch.phase = "idle"
    yield 10.0
    window.stopwatch.phase = "beside"
    yield from _beside_gltf(window, landings, glb)
    nothing_wrong()


class _Landings:
    """When results came and landed, and what the engine itself took for them."""

    def __init__(self):
        self.engine_s, self.came_s, self.landed_s = 0.0, 0.0, 0.0
        self._add, self._landed = session().times.add, session().landed
        session().times.add, session().landed = self.add, self.land

    def add(self, kind, report):
        self.came_s = time.perf_counter()
        self.engine_s = sum(stage["seconds"] for stage in report["stages"])
        self._add(kind, report)

    def land(self, job, news=""):
        self._landed(job, news)
        self.landed_s = time.perf_counter()


def _one_job(window, landings):
    """One click and what follows; the first job also waits for the worker, which is started for it."""
    place = yield from window.find_operator("maquette.generate")
    yield from window.hand.move(*place)
    yield 2 * PRESS_S
    yield from window.hand.press(*place, True)
    yield PRESS_S
    landings.landed_s = 0.0
    clicked_s = time.perf_counter()
    yield from window.hand.press(*place, False)
    yield from until(lambda: landings.landed_s, "the result has landed", JOB_LIMIT_S)
    yield 3.0
    whole_s = landings.landed_s - clicked_s
    return {
        "click_to_landed_s": round(whole_s, 2),
        "engine_s": round(landings.engine_s, 2),
        "beyond_the_engine_s": round(whole_s - landings.engine_s, 3),
        "of_which_landing_s": round(landings.landed_s - landings.came_s, 3),
    }


def _make_glb(window):
    """The same content as a file, made by the engine's command line before anything is measured."""
    file = window.out.parent / "owl.glb"
    command = [
        *(
            os.environ["WINDOW_ENGINE"],
            "-m",
            "engine",
            "generate",
            str(PICTURES / "owl.png"),
            "-o",
            str(file),
        ),
        *("--preset", "best", "--faces", str(FACES), "--texture-size", str(TEXTURE_PX)),
    ]
    yield from window.hand.run_program(*command, limit_s=240.0)
    return file.read_bytes()


def _beside_gltf(window, landings, glb):
    """The same model from the history and from a file, in turns; what the main thread spends on each."""
    tick = "beside: clock.Clock._tick"
    ours, theirs, longest = [], [], []
    file = window.out.parent / "beside.glb"
    job = objects()[-1]["maquette_job"]
    for _ in range(N_LANDINGS):
        _empty()
        yield 2.0
        laps = window.stopwatch.laps[tick].seconds if tick in window.stopwatch.laps else []
        n_before, landings.landed_s = len(laps), 0.0
        bpy.ops.maquette.insert_result(job=job)
        yield from until(lambda: landings.landed_s, "it is inserted again", 20)
        spent = [seconds for _, seconds in window.stopwatch.laps[tick].seconds[n_before:]]
        ours.append(1000 * sum(spent))
        longest.append(1000 * max(spent))
        _empty()
        yield 2.0
        start = time.perf_counter()
        file.write_bytes(glb)
        written = time.perf_counter()
        with window.in_region("WINDOW"):
            bpy.ops.import_scene.gltf(filepath=str(file))
        end = time.perf_counter()
        theirs.append((1000 * (end - start), 1000 * (end - written)))
        yield 1.0
    window.note(
        landing_ms=[round(each, 1) for each in ours],
        landing_longest_ms=[round(each, 1) for each in longest],
        gltf_with_file_ms=[round(each, 1) for each, _ in theirs],
        gltf_ms=[round(each, 1) for _, each in theirs],
        # The first of each loads modules and fills caches.
        ratio=round(statistics.median(each for each, _ in theirs[1:]) / statistics.median(ours[1:]), 2),
        glb_mb=round(len(glb) / 1e6, 1),
    )


def _empty():
    """Takes all meshes out of the scene, with their data."""
    bpy.data.batch_remove([item for item in bpy.data.objects if item.type == "MESH"])
    bpy.data.batch_remove([mesh for mesh in bpy.data.meshes if not mesh.users])
    bpy.data.batch_remove([item for item in bpy.data.materials if not item.users])
    bpy.data.batch_remove([image for image in bpy.data.images if image.packed_file and not image.users])

"""`maquette bench`: speed and memory are measured on this computer, never promised from another."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from engine.errors import BadInput, BadRequest

_SAMPLE_S = 0.02


def bench(options: argparse.Namespace) -> int:
    """Measures what the options name; returns the exit code."""
    if options.repeat < 1:
        raise BadRequest(f"--repeat is {options.repeat}.", remedy="It must be 1 or more.")
    if options.what == "wire":
        from engine.bench_wire import bench_wire

        timing = bench_wire(n_rounds=options.repeat)
        print(json.dumps(asdict(timing), indent=2) if options.json else str(timing))
        return 0
    if options.what == "texturing":
        from engine.bench_texturing import bench_texturing

        found = bench_texturing(
            options.repeat,
            against=options.against,
            device=options.device or "cpu",
            step=lambda work: print(f"... {work}", file=sys.stderr, flush=True),
        )
        print(json.dumps(found.as_dict(), indent=2) if options.json else str(found))
        return 0
    if options.what == "shape":
        from engine.bench_shape import bench_shape

        measured = bench_shape(
            options.model,
            options.repeat,
            device=options.device or "cuda",
            n_steps=options.steps,
            is_streamed=options.stream,
            step=lambda work: print(f"... {work}", file=sys.stderr, flush=True),
        )
        print(json.dumps(measured.as_dict(), indent=2) if options.json else str(measured))
        return 0
    if options.image is None:
        raise BadRequest("No picture is given.", remedy="maquette bench generate IMAGE")
    runs = [_measure_generate(options.image) for _ in range(options.repeat)]
    figures = _summarise(runs)
    print(json.dumps(figures, indent=2) if options.json else _as_table(figures))
    return 0


def _measure_generate(image: str) -> dict[str, Any]:
    """One run of the whole command, start-up included: seconds, peak memory (RSS), seconds by stage."""
    with tempfile.TemporaryDirectory(prefix="maquette-bench-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "engine", "generate", image, "-o", str(Path(folder) / "bench.glb")]
        command += ["--faces", "40000", "--texture-size", "1024", "--report", str(report)]
        started_s = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            watched = psutil.Process(process.pid)
            peak_bytes = 0
            while process.poll() is None:
                try:
                    peak_bytes = max(peak_bytes, watched.memory_info().rss)
                except psutil.Error:
                    break  # it ended between the two questions
                time.sleep(_SAMPLE_S)
            words = process.communicate()[1].decode(errors="replace")
        seconds = time.perf_counter() - started_s
        if process.returncode:
            raise BadInput(f"The run ended with code {process.returncode}: {words.strip()[-500:]}")
        stages = json.loads(report.read_text(encoding="utf-8"))["stages"]
    by_stage = {stage["name"]: stage["seconds"] for stage in stages}
    return {"seconds": seconds, "peak_ram_bytes": peak_bytes, "stages": by_stage}


def _summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = [run["seconds"] for run in runs]
    stages = {name: min(run["stages"][name] for run in runs) for name in runs[0]["stages"]}
    return {
        "n_runs": len(runs),
        "best_seconds": min(seconds),
        "median_seconds": statistics.median(seconds),
        "peak_ram_bytes": max(run["peak_ram_bytes"] for run in runs),
        "best_stage_seconds": stages,
        "start_and_imports_seconds": min(run["seconds"] - sum(run["stages"].values()) for run in runs),
    }


def _as_table(figures: dict[str, Any]) -> str:
    lines = [f"{name:<12} {seconds:6.2f} s" for name, seconds in figures["best_stage_seconds"].items()]
    lines.append(f"{'the rest':<12} {figures['start_and_imports_seconds']:6.2f} s  (start, imports, writing)")
    lines.append(
        f"whole command: best {figures['best_seconds']:.2f} s, median {figures['median_seconds']:.2f} s of "
        f"{figures['n_runs']}; peak {figures['peak_ram_bytes'] / 2**20:.0f} MiB RAM "
        "(40,000 faces, texture 1024)"
    )
    return "\n".join(lines)

"""The benchmark takes the way that it claims to measure."""

from __future__ import annotations

from engine.bench_wire import bench_wire


def test_the_benchmark_moves_all_the_bytes_between_processes() -> None:
    timing = bench_wire(n_megabytes=30, n_rounds=2)
    assert timing.n_bytes == 30_000_000
    assert 0 < timing.best_ms <= timing.median_ms <= timing.worst_ms
    assert "30.0 MB from server to client" in str(timing)

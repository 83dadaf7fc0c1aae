"""One plain function per backend, and the calls that turn a request into what it asks for."""

from engine.pipelines.requests import run_cutout, run_generate, run_request

__all__ = ["run_cutout", "run_generate", "run_request"]

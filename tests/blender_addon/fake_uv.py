"""A uv that behaves: it prints what uv prints, fills a cache and fails in the known ways.

Packed into a wheel, it comes out and runs through the same code as the real one. It notes each call in
`calls.jsonl` in the folder where it runs; FAKE_UV says how `pip install` goes: blank, "hang", "torch"
(PyTorch's server is out of reach) or the words to fail with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from blender_addon.engine_setup import Setup, SetupPlan, SetupState

# A script for sh and for Python: the line that names a Python directly may hold no space.
_START = f"""#!/bin/sh
'''exec' "{sys.executable}" "$0" "$@"
' '''"""
_UV = """{start}
import json, os, shutil, subprocess, sys, time
arguments, cache = sys.argv[1:], os.environ["UV_CACHE_DIR"]
with open("calls.jsonl", "a") as calls:
    told = {{name: value for name, value in os.environ.items() if name.startswith(("UV_", "PYTHON", "SSL_"))}}
    calls.write(json.dumps([arguments, told]) + "\\n")
if arguments[0] == "venv":
    target = arguments[-1]
    os.makedirs(os.path.join(target, "bin"))
    program = os.path.join(target, "bin", "python")
    with open(program, "w") as file:
        file.write({engine!r})
    os.chmod(program, 0o755)
elif arguments[0] == "cache":
    shutil.rmtree(cache, ignore_errors=True)
else:
    way = os.environ.get("FAKE_UV", "")
    os.makedirs(cache, exist_ok=True)
    print("Resolved 2 packages in 1ms\\nDownloading scipy (33.7MiB)\\nDownloading torch (1.5GiB)", flush=True)
    open(os.path.join(cache, "scipy"), "w").close()
    print(" Downloaded scipy", flush=True)
    if way == "hang":
        child = subprocess.Popen(["sleep", "600"])
        with open("grandchild", "w") as file:
            file.write(str(child.pid))
        print("hanging", flush=True)
        time.sleep(600)
    if way == "torch" and any(word.startswith("--torch-backend") for word in arguments):
        sys.exit("error: Failed to fetch: https://example.org/whl/cpu/torch/\\n  cause: dns error")
    if way not in ("", "torch"):
        sys.exit(way)
    print(" Downloaded torch\\nInstalled 2 packages in 1ms\\n + torch==2.13.0", flush=True)
"""
_ENGINE = """{start}
import json, os, sys
if sys.argv[1] == "-c":
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
if os.environ.get("FAKE_ENGINE") == "broken":
    sys.exit("ImportError: libcudart.so.13")
finding = {{"name": "torch", "facts": {{"version": "2.13.0"}}}}
report = {{"version": "0.1.0", "verdict": "It works.", "sections": [{{"findings": [finding]}}]}}
print("a warning first\\n" + json.dumps(report, indent=2))
"""


def make_uv_wheel(folder: Path, *, is_damaged: bool = False) -> Path:
    """A wheel laid out as uv's own, with the fake inside."""
    engine = _ENGINE.format(python=sys.executable, start=_START)
    program = _UV.format(start=_START, engine=engine).encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(program).digest()).rstrip(b"=").decode()
    path = folder / "uv-9.9.9-py3-none-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("uv-9.9.9.data/scripts/uv", program + (b"#" if is_damaged else b""))
        wheel.writestr("uv-9.9.9.data/scripts/uvx", b"other")
        record = f"uv-9.9.9.data/scripts/uv,sha256={digest},{len(program)}\nuv-9.9.9.dist-info/RECORD,,\n"
        wheel.writestr("uv-9.9.9.dist-info/RECORD", record)
    return path


def make_plan(folder: Path, **environment: str) -> SetupPlan:
    """A plan in `folder` that sees nothing of this computer's pip."""
    engine_wheel = folder / "maquette-0.1.0-py3-none-any.whl"
    engine_wheel.write_bytes(b"first")
    base = {"PATH": "/usr/bin:/bin", "PIP_CONFIG_FILE": "/dev/null", "HOME": str(folder)}
    return SetupPlan(
        home=folder / "내 엔진 home",
        engine_wheel=engine_wheel,
        uv_wheel=make_uv_wheel(folder),
        may_go_online=True,
        environment=base | environment,
    )


def go(setup: Setup, until: Callable[[SetupState], bool] = lambda state: state.is_over) -> SetupState:
    """Ticks as Blender's timer does, but faster, until the state is so."""
    import time

    for _ in range(6000):
        if until(setup.tick()):
            return setup.state
        time.sleep(0.005)
    raise AssertionError(f"the set-up stands still: {setup.state}")


def calls_in(plan: SetupPlan, command: str) -> list[tuple[list[str], dict[str, str]]]:
    """The calls of uv that began with `command`, with uv's variables, in their order."""
    lines = (plan.home / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    return [(words, told) for words, told in map(json.loads, lines) if words[0] == command]


def with_wheel(plan: SetupPlan, content: bytes) -> SetupPlan:
    """The same plan for another build of the engine."""
    plan.engine_wheel.write_bytes(content)
    return replace(plan)

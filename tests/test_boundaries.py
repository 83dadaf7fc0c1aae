"""The dependency rule, read from the sources: who may import whom, and what stays light.

The rules of import_rules judge the repository and, to show that they can fail, small made-up sources.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from import_rules import (
    HEAVY,
    LIGHT,
    RULES,
    Rule,
    Sources,
    addon_is_thin,
    bpy_is_declared,
    engine_knows_no_blender,
    layers_are_kept,
    light_parts_stay_light,
    module_of,
    nothing_is_pickled,
    part_of,
    protocol_is_pure,
)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def repository() -> Sources:
    """The Python files of the product."""
    folders = ("protocol", "engine", "blender_addon")
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps_the_rule(rule: Rule, repository: Sources) -> None:
    assert "\n".join(rule(repository)) == ""


LAW = '"""Law."""\n'
BREACHES = [
    (protocol_is_pure, {"protocol/a.py": "import numpy"}, "protocol/a.py:1", "not numpy"),
    (protocol_is_pure, {"protocol/a.py": "def f():\n  import zmq"}, "protocol/a.py:2", "not zmq"),
    (protocol_is_pure, {"protocol/a.py": "from protocol.b import C"}, "a.py:1", "relatively"),
    (protocol_is_pure, {"protocol/a.py": "import socket"}, "a.py:1", "opens nothing"),
    (addon_is_thin, {"blender_addon/a.py": "\nimport torch.nn"}, "a.py:2", "torch.nn"),
    (addon_is_thin, {"blender_addon/ops/a.py": "from engine import errors"}, "ops/a.py:1", "engine.errors"),
    (addon_is_thin, {"blender_addon/a.py": "import protocol.names"}, "a.py:1", "protocol.names"),
    (bpy_is_declared, {"blender_addon/a.py": '"""X. No bpy."""\nimport bpy'}, "a.py:2", "but imports bpy"),
    (bpy_is_declared, {"blender_addon/a.py": '"""X."""\nimport os'}, "a.py:1", "must say"),
    (
        bpy_is_declared,
        {
            "blender_addon/a.py": '"""X. No bpy."""\nfrom .b import c',
            "blender_addon/b.py": '"""Y."""\nimport bpy',
        },
        "a.py:2",
        "blender_addon.b, which does not",
    ),
    (engine_knows_no_blender, {"engine/a.py": "import mathutils"}, "a.py:1", "mathutils"),
    (engine_knows_no_blender, {"engine/a.py": "__import__('bpy')"}, "a.py:1", "bpy"),
    (layers_are_kept, {"engine/geometry/a.py": "from engine.stages import b"}, "geometry/a.py:1", "above"),
    (layers_are_kept, {"engine/geometry/a.py": "from ..jobs import b"}, "geometry/a.py:1", '"jobs"'),
    (
        layers_are_kept,
        {"engine/runner.py": "def f():\n  from engine import pipelines"},
        "runner.py:2",
        "pipelines",
    ),
    (
        layers_are_kept,
        {"engine/errors.py": "import importlib\nimportlib.import_module('engine.server')"},
        "errors.py:2",
        "server",
    ),
    (layers_are_kept, {"engine/odds.py": ""}, "odds.py:1", "no layer"),
    (light_parts_stay_light, {"engine/settings.py": "import numpy as np"}, "settings.py:1", "numpy"),
    (
        light_parts_stay_light,
        {"engine/jobs.py": "try:\n  import torch\nfinally:\n  pass"},
        "jobs.py:1",
        "torch",
    ),
    (
        light_parts_stay_light,
        {
            "engine/server.py": "from engine.jobs import Queue",
            "engine/jobs.py": "import engine.geometry.mesh",
            "engine/geometry/__init__.py": "import scipy.ndimage",
            "engine/geometry/mesh.py": "",
        },
        "engine/server.py:1",
        "engine.server -> engine.jobs -> engine.geometry -> scipy.ndimage",
    ),
    (nothing_is_pickled, {"engine/jobs.py": "from pickle import loads"}, "jobs.py:1", "pickle"),
]


@pytest.mark.parametrize(("rule", "sources", "place", "words"), BREACHES)
def test_a_breach_is_found_and_named(rule: Rule, sources: Sources, place: str, words: str) -> None:
    assert any(place in found and words in found for found in rule(sources)), rule(sources)


LAWFUL = {
    "protocol/a.py": f"{LAW}import json\nimport msgpack\nfrom .b import C\nfrom . import b",
    "protocol/b.py": LAW,
    "blender_addon/__init__.py": f"{LAW}from . import panel",
    "blender_addon/link.py": '"""L. No bpy."""\nimport zmq\nfrom .protocol.names import VIEWS',
    "blender_addon/panel.py": f"{LAW}import bpy\nfrom .link import Link",
    "engine/__init__.py": LAW,
    "engine/__main__.py": f"{LAW}from engine import __version__\ndef main():\n  import torch",
    "engine/server.py": f"{LAW}from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import numpy",
    "engine/worker.py": f"{LAW}from engine.pipelines import silhouette",
    "engine/pipelines/silhouette.py": f"{LAW}from engine.geometry.mesh import Mesh",
    "engine/geometry/mesh.py": f"{LAW}import numpy as np\nfrom ..errors import BadInput",
    "engine/errors.py": f"{LAW}from protocol.a import C",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_lawful_sources_pass(rule: Rule) -> None:
    assert rule(LAWFUL) == []


def test_starting_the_light_parts_loads_nothing_that_computes(repository: Sources) -> None:
    modules = [module_of(path) for path in repository if part_of(module_of(path)) in LIGHT]
    script = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
    script += f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

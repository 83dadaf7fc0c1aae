"""The dependency rule as functions: from sources (path in the repository -> text) to breaches in words.

A breach reads "file:line: rule". LAYERS and LIGHT are the tables to change when the engine gets a new part.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

# The parts of the engine, highest first; a part imports from its own layer and those below it.
LAYERS = (
    (
        *("__main__", "cli", "client", "server", "gateway", "doctor"),
        *("bench_wire", "bench_texturing", "bench_shape"),
    ),
    ("jobs", "records", "worker", "worker_process"),
    ("pipelines",),
    ("stages",),
    ("backends",),
    ("bench_bodies",),
    ("models", "geometry", "imaging", "meshfiles", "weights", "asset"),
    ("runner", "memory", "link", "errors", "settings", "presets", "folders", "payloads", "given_file"),
)
# Parts that start in milliseconds: importing them must not import what computes, not even through others.
LIGHT = {
    *("__main__", "cli", "client", "server", "gateway", "doctor"),
    *("bench_wire", "bench_texturing", "bench_shape"),
    *("jobs", "records", "worker_process"),
    *(
        "backends",
        "runner",
        "memory",
        "link",
        "errors",
        "settings",
        "presets",
        "folders",
        "payloads",
        "given_file",
    ),
}
HEAVY = {
    *("torch", "torchvision", "torchao", "numpy", "scipy", "cv2", "skimage", "PIL", "pillow_heif", "trimesh"),
    *("xatlas", "fast_simplification", "onnxruntime", "rembg", "warp", "diffusers", "transformers"),
}
BLENDER = {
    *("bpy", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "bpy_extras", "bl_ui", "addon_utils", "imbuf"),
}
SOCKETS = {
    *("socket", "socketserver", "selectors", "ssl", "http", "urllib"),
    *("asyncio", "subprocess", "multiprocessing"),
}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
NO_BPY = "No bpy."

Sources = Mapping[str, str]
Rule = Callable[[Sources], list[str]]


@dataclass(frozen=True)
class Import:
    """One imported name, made absolute. `is_immediate`: happens when the file itself is imported."""

    module: str
    line: int
    is_immediate: bool
    is_relative: bool = False

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def module_of(path: str) -> str:
    """The dotted name of the file at `path`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def imports_of(path: str, text: str) -> tuple[Import, ...]:
    """Every import of a file: at its top, in functions, for types only, and by `import_module("…")`."""
    package = module_of(path) if path.endswith("__init__.py") else module_of(path).rpartition(".")[0]

    def walk(node: ast.AST, is_immediate: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, is_immediate) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:  # the name may be a module of its own
                yield Import(f"{base}.{alias.name}", node.lineno, is_immediate, node.level > 0)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield Import(node.args[0].value, node.lineno, is_immediate)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.body:
                yield from walk(child, False)
            for child in node.orelse:
                yield from walk(child, is_immediate)
            return
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, is_immediate and not in_function)

    return tuple(walk(ast.parse(text, path), True))


def below(sources: Sources, folder: str) -> Iterator[tuple[str, str, tuple[Import, ...]]]:
    """The files of `folder` with their text and imports."""
    for path, text in sources.items():
        if path.startswith(f"{folder}/"):
            yield path, text, imports_of(path, text)


def breach(path: str, line: int, rule: str) -> str:
    return f"{path}:{line}: {rule}"


def protocol_is_pure(sources: Sources) -> list[str]:
    """protocol: the standard library and msgpack, no sockets, itself by relative imports only."""
    breaches = []
    for path, _, imports in below(sources, "protocol"):
        for made in imports:
            if made.top == "protocol" and made.is_relative:
                continue
            if made.top == "protocol":
                rule = "protocol imports itself relatively, because it also lives inside the add-on"
            elif made.top in SOCKETS:
                rule = f"protocol is a vocabulary and opens nothing, yet imports {made.module}"
            elif made.top not in sys.stdlib_module_names | {"msgpack"}:
                rule = f"protocol imports the standard library and msgpack only, not {made.module}"
            else:
                continue
            breaches.append(breach(path, made.line, rule))
    return breaches


def addon_is_thin(sources: Sources) -> list[str]:
    """blender_addon: bpy, numpy, zmq, msgpack, the standard library and itself; never torch or the engine."""
    allowed = sys.stdlib_module_names | BLENDER | {"numpy", "zmq", "msgpack"}
    return [
        breach(path, made.line, f"the add-on must not import {made.module}")
        for path, _, imports in below(sources, "blender_addon")
        for made in imports
        if made.top not in allowed and not (made.top == "blender_addon" and made.is_relative)
    ]


def bpy_is_declared(sources: Sources) -> list[str]:
    """blender_addon: a file says "No bpy." in its first line if, and only if, it needs no Blender."""
    free = {
        module_of(path)
        for path, text, _ in below(sources, "blender_addon")
        if NO_BPY in text.partition("\n")[0]
    }
    known = {module_of(path) for path, _, _ in below(sources, "blender_addon")}
    breaches = []
    for path, _, imports in below(sources, "blender_addon"):
        uses = [made for made in imports if made.top in BLENDER]
        if module_of(path) not in free:
            if not uses and not path.endswith("__init__.py"):
                breaches.append(breach(path, 1, f'imports no bpy, so its first line must say "{NO_BPY}"'))
            continue
        breaches += [breach(path, made.line, f'says "{NO_BPY}" but imports {made.module}') for made in uses]
        for made in imports:
            found = nearest_module(made.module, known) if made.is_immediate else None
            if found and found not in free and found != "blender_addon":
                breaches.append(
                    breach(path, made.line, f'says "{NO_BPY}" but imports {found}, which does not')
                )
    return breaches


def engine_knows_no_blender(sources: Sources) -> list[str]:
    """engine: never bpy, the add-on or the tests."""
    return [
        breach(path, made.line, f"the engine must not import {made.module}")
        for path, _, imports in below(sources, "engine")
        for made in imports
        if made.top in BLENDER | {"blender_addon", "tests"}
    ]


def layers_are_kept(sources: Sources) -> list[str]:
    """engine: imports run one way, from cli and server down to errors; every part has its layer."""
    depth = {part: level for level, parts in enumerate(LAYERS) for part in parts}
    breaches = []
    for path, _, imports in below(sources, "engine"):
        part = part_of(module_of(path))
        if not part:
            continue
        if part not in depth:
            breaches.append(breach(path, 1, f'the part "{part}" has no layer: give it one in LAYERS'))
            continue
        for made in imports:
            other = part_of(made.module)
            if other in depth and depth[other] < depth[part]:
                rule = f'"{part}" must not import "{other}", which lies above it'
                breaches.append(breach(path, made.line, rule))
    return sorted(set(breaches))


def light_parts_stay_light(sources: Sources) -> list[str]:
    """engine: importing a light part imports nothing that computes, neither itself nor through others."""
    paths = {module_of(path): path for path, _, _ in below(sources, "engine")}
    paths |= {module_of(path): path for path, _, _ in below(sources, "protocol")}
    breaches = []
    for module, path in paths.items():
        if part_of(module) in LIGHT and (chain := heavy_chain(module, paths, sources)):
            rule = f"a light part imports {chain[-1]} when it is imported ({' -> '.join(chain)})"
            breaches.append(breach(path, 1, rule))
    return breaches


def nothing_is_pickled(sources: Sources) -> list[str]:
    """Everywhere: no module that runs code while it reads data."""
    return [
        breach(path, made.line, f"{made.top} runs code from data and is never used")
        for folder in ("protocol", "engine", "blender_addon")
        for path, _, imports in below(sources, folder)
        for made in imports
        if made.top in UNSAFE
    ]


def part_of(module: str) -> str:
    """`geometry` of `engine.geometry.mesh`, empty for the engine's own package and for anything else."""
    top, _, rest = module.partition(".")
    part = rest.partition(".")[0]
    return "" if top != "engine" or part.startswith("__version") else part


def nearest_module(name: str, known: set[str] | Mapping[str, str]) -> str | None:
    """The longest start of the dotted `name` that is a module: a name may end in a class."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def heavy_chain(start: str, paths: Mapping[str, str], sources: Sources) -> list[str]:
    """The modules from `start` to the first heavy package that importing it imports, empty if none."""
    queue: deque[list[str]] = deque([[start]])
    seen = {start}
    while queue:
        chain = queue.popleft()
        path = paths[chain[-1]]
        for made in imports_of(path, sources[path]):
            if not made.is_immediate:
                continue
            if made.top in HEAVY:
                return [*chain, made.module]
            found = nearest_module(made.module, paths)
            while found:  # importing a module imports the packages around it
                if found in paths and found not in seen:
                    seen.add(found)
                    queue.append([*chain, found])
                found = found.rpartition(".")[0]
    return []


RULES: tuple[Rule, ...] = (
    protocol_is_pure,
    addon_is_thin,
    bpy_is_declared,
    engine_knows_no_blender,
    layers_are_kept,
    light_parts_stay_light,
    nothing_is_pickled,
)

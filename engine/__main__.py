"""The command line's front door: parses, hands over, and turns every failure into words and an exit code.

Nothing that computes is imported here; each command imports what it needs when it runs, so that help is there
at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from engine import __version__
from engine.errors import MaquetteError, fault_of
from protocol.faults import Fault
from protocol.names import BACKENDS, PRESETS, SHAPE_MODELS, VIEWS

_EPILOG = (
    "Folders: MAQUETTE_DATA (jobs, cache, logs) and MAQUETTE_MODELS (weights); `maquette doctor` shows them."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    0 done, 1 internal, 2 bad input or usage, 3 out of memory, 4 weights missing or licence not accepted,
    5 engine unreachable, 130 cancelled.
    """
    _speak_utf8()
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:
        # The reader of our output has gone (`maquette ... | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last place: told as a fault
        fault = fault_of(error)
        if fault.detail:
            fault = replace(fault, remedy=f"{fault.remedy} {_keep_detail(fault.detail)}")
        tell_fault(fault, as_json=getattr(options, "json", False))
        return fault.exit_code


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar of the command line."""
    parser = argparse.ArgumentParser(
        prog="maquette", description="Pictures to textured 3D models.", epilog=_EPILOG
    )
    parser.add_argument("--version", action="version", version=f"maquette {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_generate(commands.add_parser("generate", help="make a textured GLB from pictures"))
    _add_texture(commands.add_parser("texture", help="paint pictures onto a mesh that exists"))
    _add_serve(commands.add_parser("serve", help="run the engine for Blender and other programs"))
    _add_backends(commands.add_parser("backends", help="list the ways to a model and whether they can run"))
    _add_models(commands.add_parser("models", help="list the networks' weights, or say how to get them"))
    _add_doctor(commands.add_parser("doctor", help="examine this computer and say what can run"))
    _add_bench(commands.add_parser("bench", help="measure speed on this computer"))
    return parser


def tell_fault(fault: Fault, *, as_json: bool) -> None:
    """Says on stderr what, where and what to do; with `as_json` also as an event on stdout."""
    where = f" (stage {fault.stage})" if fault.stage else ""
    print(f"maquette: {fault.message}{where}", file=sys.stderr)
    if fault.remedy:
        print(fault.remedy, file=sys.stderr)
    if as_json:
        event = {"event": "failed", "code": fault.code, "message": fault.message, "remedy": fault.remedy}
        print(json.dumps({**event, "stage": fault.stage}, ensure_ascii=False), flush=True)


def _keep_detail(detail: str) -> str:
    """Writes what a developer needs into the log folder, and says where it is."""
    from engine.folders import find_folders, make_folder, write_atomically

    try:
        path = make_folder(find_folders().data / "logs") / "last-failure.log"
        write_atomically(path, detail.encode("utf-8", "replace"))
    except MaquetteError as error:
        return f"(The log could not be kept: {error.message})"
    return f"It is in {path}."


def _speak_utf8() -> None:
    """Windows consoles and pipes may default to a code page that cannot say every file's name."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _add_generate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="the front view")
    parser.add_argument(
        "--view", action="append", default=[], metavar="NAME=FILE", help=f"another view: {', '.join(VIEWS)}"
    )
    parser.add_argument("-o", "--output", metavar="OUT.glb", help="default: the picture's name, here")
    parser.add_argument("--backend", metavar="B", help=f"{', '.join(BACKENDS)}; default: what can run")
    parser.add_argument(
        "--model",
        metavar="M",
        help=f"for hunyuan3d-2: {', '.join(SHAPE_MODELS)}; default: one that is there",
    )
    parser.add_argument("--preset", default="auto", metavar="P", help=f"{', '.join(PRESETS)}")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same result")
    parser.add_argument("--faces", type=int, metavar="N", help="triangles of the mesh")
    parser.add_argument("--texture-size", type=int, metavar="N", help="pixels along the texture's side")
    parser.add_argument(
        "--set", action="append", default=[], metavar="stage.key=value", help="any setting; --list-settings"
    )
    parser.add_argument("--list-settings", action="store_true", help="list every setting and end")
    parser.add_argument("--vram-limit", type=float, metavar="GiB", help="use no more GPU memory than this")
    parser.add_argument("--report", metavar="FILE", help="write what was done and what it cost, as JSON")
    parser.add_argument("--json", action="store_true", help="one JSON event a line on stdout")
    parser.add_argument(
        "--engine", nargs="?", const="", metavar="FILE", help="send the job to a running engine"
    )

    def run(options: argparse.Namespace) -> int:
        from engine.cli.generate import generate

        return generate(options)

    parser.set_defaults(run=run)


def _add_texture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mesh", nargs="?", metavar="MESH", help="GLB, glTF, OBJ, PLY, STL, OFF, ...")
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="its front view")
    parser.add_argument(
        "--view", action="append", default=[], metavar="NAME=FILE", help=f"another view: {', '.join(VIEWS)}"
    )
    parser.add_argument("-o", "--output", metavar="OUT.glb", help="default: MESH-textured.glb, here")
    parser.add_argument(
        "--uv",
        choices=["auto", "keep", "new"],
        default="auto",
        help="the mesh's own texture coordinates, or new ones in a second layer; auto: its own if they serve",
    )
    parser.add_argument("--up", choices=["y", "z"], default="y", help="what is up in the file; default: y")
    parser.add_argument("--preset", default="auto", metavar="P", help=f"{', '.join(PRESETS)}")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same result")
    parser.add_argument("--texture-size", type=int, metavar="N", help="pixels along each texture's side")
    parser.add_argument(
        "--set", action="append", default=[], metavar="stage.key=value", help="any setting; --list-settings"
    )
    parser.add_argument("--list-settings", action="store_true", help="list every setting and end")
    parser.add_argument("--report", metavar="FILE", help="write what was done and what it cost, as JSON")
    parser.add_argument("--json", action="store_true", help="one JSON event a line on stdout")

    def run(options: argparse.Namespace) -> int:
        from engine.cli.texture import texture

        return texture(options)

    parser.set_defaults(run=run)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: any free one")
    parser.add_argument("--remote", action="store_true", help="listen beyond this computer, encrypted")
    parser.add_argument("--owned", action="store_true", help="end when no owner is heard and nothing is left")
    parser.add_argument(
        "--idle", type=float, default=300.0, metavar="S", help="end an idle worker after S seconds"
    )

    def run(options: argparse.Namespace) -> int:
        from engine.cli.serve import serve

        return serve(options)

    parser.set_defaults(run=run)


def _add_backends(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")

    def run(options: argparse.Namespace) -> int:
        from engine.cli.listings import list_backends

        return list_backends(as_json=options.json)

    parser.set_defaults(run=run)


def _add_models(parser: argparse.ArgumentParser) -> None:
    orders = parser.add_subparsers(title="orders", metavar="ORDER", required=True)
    listing = orders.add_parser("list", help="list every model, its size and licence, and what is here of it")
    listing.add_argument("--json", action="store_true", help="as JSON")
    download = orders.add_parser("download", help="say where a model is fetched from and where it goes")
    download.add_argument("name", metavar="NAME", help=f"hunyuan3d-2/{', hunyuan3d-2/'.join(SHAPE_MODELS)}")

    def run_list(options: argparse.Namespace) -> int:
        from engine.cli.models import list_models

        return list_models(options)

    def run_download(options: argparse.Namespace) -> int:
        from engine.cli.models import download_model

        return download_model(options)

    listing.set_defaults(run=run_list)
    download.set_defaults(run=run_download)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--hide-paths", action="store_true", help="without the name of your home folder")

    def run(options: argparse.Namespace) -> int:
        from engine.doctor import run_doctor

        return run_doctor(options.json, sys.stdout, hides_private_paths=options.hide_paths)

    parser.set_defaults(run=run)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=["wire", "generate", "texturing", "shape"],
        help="the wire, a whole generation, unwrapping to in-painting, or the shape networks at full size",
    )
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="for generate: the picture")
    parser.add_argument(
        "--repeat", type=int, default=5, metavar="N", help="runs; the best and the median count"
    )
    parser.add_argument(
        "--against", default="", metavar="LIBRARY", help="for texturing: compare unwrapping with xatlas"
    )
    parser.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        default=None,
        help="for texturing (default cpu) and shape (default cuda): what computes",
    )
    parser.add_argument(
        "--model", choices=SHAPE_MODELS, default="2.0", help="for shape: the checkpoint's size"
    )
    parser.add_argument("--steps", type=int, default=50, metavar="N", help="for shape: steps of sampling")
    parser.add_argument("--stream", action="store_true", help="for shape: weights come in block by block")
    parser.add_argument("--json", action="store_true", help="as JSON")

    def run(options: argparse.Namespace) -> int:
        from engine.cli.bench import bench

        return bench(options)

    parser.set_defaults(run=run)


if __name__ == "__main__":
    sys.exit(main())

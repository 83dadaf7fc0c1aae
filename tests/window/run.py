"""Runs scenarios in a real Blender on an unseen screen, and keeps what they showed.

    python tests/window/run.py --chroot DIR --addon maquette.zip --engine PYTHON --out OUT [SCENARIO ...]

Each scenario gets a fresh home, data folder, X server and Blender. OUT/SCENARIO holds result.json, pictures,
aftermath.json, and the logs of Blender, the X server and the engine. The exit code is 0 if all held.
Without a name all scenarios are played; errands only by name. Standard library only.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT_S = 240.0
EXAMPLES = ("owl.png", "mug.png", "mushroom.jpg")
FOLDERS = ("scenarios", "errands")  # what holds or fails; what is run for its figures and pictures
LEFT = ("processes", "files")  # in the record of aftermath.py

# What a healthy console never says.
BAD_WORDS = (
    "Traceback (most recent call last)",
    "Error: Not freed memory",
    "EXCEPTION_",
    "Segmentation fault",
)

SESSION = """
Xvfb -displayfd 3 -screen 0 "$SCREEN"x24 -nolisten tcp 3>"$OUT/display" >"$OUT/xvfb.log" 2>&1 &
server=$!
n=0
until [ -s "$OUT/display" ]; do
  n=$((n + 1)); [ $n -lt 100 ] && kill -0 $server 2>/dev/null || { echo "no X server"; exit 9; }
  sleep 0.1
done
DISPLAY=":$(cat "$OUT/display")"
TURN=1
export DISPLAY TURN
while :; do
  rm -f "$OUT/again"
  blender "$@" >>"$OUT/blender.log" 2>&1
  code=$?
  [ -f "$OUT/again" ] || break
  TURN=$((TURN + 1))
done
python3 "$WINDOW/aftermath.py" "$MAQUETTE_DATA" "$TMPDIR" "$OUT/aftermath.json"
kill $server
wait $server
exit $code
"""


@dataclass(frozen=True)
class Stage:
    """Where scenarios play: chroot ("/" for the machine itself), add-on, engine's Python, screen."""

    chroot: Path
    addon: Path
    engine: str
    out: Path
    screen: str = "1280x800"
    is_told: bool = True  # whether the add-on is told where the engine is
    lab: Path = field(default_factory=lambda: Path(f"/lab/{os.getpid()}"))  # what a run writes, in the chroot

    def inside(self, path: Path) -> Path:
        """A path of the chroot, as this machine sees it."""
        return self.chroot / path.relative_to("/")


@dataclass(frozen=True)
class Outcome:
    """How a scenario ended; no reason means that it held."""

    scenario: str
    reason: str
    result: dict[str, object]


def play(stage: Stage, scenario: str) -> Outcome:
    """Runs one scenario and copies what it left to stage.out."""
    lab = stage.lab / scenario
    shutil.rmtree(stage.inside(lab), ignore_errors=True)
    out = lab / "out"
    stage.inside(out).mkdir(parents=True)
    stage.inside(lab / "tmp").mkdir()
    shutil.copytree(stage.inside(stage.lab / "home"), stage.inside(lab / "home"), symlinks=True)
    hand = "real" if _declares(scenario, 'HAND = "real"') else "simulated"
    width, height = stage.screen.split("x")
    if _declares(scenario, "SCREENS = 2"):
        stage = replace(stage, screen=f"{2 * int(width)}x{height}")
    if _declares(scenario, 'ENGINE = "none"'):
        stage = replace(stage, is_told=False)
    command = [
        *("sh", "-c", SESSION, "session"),
        *("--window-geometry", "0", "0", width, height),
        *(["--enable-event-simulate"] if hand == "simulated" else []),
        *("--offline-mode", "--python-exit-code", "4"),
        *(
            "--python-expr",
            f"import sys; sys.path.insert(0, {str(stage.lab / 'window')!r}); import drive; drive.main()",
        ),
        *("--", str(out), str(stage.lab / "window" / _file(scenario).relative_to(HERE)), hand),
    ]
    reason = ""
    try:
        done = _run_inside(stage, command, lab, limit_s=LIMIT_S)
        if done.returncode:
            reason = f"Blender ended with {done.returncode}. {done.stdout.strip()}"
    except subprocess.TimeoutExpired:
        reason = f"Not finished after {LIMIT_S:g} s."
    result = _read_result(stage.inside(out / "result.json"))
    reason = (
        str(result.get("reason", "")) or reason or ("" if result else "The scenario left no result.json.")
    )
    reason = reason or _complaint(stage.inside(out / "blender.log"))
    return Outcome(scenario, reason or _left_over(stage.inside(out / "aftermath.json")), result)


def keep(stage: Stage, scenario: str) -> Path:
    """Copies what the scenario left to stage.out/scenario."""
    kept = stage.out / scenario
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(stage.inside(stage.lab / scenario / "out"), kept)
    for log in stage.inside(stage.lab / scenario / "data").rglob("*.log"):
        shutil.copy(log, kept / f"engine-{log.name}")
    return kept


def prepare(stage: Stage) -> None:
    """Puts harness, pictures, engine and add-on into the chroot; installs the add-on into a fresh home."""
    lab = stage.inside(stage.lab)
    lab.mkdir(parents=True, exist_ok=True)
    for name in ("window", "home", "pictures"):
        shutil.rmtree(lab / name, ignore_errors=True)
    shutil.copytree(HERE, lab / "window", ignore=shutil.ignore_patterns("__pycache__"))
    (lab / "pictures").mkdir()
    for name in EXAMPLES:
        shutil.copy(ROOT / "examples" / name, lab / "pictures" / name)
    if stage.engine:
        _refresh_engine(stage)
    shutil.copy(stage.addon, lab / "addon.zip")
    (lab / "home").mkdir()
    install = [
        "blender",
        "--command",
        "extension",
        "install-file",
        "-r",
        "user_default",
        "-e",
        str(stage.lab / "addon.zip"),
    ]
    done = _run_inside(stage, install, stage.lab, limit_s=60)
    if done.returncode or "Traceback" in done.stdout:
        raise SystemExit(f"The add-on could not be installed:\n{done.stdout}")


def clear(stage: Stage) -> None:
    """Takes what the run wrote out of the chroot."""
    shutil.rmtree(stage.inside(stage.lab), ignore_errors=True)


def _refresh_engine(stage: Stage) -> None:
    """Lays the repository's engine and protocol over those in the chroot's environment."""
    environment = Path(stage.engine).parent.parent
    packages = next(iter(stage.inside(environment).glob("lib/python3*/site-packages")), None)
    if packages is None:
        raise SystemExit(f"{stage.engine} is not inside {stage.chroot}: run setup.sh with it.")
    for name in ("engine", "protocol"):
        # Removed and made anew, never written into: the files may be hard links of this machine's.
        shutil.rmtree(packages / name, ignore_errors=True)
        shutil.copytree(ROOT / name, packages / name, ignore=shutil.ignore_patterns("__pycache__"))


def _run_inside(
    stage: Stage, command: Sequence[str], home: Path, limit_s: float
) -> subprocess.CompletedProcess[str]:
    """Runs a command in the chroot; whatever it started is gone afterwards."""
    environment = {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "HOME": str(home / "home"),
        "SCREEN": stage.screen,
        "OUT": str(home / "out"),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "WINDOW_PICTURES": str(stage.lab / "pictures"),
        "WINDOW": str(stage.lab / "window"),
        "WINDOW_ENGINE": stage.engine,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(home / "tmp"),
        "BLENDER_USER_SCRIPTS": str(stage.lab / "window"),
        "MESA_SHADER_CACHE_DIR": "/lab/shaders",  # kept: a first Material Preview compiles for a minute
        "MAQUETTE_DATA": str(home / "data"),
        "MAQUETTE_MODELS": str(home / "models"),
        "MAQUETTE_ENGINE": stage.engine if stage.is_told else "",
    }
    words = [f"{name}={value}" for name, value in environment.items() if value]
    inner = ["env", "-i", *words, *command]
    if stage.chroot != Path("/"):
        inner = ["chroot", str(stage.chroot), *inner]
    if _has_namespaces():
        # A process tree of its own: its end is the end of all in it. The engine reads /proc.
        mount = 'mount -t proc proc "$0/proc" && "$@"'
        inner = [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"),
            *("sh", "-c", mount, str(stage.chroot), *inner),
        ]
    process = subprocess.Popen(
        inner, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        words_out, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        raise
    return subprocess.CompletedProcess(inner, process.returncode, words_out)


@functools.cache
def _has_namespaces() -> bool:
    """Whether this user may make a process tree of its own (root outside of most containers)."""
    probe = ["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "true"]
    return shutil.which("unshare") is not None and not subprocess.call(probe, stderr=subprocess.DEVNULL)


def _file(name: str) -> Path:
    """The file of a scenario or of an errand."""
    return next(file for folder in FOLDERS if (file := HERE / folder / f"{name}.py").exists())


def _declares(scenario: str, line: str) -> bool:
    """Whether a scenario's file has this line; it cannot be imported here, because it imports bpy."""
    return line in _file(scenario).read_text(encoding="utf-8").splitlines()


def _read_result(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _complaint(log: Path) -> str:
    """The first line of the console that a healthy Blender does not write."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if any(word in line for word in BAD_WORDS):
            return f"The console says: {line.strip()}"
    return ""


def _left_over(record: Path) -> str:
    """What is still there although Blender has ended."""
    told = _read_result(record)
    return "".join(f"Left behind: {', '.join(map(str, told[kind]))}." for kind in LEFT if told.get(kind))


def scenarios(folder: str = "scenarios") -> list[str]:
    """The names of all scenarios, or of all errands."""
    return sorted(file.stem for file in (HERE / folder).glob("*.py"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the scenarios that are named, or all; returns the exit code."""
    parser = argparse.ArgumentParser(description="Runs Maquette's scenarios in a real Blender window.")
    parser.add_argument("scenarios", nargs="*", default=[], help="which; all if none is named")
    parser.add_argument("--chroot", type=Path, required=True, help="made by setup.sh; / for this machine")
    parser.add_argument("--addon", type=Path, required=True, help="the built extension, a zip")
    parser.add_argument("--engine", default="", help="the engine's Python inside the chroot")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures, logs and times")
    parser.add_argument("--screen", default="1280x800", help="size of the screen in pixels")
    options = parser.parse_args(arguments)
    known = [name for folder in FOLDERS for name in scenarios(folder)]
    if unknown := set(options.scenarios) - set(known):
        parser.error(f"No scenario is called {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    stage = Stage(options.chroot.resolve(), options.addon, options.engine, options.out, options.screen)
    prepare(stage)
    failed = 0
    for scenario in options.scenarios or scenarios():
        outcome = play(stage, scenario)
        kept = keep(stage, scenario)
        failed += bool(outcome.reason)
        sys.stdout.write(
            f"{scenario}: {outcome.reason or 'held'} ({outcome.result.get('seconds', '?')} s, {kept})\n"
        )
        sys.stdout.flush()
    clear(stage)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

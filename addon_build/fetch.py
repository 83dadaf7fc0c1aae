"""pip brings the wheels, with whatever index and proxy its user has set up; nothing unverified is ever kept.

What lies in the cache under a wheel's name was verified when it came and is verified again when it is used.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import BuildError
from .wheels import BUNDLED_PACKAGES, PLATFORMS, PYTHONS, Wheel, check_complete, sha256_of


def gather(wheels: list[Wheel], cache: Path) -> dict[str, Path]:
    """The verified files of `wheels` by file name, fetched into `cache` where they are missing.

    Needs no network when the cache is complete. Raises BuildError for a file whose hash is not the pinned one
    and for one that pip cannot get.
    """
    files = {wheel.file: cache / wheel.file for wheel in wheels}
    for wheel in wheels:
        if not files[wheel.file].exists():
            _fetch(wheel, cache)
        _verify(wheel, files[wheel.file])
    return files


def newest_wheels() -> list[Wheel]:
    """The newest wheels of every package for every platform and Python, hashed as they came.

    Raises BuildError if pip cannot get one, or if they are not one version of each package.
    """
    with _folder(None) as folder:
        for platform, tags in PLATFORMS.items():
            print(f"asking pip for the newest wheels for {platform}", file=sys.stderr)
            where = [option for tag in tags for option in ("--platform", tag)]
            for python in PYTHONS:
                abi = "cp" + python.replace(".", "")
                asked = [*where, "--python-version", python, "--implementation", "cp", "--abi", abi]
                _download([*asked, "--abi", "abi3", *BUNDLED_PACKAGES], folder, f"wheels for {platform}")
            _download([*where, "uv"], folder, f"uv for {platform}")
        files = sorted(folder.glob("*.whl"))
        wheels = [Wheel(file.name, sha256_of(file), not file.name.startswith("uv-")) for file in files]
    check_complete(wheels)
    return wheels


def _verify(wheel: Wheel, file: Path) -> None:
    found = sha256_of(file)
    if found != wheel.sha256:
        raise BuildError(
            f"{file}: sha256 is {found}, pinned is {wheel.sha256}. Delete it so that it is fetched again. "
            "If that does not help, what is offered under this name is not what was reviewed: do not use it."
        )


def _fetch(wheel: Wheel, cache: Path) -> None:
    """Downloads, verifies, and only then gives the file its name in the cache."""
    print(f"fetching {wheel.file}", file=sys.stderr)
    package, version, python, abi, tags = wheel.tags
    options = [option for tag in tags for option in ("--platform", tag)]
    options += ["--implementation", python[:2], "--abi", abi]
    if python.startswith("cp"):
        options += ["--python-version", f"{python[2]}.{python[3:]}"]
    with _folder(cache) as folder:
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{package}=={version} --hash=sha256:{wheel.sha256}\n", encoding="ascii")
        _download([*options, "--require-hashes", "-r", str(requirements)], folder, wheel.file)
        file = folder / wheel.file
        if not file.exists():
            found = ", ".join(other.name for other in folder.glob("*.whl"))
            raise BuildError(f"{wheel.file}: pip brought {found} instead. Put the file into {cache}.")
        _verify(wheel, file)
        os.replace(file, cache / wheel.file)


def _download(options: list[str], folder: Path, what: str) -> None:
    """Runs `pip download` into `folder`; its own last word goes into the BuildError."""
    fixed = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet", "-d", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *fixed, *options]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        if "DO NOT MATCH THE HASHES" in done.stderr:
            raise BuildError(
                f"{what}: what pip's index offers under this name has another sha256 than the pinned one: "
                "it is not what was reviewed. Do not use it; check which index pip's settings name."
            )
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = next(
            (line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no message"
        )
        raise BuildError(
            f"{what}: pip cannot get it ({last}). Check the network and pip's settings, or put the file into "
            "the folder given by --wheels."
        )


@contextmanager
def _folder(beside: Path | None) -> Iterator[Path]:
    """A folder that is gone afterwards, in `beside` so that a rename out of it stays on one disk."""
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=beside) as folder:
        yield Path(folder)

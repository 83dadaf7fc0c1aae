"""The networks that cut out subjects: which there may be, under which licence, and where their files lie.

Files are looked for, never fetched and never opened here. The places are those of the program rembg (its 2.0
series), besides Maquette's own folder for models: a file that the user has need not be downloaded again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CutoutNetwork:
    """A network by rembg's name for it; `side_px` of its square input; `is_logit`: it wants a sigmoid.

    `means` and `deviations` normalise the picture's channels after division by its brightest value.
    """

    name: str
    licence: str
    side_px: int
    is_logit: bool
    means: tuple[float, float, float]
    deviations: tuple[float, float, float]


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# Best first; none of these forbids commercial use. Sizes and normalisations are those of their publishers
# (xuebinqin/U-2-Net, xuebinqin/DIS, ZhengPeng7/BiRefNet), as rembg uses them.
NETWORKS = (
    CutoutNetwork("birefnet-general", "MIT", 1024, True, *_IMAGENET),
    CutoutNetwork("isnet-general-use", "Apache-2.0", 1024, False, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    CutoutNetwork("u2net", "Apache-2.0", 320, False, *_IMAGENET),
)


def network_named(name: str) -> CutoutNetwork:
    """The network called `name`; raises KeyError if there is none."""
    return {network.name: network for network in NETWORKS}[name]


def find_networks(
    models: Path, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> dict[str, Path]:
    """The file of each network that is here, by name; the last two stand in for the process's own."""
    environment = os.environ if environment is None else environment
    home = Path.home() if home is None else home
    found: dict[str, Path] = {}
    for network in NETWORKS:
        files = (place for place in _places(network.name, models, environment, home) if os.path.isfile(place))
        if file := next(files, None):
            found[network.name] = file
    return found


def _places(name: str, models: Path, environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where the network `name` may lie, in the order in which it is taken."""
    file = f"{name}.onnx"
    chosen = next(
        (Path(environment[key]) for key in ("U2NET_HOME", "REMBG_HOME") if environment.get(key)), None
    )
    shared = environment.get("XDG_DATA_HOME")
    rembg = chosen or (Path(shared) / "rembg" if shared else home / ".rembg")
    return (
        models / file,
        models / name / file,
        rembg / "models" / name / file,
        rembg / file,
        home / ".u2net" / file,
    )

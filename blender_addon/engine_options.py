"""What the preferences say of the engine, as one value that the session can be given. No bpy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENGINE_VARIABLE = "MAQUETTE_ENGINE"
DATA_VARIABLE = "MAQUETTE_DATA"
MODELS_VARIABLE = "MAQUETTE_MODELS"


@dataclass(frozen=True)
class EngineOptions:
    """Where the engine's program, data and models are, and how it is run.

    `chosen` is a program or folder that the user named, empty to find one; `home` is the folder of Set Up
    Engine; `vram_limit_gib` caps each job, None leaves it to the engine.
    """

    chosen: str
    home: Path
    data: Path
    models: Path
    idle_s: float = 300.0
    vram_limit_gib: float | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def has_choice(self) -> bool:
        """Whether an engine was named, so that none is searched for."""
        return bool(self.chosen.strip() or self.environment.get(ENGINE_VARIABLE, "").strip())


def engine_options(
    *,
    chosen: str,
    home: str,
    data: str,
    models: str,
    own_folder: Path,
    idle_s: float,
    vram_limit_gib: float | None,
    environment: Mapping[str, str],
) -> EngineOptions:
    """Options from what the user typed; where that is empty, the environment's word, else `own_folder`."""
    base = Path(home) if home else own_folder
    data_folder = data or environment.get(DATA_VARIABLE, "").strip()
    models_folder = models or environment.get(MODELS_VARIABLE, "").strip()
    return EngineOptions(
        chosen,
        base,
        _named(data_folder) if data_folder else base / "data",
        _named(models_folder) if models_folder else base / "models",
        idle_s,
        vram_limit_gib,
        dict(environment),
    )


def _named(folder: str) -> Path:
    """The folder, from the root on: the engine runs in another one than Blender."""
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError:  # `~name` of a user that there is not: a folder that will not be found, in words
        return Path(folder).absolute()

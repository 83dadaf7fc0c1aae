"""A preset is a value made from another by `replace`; nothing else differs between quality levels.

Sizes follow the scenarios that Maquette was asked for, on 8 GB cards: texture 1536 px, octree 128, 4 steps;
for the prototype 1024 px and 3 steps; for the portfolio 2048 px and 5 steps. These are steps of turbo models
(`ShapeSettings.turbo_steps`); other models keep their own number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.errors import BadRequest
from engine.settings import Settings, override, settled
from protocol.names import PRESETS


@dataclass(frozen=True)
class Preset:
    """A quality level: what it is for, and its settings."""

    name: str
    text: str
    settings: Settings


def presets() -> dict[str, Preset]:
    """All presets by name, in the order in which they are offered."""
    balanced = _networks(Settings(), octree=128, turbo_steps=4)
    draft = _networks(_sized(balanced, faces=20_000, texture_size_px=1024), octree=128, turbo_steps=3)
    large = _networks(_sized(balanced, faces=40_000, texture_size_px=2048), octree=128, turbo_steps=5)
    # Not of the scenarios: three times their grid, and as many steps as the models were published with.
    finest = _networks(_sized(Settings(), faces=80_000, texture_size_px=4096), octree=384, turbo_steps=5)
    made = (
        Preset("auto", "chosen for this computer", balanced),
        Preset("safe", "runs where others fail", balanced),
        Preset("balanced", "good quality in good time", balanced),
        Preset("sequential", "least memory at balanced quality", balanced),
        Preset("fastest", "balanced quality, every speed-up", balanced),
        Preset("prototype", "a quick draft", draft),
        Preset("portfolio", "best quality on 8 GB cards", large),
        Preset("eco", "for 4 GB cards", _sized(balanced, faces=30_000, texture_size_px=1024)),
        Preset("best", "grows with the card", finest),
    )
    by_name = {preset.name: preset for preset in made}
    return {name: by_name[name] for name in PRESETS}


def settings_for(
    preset: str,
    *,
    backend: str = "silhouette",
    faces: int | None = None,
    texture_size_px: int | None = None,
    overrides: tuple[tuple[str, str], ...] = (),
) -> Settings:
    """The settings of a request: its preset, then its two common sizes, then every `stage.key=value`.

    What they leave open is then decided for `backend`. Raises BadRequest for an unknown preset or key, a
    value out of its bounds, or two that contradict each other.
    """
    known = presets()
    if preset not in known:
        raise BadRequest(f"There is no preset {preset!r}.", remedy=f"Presets: {', '.join(known)}.")
    settings = known[preset].settings
    if faces is not None:
        settings = override(settings, "clean.faces", str(faces))
    if texture_size_px is not None:
        settings = override(settings, "bake.texture_size_px", str(texture_size_px))
    for key, text in overrides:
        settings = override(settings, key, text)
    return settled(settings, backend)


def _sized(settings: Settings, *, faces: int, texture_size_px: int) -> Settings:
    return replace(
        settings,
        clean=replace(settings.clean, faces=faces),
        bake=replace(settings.bake, texture_size_px=texture_size_px),
    )


def _networks(settings: Settings, *, octree: int, turbo_steps: int) -> Settings:
    return replace(settings, shape=replace(settings.shape, octree=octree, turbo_steps=turbo_steps))

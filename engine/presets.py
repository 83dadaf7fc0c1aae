"""A preset is a value made from another by `replace`; nothing else differs between quality levels.

Texture sizes follow the scenarios that Maquette was asked for (render and texture 1536 on 8 GB cards, 1024
for the prototype, 2048 for the portfolio). The settings of the neural backends join them with those backends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.errors import BadRequest
from engine.settings import Settings, override
from protocol.names import PRESETS


@dataclass(frozen=True)
class Preset:
    """A quality level: what it is for, and its settings."""

    name: str
    text: str
    settings: Settings


def presets() -> dict[str, Preset]:
    """All presets by name, in the order in which they are offered."""
    base = Settings()
    draft = _sized(base, faces=20_000, texture_size_px=1024)
    large = _sized(base, faces=40_000, texture_size_px=2048)
    made = (
        Preset("auto", "chosen for this computer", base),
        Preset("safe", "runs where others fail", base),
        Preset("balanced", "good quality in good time", base),
        Preset("sequential", "least memory at balanced quality", base),
        Preset("fastest", "balanced quality, every speed-up", base),
        Preset("prototype", "a quick draft", draft),
        Preset("portfolio", "best quality on 8 GB cards", large),
        Preset("eco", "for 4 GB cards", _sized(base, faces=30_000, texture_size_px=1024)),
        Preset("best", "grows with the card", _sized(base, faces=80_000, texture_size_px=4096)),
    )
    by_name = {preset.name: preset for preset in made}
    return {name: by_name[name] for name in PRESETS}


def settings_for(
    preset: str,
    *,
    faces: int | None = None,
    texture_size_px: int | None = None,
    overrides: tuple[tuple[str, str], ...] = (),
) -> Settings:
    """The settings of a request: its preset, then its two common sizes, then every `stage.key=value`.

    Raises BadRequest for an unknown preset or key, or a value out of its bounds.
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
    return settings


def _sized(settings: Settings, *, faces: int, texture_size_px: int) -> Settings:
    return replace(
        settings,
        clean=replace(settings.clean, faces=faces),
        bake=replace(settings.bake, texture_size_px=texture_size_px),
    )

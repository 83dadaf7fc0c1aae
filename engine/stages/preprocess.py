"""Stage preprocess: every picture is read, freed from its background and centred."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.geometry.outline import crisp, outline_box
from engine.imaging.cutout import Cutout, cut_out
from engine.imaging.picture import Picture, picture_from_pixels, read_picture
from engine.imaging.recentre import recentre
from engine.runner import Progress, Stage
from engine.settings import PreprocessSettings
from engine.stages.values import Source, Subject


def preprocess(
    settings: PreprocessSettings, models_dir: Path
) -> Stage[tuple[Source, ...], tuple[Subject, ...]]:
    """The stage from pictures to subjects."""

    def work(sources: tuple[Source, ...], progress: Progress) -> tuple[Subject, ...]:
        subjects = []
        for number, source in enumerate(sources):
            cutout = cut_from(source, settings, models_dir, progress, tells_view=len(sources) > 1)
            canvas = recentre(cutout.rgba, border_ratio=settings.border).rgba
            box = outline_box(crisp(np.asarray(canvas[..., 3] / np.float32(255), np.float32)))
            subjects.append(Subject(source.view, source.name, canvas, box, cutout.method, cutout.rgba))
            progress.step(number + 1, len(sources))
        return tuple(subjects)

    return Stage("preprocess", work)


def cut_from(
    source: Source,
    settings: PreprocessSettings,
    models_dir: Path,
    progress: Progress,
    *,
    tells_view: bool = False,
) -> Cutout:
    """The cut-out of one source; what there is to say of it goes to `progress`."""
    picture = read_source(source)
    progress.check()
    cutout = cut_out(picture, method=settings.method, models_dir=models_dir)
    for note in (*picture.notes, *cutout.notes):
        progress.note(f"{source.view}: {note}" if tells_view else note)
    return cutout


def read_source(source: Source) -> Picture:
    """The picture of a source; raises BadInput naming it."""
    if isinstance(source.content, bytes):
        return read_picture(source.content, source.name)
    return picture_from_pixels(source.content, source.name)

"""Which checkpoint makes a shape: the one that is named, else the best one here for so many views."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.errors import BadRequest
from engine.settings import LoadSettings, models_to_try
from engine.weights.inventory import Located, locate, model_named, search


def choose_model(settings: LoadSettings, views: Sequence[str], models_dir: Path) -> Located:
    """The checkpoint for pictures of `views`.

    Raises WeightsMissing, with the line that gets the model, and BadRequest for a view that it does not know.
    """
    names = models_to_try(settings, len(views))
    if settings.model != "auto":
        _check_views(names[0], views)
    for name in names:
        found = search(models_dir, model_named(name)).located
        if found is not None:
            _check_views(name, views)
            return found
    return locate(models_dir, names[0])  # raises: says what is missing and how to get it


def _check_views(name: str, views: Sequence[str]) -> None:
    model = model_named(name)
    unknown = [view for view in views if view not in model.views]
    if unknown:
        several = "" if model.is_multi_view else " The models mv, mv-fast and mv-turbo know several."
        raise BadRequest(
            f"The model {name} cannot use the view {unknown[0]}.",
            remedy=f"It knows {', '.join(model.views)}.{several}",
        )

"""`maquette models`: which checkpoints there are, where they lie, and how to get one that does not."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.errors import WeightsMissing
from engine.folders import find_folders
from engine.weights.inventory import GIB, SHAPE_MODELS, Search, model_named, search
from engine.weights.places import CONFIG_NAME, WEIGHTS_NAMES


def list_models(options: argparse.Namespace) -> int:
    """Prints every checkpoint with its size, licence and state; returns 0."""
    folder = find_folders().models
    searches = [search(folder, model) for model in SHAPE_MODELS]
    if options.json:
        print(json.dumps([_as_dict(found) for found in searches], indent=2, ensure_ascii=False))
        return 0
    for found in searches:
        model = found.model
        size = f"{model.file_bytes / GIB:.1f} GiB"
        print(f"{model.full_name:<24} {size:>8}  {_state(found):<15} {model.repo}/{model.folder}")
        if found.located is not None:
            print(f"{'':<35} at {found.located.folder}")
        elif found.partial is not None:
            print(f"{'':<35} {found.trouble} ({found.partial})")
    licence = SHAPE_MODELS[0].licence
    print(f"Licence of all of them: {licence.name} ({licence.url}).")
    print(licence.note)
    return 0


def download_model(options: argparse.Namespace) -> int:
    """Says where the model lies if it is here, else what to fetch, as WeightsMissing.

    This version fetches nothing by itself. Raises BadRequest if there is no such model.
    """
    folder = find_folders().models
    model = model_named(options.name)
    found = search(folder, model)
    if found.located is not None:
        print(f"{model.full_name} is complete at {found.located.folder}.")
        return 0
    target = folder / model.repo / model.folder
    half = f" What is here of it is not whole: {found.trouble} ({found.partial})." if found.partial else ""
    raise WeightsMissing(
        f"This version of Maquette does not download {model.full_name} by itself.{half}",
        remedy=(
            f"Fetch {CONFIG_NAME} and {WEIGHTS_NAMES[0]} ({model.file_bytes:,} bytes) from {model.url} "
            f"and put both into {target}. Read the licence before: {model.licence.name}, {model.licence.url} "
            f"({model.licence.note.rstrip('.')})."
        ),
        action="",
    )


def _state(found: Search) -> str:
    if found.located is not None:
        return "complete"
    return "absent" if found.partial is None else "half downloaded"


def _as_dict(found: Search) -> dict[str, Any]:
    """One checkpoint for programs; `where` is null if nothing of it is here."""
    model = found.model
    where = found.located.folder if found.located is not None else found.partial
    return {
        "name": model.full_name,
        "repo": model.repo,
        "folder": model.folder,
        "url": model.url,
        "file_bytes": model.file_bytes,
        "n_tensors": model.n_tensors,
        "views": model.views,
        "licence": {"name": model.licence.name, "url": model.licence.url, "note": model.licence.note},
        "state": _state(found),
        "where": None if where is None else str(where),
        "trouble": found.trouble,
    }

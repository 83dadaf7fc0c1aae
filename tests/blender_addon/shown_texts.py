"""The texts that must have a translation: all that the sources say, but for what never reaches the panel."""

from __future__ import annotations

from wording import Found, texts_below

from protocol.names import STAGES, VIEWS
from protocol.states import STATES

# Files whose words are met on a command line or in a log only.
_WITHOUT = (
    "engine/__main__.py",
    "engine/bench_",
    "engine/cli/",
    "engine/client.py",  # the command line's client; the add-on has its own
    "engine/doctor/",  # but for its verdict, see below
    "engine/link/address.py",  # read by that client
    "engine/memory/",  # notes about a device: in the report and by `maquette doctor`
    # `maquette texture`, which the panel does not offer yet
    "engine/given_file.py",  # files named on the command line
    "engine/meshfiles/",
    "engine/pipelines/texture.py",
    *(f"engine/stages/{name}.py" for name in ("align", "lay_out", "load_mesh", "save_mesh")),
    *(f"engine/geometry/{name}.py" for name in ("fit", "own_uv")),
    # for encoding a mesh and for painting, which no command does yet
    "engine/geometry/point_sampling.py",
    "engine/models/hunyuan3d/delight.py",
    "engine/models/watchdog.py",
    "engine/settings.py",  # --set; the fields of the panel have bounds of their own
)

# Texts in the other files that the panel never shows.
_NEVER_SHOWN = {
    # names, alike in all languages
    "Maquette",
    "Hunyuan3D-2",
    "TRELLIS",
    "{size} px",
    # what `maquette backends` and `maquette generate` say of a backend
    "The outline of one picture inflated, or the common volume of several; no network.",
    "Hunyuan3D-2: shape networks by Tencent.",
    "The backend {name} is used, because its weights and a graphics card are here (licence: {licence}). A "
    "draft without a network: --backend {default_backend}.",
    "TRELLIS-image-large: structured latents by Microsoft.",
    "The draft backend {default_backend} is used; {ready} could run too (--backend).",
    "The draft backend {default_backend} is used: it inflates outlines and invents nothing that the pictures "
    "do not show. No backend with a network can run here yet ({others}).",
    # the command line's output file, and its own folders
    "The output folder {parent} does not exist.",
    "Create it, or choose another place.",
    "{path} is a folder or a device, not a file.",
    "The package platformdirs is missing, so the user's data folder is not known.",
    "Install it (pip install platformdirs), or set {data_variable} to a folder.",
    # a fault of ours, which the panel tells as such
    "{name} has buffers that nobody makes:",
    # not words
    "DELETE FROM jobs WHERE job = ?",
}


def shown_texts() -> list[Found]:
    """Every text that has to be in the catalogues, with one place where it stands."""
    found = [
        *texts_below("blender_addon", "engine", "protocol", without=_WITHOUT),
        *texts_below("engine/doctor/report.py"),
        *(Found(name, "protocol/names.py", 0) for name in (*STAGES, *VIEWS)),
        *(Found(f"{view}:", "engine/stages/preprocess.py", 0) for view in VIEWS),
        *(Found(f"{{n}} {noun}", "engine/doctor/report.py", 0) for noun in ("problem", "problems")),
        *(Found(state, "protocol/states.py", 0) for state in STATES),
    ]
    once = {each.text: each for each in reversed(found) if each.text not in _NEVER_SHOWN}
    return list(reversed(once.values()))

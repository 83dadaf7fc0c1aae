"""What the artist chose is saved with the scene; what only the moment knows lies in the window manager."""

import bpy

from . import clock
from .protocol.names import BACKENDS, PRESETS, SHAPE_MODELS, VIEWS
from .sentences import words
from .translations import CONTEXT

# Titles of the presets, in the artist's words; what they do is said by the engine.
PRESET_TITLES = {
    "auto": "Automatic",
    "safe": "Safe",
    "balanced": "Balanced",
    "sequential": "Least Memory",
    "fastest": "Fastest",
    "prototype": "Draft",
    "portfolio": "Portfolio",
    "eco": "4 GB Card",
    "best": "Best",
}
MAIN_PRESETS = ("prototype", "balanced", "best")
BACKEND_TITLES = {"silhouette": "Silhouette", "hunyuan3d-2": "Hunyuan3D-2", "trellis": "TRELLIS"}
VIEW_TITLES = {
    "front": "Front",
    "back": "Back",
    "left": "Left",
    "right": "Right",
    "top": "Top",
    "bottom": "Bottom",
}
# What the engine reads; the file dialog and drops show these.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif")
# Of paths that may begin with "//": from 4.5 on Blender warns without it, before that it does not know it.
RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
TEXTURE_SIZES = (512, 1024, 1536, 2048, 4096, 8192)
OCTREES = (128, 192, 256, 384, 512)
GUIDANCE = 5.0  # the engine's own

_items: dict[str, list[tuple[str, str, str, int]]] = {}  # Blender keeps no reference to the texts of an enum


def preset_items(self: object, context: object) -> list[tuple[str, str, str, int]]:
    """The presets that the engine offers; all of them while none answers."""
    welcome = clock.welcome()
    told = (
        {preset.name: preset.description for preset in welcome.presets}
        if welcome
        else dict.fromkeys(PRESETS, "")
    )
    return _kept(
        "preset",
        [(name, words(PRESET_TITLES[name]), words(text), PRESETS.index(name)) for name, text in told.items()],
    )


def backend_items(self: object, context: object) -> list[tuple[str, str, str, int]]:
    """The backends that can run here; the first one while no engine answers."""
    welcome = clock.welcome()
    usable = [each.name for each in welcome.backends if each.is_available] if welcome else [BACKENDS[0]]
    return _kept("backend", [(name, BACKEND_TITLES[name], "", BACKENDS.index(name)) for name in usable])


def _kept(kind: str, items: list[tuple[str, str, str, int]]) -> list[tuple[str, str, str, int]]:
    if _items.get(kind) != items:
        _items[kind] = items
    return _items[kind]


def _picture_changed(self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    clock.picture_changed()


def _picture(view: str) -> object:
    return bpy.props.PointerProperty(
        type=bpy.types.Image,
        name=VIEW_TITLES[view],
        description="The picture that shows this side of the subject",
        update=_picture_changed if view == "front" else None,
    )


class MaquetteScene(bpy.types.PropertyGroup):
    """The choices of the panel."""

    front: _picture("front")  # type: ignore[valid-type]
    back: _picture("back")  # type: ignore[valid-type]
    left: _picture("left")  # type: ignore[valid-type]
    right: _picture("right")  # type: ignore[valid-type]
    top: _picture("top")  # type: ignore[valid-type]
    bottom: _picture("bottom")  # type: ignore[valid-type]
    preset: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="How much time and memory the model may cost",
        items=preset_items,
        default=2,
    )
    backend: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Method",
        description="How the model is made of the picture",
        items=backend_items,
        default=0,
        translation_context=CONTEXT,
    )
    size_mode: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Size",
        description="How large the model will be",
        items=(
            ("HEIGHT", "Height", "Give the model a height, and stand it at the 3D cursor"),
            ("FIT", "Fit to Selected", "Make it as large as fits into the selected object, in its place"),
        ),
    )
    height: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Height",
        description="Height of the model in the scene",
        default=1.0,
        min=0.0001,
        soft_max=10.0,
        unit="LENGTH",
        subtype="DISTANCE",
    )
    seed: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Seed", description="The same seed gives the same model", default=0, min=0
    )
    faces: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Triangles",
        description="Most triangles of the model; 0 leaves it to the quality",
        default=0,
        min=0,
        max=1_000_000,
    )
    texture_size: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Texture",
        description="Width and height of the texture",
        items=(
            ("0", "By Quality", "The size that the quality suggests"),
            *((str(size), f"{size} px", "") for size in TEXTURE_SIZES),
        ),
    )
    use_depth: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Set Depth", description="Choose how thick the model becomes"
    )
    depth: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Depth",
        description="Thickness of the model: 1 makes a ball of a disc",
        default=0.8,
        min=0.05,
        max=2.0,
    )
    model: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Model",
        description="Which of the method's networks makes the shape",
        items=(
            ("auto", "Automatic", "One that is on this computer, the quick forms first"),
            *((name, name, "") for name in SHAPE_MODELS),
        ),
    )
    octree: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Detail",
        description="Cells along the side of the volume in which the shape is found",
        items=(
            ("0", "By Quality", "The detail that the quality suggests"),
            *((str(size), str(size), "") for size in OCTREES),
        ),
    )
    steps: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Steps", description="Steps from noise to shape; 0 leaves it to the model", min=0, max=200
    )
    guidance: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Guidance",
        description="How strongly the shape keeps to the picture",
        default=GUIDANCE,
        min=0.0,
        max=30.0,
    )


class MaquetteJobRow(bpy.types.PropertyGroup):
    """A line of the history; `name` is the job's id."""

    label: bpy.props.StringProperty()  # type: ignore[valid-type]
    state: bpy.props.StringProperty()  # type: ignore[valid-type]
    detail: bpy.props.StringProperty()  # type: ignore[valid-type]


class MaquetteWindows(bpy.types.PropertyGroup):
    """What all windows show of the moment; never saved."""

    history: bpy.props.CollectionProperty(type=MaquetteJobRow, options={"SKIP_SAVE"})  # type: ignore[valid-type]
    history_index: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Job", description="The job that the buttons beside the list act on", options={"SKIP_SAVE"}
    )


def views_of(choices: MaquetteScene) -> dict[str, bpy.types.Image]:
    """The pictures that were chosen, by view."""
    chosen = {view: getattr(choices, view) for view in VIEWS}
    return {view: image for view, image in chosen.items() if image is not None}


CLASSES = (MaquetteScene, MaquetteJobRow, MaquetteWindows)


def register() -> None:
    """Hangs the choices into scenes and window managers."""
    bpy.types.Scene.maquette = bpy.props.PointerProperty(type=MaquetteScene)
    bpy.types.WindowManager.maquette = bpy.props.PointerProperty(type=MaquetteWindows)


def unregister() -> None:
    """Takes them out again."""
    del bpy.types.Scene.maquette
    del bpy.types.WindowManager.maquette
    _items.clear()

"""Every name that crosses the wire is fixed here, once; both sides compare against these and spell none."""

from __future__ import annotations

WIRE_MAJOR = 1  # grows when an old peer could no longer understand; golden bytes of every major stay for ever
WIRE_MINOR = 1  # grows when something is added that an old peer need not know

# A view names the side of the object that the picture shows. "left" shows the object's own left side: the
# camera stands at +X and the object's front is on the picture's left (as in Hunyuan3D-2's multi-view model).
VIEWS = ("front", "back", "left", "right", "top", "bottom")

BACKENDS = ("silhouette", "hunyuan3d-2", "trellis")

# The checkpoints of Hunyuan3D-2's shape networks; "mv" takes several views. They travel as "load.model".
SHAPE_MODELS = (
    "2.0",
    "2.0-fast",
    "2.0-turbo",
    "mini",
    "mini-fast",
    "mini-turbo",
    "mv",
    "mv-fast",
    "mv-turbo",
)

PRESETS = ("auto", "safe", "balanced", "sequential", "fastest", "prototype", "portfolio", "eco", "best")

STAGES = (
    "preprocess",
    "load",
    "shape",
    "clean",
    "delight",
    "unwrap",
    "render",
    "multiview",
    "bake",
    "inpaint",
    "save",
)

DEVICE_KINDS = ("cpu", "cuda", "mps", "xpu")

COLOUR_SPACES = ("sRGB", "Non-Color")  # spelled as Blender spells them

JOB_KINDS = ("generate", "cutout")

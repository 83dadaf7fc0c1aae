"""A Blender of its own that installs, enables, disables, updates and uninstalls the extension: ZIP REPORT.

It writes what it saw into REPORT as JSON. Run with BLENDER_USER_RESOURCES, HOME and TMPDIR in fresh folders.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews
from extension import MODULE, install


def traces() -> dict[str, Any]:
    """Everything in this Blender that an add-on could leave behind."""
    handlers = {
        name: [f"{handler.__module__}.{handler.__name__}" for handler in found]
        for name in dir(bpy.app.handlers)
        if isinstance(found := getattr(bpy.app.handlers, name), list)
    }
    menus = {
        name: [function.__module__ for function in getattr(getattr(bpy.types, name).draw, "_draw_funcs", ())]
        for name in ("VIEW3D_MT_mesh_add", "IMAGE_MT_image", "VIEW3D_MT_add", "TOPBAR_MT_file_import")
    }
    kinds = (
        bpy.types.Scene,
        bpy.types.WindowManager,
        bpy.types.Object,
        bpy.types.Image,
        bpy.types.Collection,
    )
    return {
        "handlers": {name: found for name, found in handlers.items() if found},
        "menus": {
            name: [module for module in found if "maquette" in module] for name, found in menus.items()
        },
        "classes": sorted(name for name in dir(bpy.types) if "maquette" in name.lower()),
        "operators": sorted(dir(bpy.ops.maquette)),
        "properties": [
            f"{kind.__name__}.{key}"
            for kind in kinds
            for key in (each.identifier for each in kind.bl_rna.properties)
            if "maquette" in key
        ],
        "previews": len(bpy.utils.previews._uuid_open),
        "addons": [addon.module for addon in bpy.context.preferences.addons if "maquette" in addon.module],
    }


def can_be_translated_anew() -> bool:
    """Whether no translations of the extension are registered: Blender refuses a second catalogue."""
    try:
        bpy.app.translations.register(MODULE, {"ko_KR": {("*", "x"): "y"}})
    except ValueError:
        return False
    bpy.app.translations.unregister(MODULE)
    return True


def beats() -> Any:
    """The registered timer, found as Blender would call it."""
    clock = sys.modules[f"{MODULE}.clock"].running()
    assert bpy.app.timers.is_registered(clock._beat)
    for _ in range(60):
        clock.beat()
    assert clock.is_warm
    return clock._beat


def main(file: Path, report: Path) -> None:
    """Lives through the extension's whole life."""
    seen: dict[str, Any] = {"before": traces()}
    install(file, is_enabled=True)
    seen["enabled"] = traces()
    timer = beats()
    seen["zmq"] = sys.modules["zmq"].__file__
    seen["msgpack"] = sys.modules["msgpack"].__file__
    bpy.ops.preferences.addon_disable(module=MODULE)
    seen["disabled"] = traces()
    seen["timer after"] = bpy.app.timers.is_registered(timer)
    seen["translations after"] = not can_be_translated_anew()
    for _ in range(3):
        bpy.ops.preferences.addon_enable(module=MODULE)
        beats()
        bpy.ops.preferences.addon_disable(module=MODULE)
    seen["disabled again"] = traces()
    bpy.ops.preferences.addon_enable(module=MODULE)
    timer = beats()
    install(file, is_enabled=True)  # as an update does, while it is enabled
    seen["updated"] = traces()
    seen["old timer"] = bpy.app.timers.is_registered(timer)
    timer = beats()
    bpy.ops.extensions.package_uninstall(repo_index=_repository(), pkg_id="maquette")
    seen["uninstalled"] = traces()
    seen["timer uninstalled"] = bpy.app.timers.is_registered(timer)
    report.write_text(json.dumps(seen, ensure_ascii=False), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # bpy 4.2 may crash while it ends


def _repository() -> int:
    repos = bpy.context.preferences.extensions.repos
    return next(index for index, repo in enumerate(repos) if repo.module == "user_default")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

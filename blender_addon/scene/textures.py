"""Textures are decoded before they are shown: Blender's preview thread does it, and no view waits.

A packed PNG of 2048 px takes 80 to 170 ms to decode, at its first use, in the main thread. A preview of
the image is made in a thread of Blender's, which leaves the decoded pixels where the first draw will look.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bpy

from . import tags
from .material import pack_images

if TYPE_CHECKING:
    from ..protocol.results import Result

_PATIENCE_S = 3.0  # 20 times what 2048 px take; another preview may be under way, and none is worth more


def prepare_textures(job: str, name: str, result: Result) -> None:
    """Packs the images of `result` and has them decoded in the background; take_textures will find them.

    Until then they are used by nothing, so that no save holds them. A second call for the same job does
    nothing.
    """
    if tags.job_images(job):
        return
    now = time.monotonic()
    for use, image in pack_images(name, result.images).items():
        image[tags.JOB], image[tags.USE], image[tags.SINCE] = job, use, now
        decode(image)


def decode(image: bpy.types.Image) -> None:
    """Has Blender's preview thread decode an image; nothing without a screen, where nothing is drawn."""
    if not bpy.app.background:
        with bpy.context.temp_override(id=image):
            bpy.ops.ed.lib_id_generate_preview()


def decode_all(names: tuple[str, ...]) -> None:
    """Has the images of these names decoded that are still there, before somebody wants to see them."""
    for name in names:
        if (image := bpy.data.images.get(name)) is not None:
            decode(image)


def textures_wait(job: str) -> bool:
    """Whether images of `job` are still being decoded; False at the latest after a few seconds.

    `Image.has_data` and `Image.size` are not asked: they would wait for the thread.
    """
    if bpy.app.background or not bpy.app.is_job_running("RENDER_PREVIEW"):
        return False
    now = time.monotonic()
    return any(0.0 <= now - image[tags.SINCE] < _PATIENCE_S for image in tags.job_images(job).values())


def take_textures(job: str, name: str, result: Result) -> dict[str, bpy.types.Image]:
    """The prepared images of `job` for use, or, where an undo removed them, new ones."""
    prepared = tags.job_images(job)
    if set(prepared) != {named.name for named in result.images}:
        bpy.data.batch_remove(prepared.values())
        return pack_images(name, result.images)
    for image in prepared.values():
        for key in (tags.JOB, tags.USE, tags.SINCE):
            del image[key]
    return {named.name: prepared[named.name] for named in result.images}

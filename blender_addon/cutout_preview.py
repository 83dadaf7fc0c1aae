"""The cut-out is shown before time is spent: of the newest picture, made by the engine, kept as one icon."""

from __future__ import annotations

import time

import bpy
import bpy.utils.previews
from bpy.app.translations import pgettext_iface as words

from . import pictures, preferences
from .protocol import messages as m
from .protocol.requests import CutoutRequest
from .protocol.results import CutoutReady
from .session import Session

_ICON_PX = 256
_KEY = "cutout"


class CutoutPreview:
    """What is known of the cut-out of the picture in the panel."""

    def __init__(self, session: Session) -> None:
        self.version = 0  # grows when it would be drawn differently
        self.notes: tuple[str, ...] = ()
        self.is_asked = False
        self._session = session
        self._is_due = False
        self._job = ""
        self._picture = ""  # name of the image that the icon shows
        self._icons: bpy.utils.previews.ImagePreviewCollection | None = None

    def picture_changed(self) -> None:
        """The picture of the panel is another: the old cut-out says nothing any more."""
        self.forget()
        self._is_due = True

    def icon_of(self, image: bpy.types.Image) -> int:
        """The icon of the cut-out of `image`, 0 if there is none."""
        if self._icons is None or self._picture != image.name or _KEY not in self._icons:
            return 0
        return self._icons[_KEY].icon_id

    def tick(self) -> None:
        """Asks for the cut-out of a new picture."""
        if self.is_asked and self._session.jobs.get(self._job) is None:  # somebody else removed it
            self.is_asked = False
            self.version += 1
        if not self._is_due:
            return
        self._is_due = False
        image = bpy.context.scene.maquette.front
        if image is not None:
            image.preview_ensure()  # the plain picture stands there until the cut-out does
        if image is None or not preferences.preferences().previews_cutout:
            return
        if not self._session.is_ready and not self._session.connection.finds_engine():
            return  # the panel offers to set one up
        try:
            picture = pictures.picture_of(image, "front")
        except pictures.PictureUnusable as error:
            self._session.fail(error.fault)
            return
        self._picture = image.name
        self.is_asked = True
        self._job = self._session.submit(CutoutRequest(picture), picture.name, None, time.monotonic())

    def receive(self, message: CutoutReady | m.JobChanged) -> None:
        """Shows the cut-out that was asked for last, or why there is none."""
        if message.job != self._job:
            return
        self.is_asked = False
        self.version += 1
        if isinstance(message, CutoutReady):
            self.notes = message.notes
            self._show(message)
        elif message.fault is not None and message.fault.code != "cancelled":
            self.notes = (f"{message.fault.message} {message.fault.remedy}".strip(),)

    def close(self) -> None:
        """Frees the icon."""
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
            self._icons = None

    def forget(self) -> None:
        """Shows none, and wants none until another picture is chosen."""
        self._is_due = False
        if self._job and self.is_asked:
            self._session.cancel(self._job)
        self._job, self._picture, self.notes, self.is_asked = "", "", (), False
        self.version += 1
        if self._icons is not None:
            self._icons.clear()

    def _show(self, message: CutoutReady) -> None:
        import numpy as np

        data = message.image.data
        if message.image.encoding != "pixels" or data.shape[2] != 4:
            self.notes = (words("The cut-out cannot be shown."),)
            return
        pixels = np.frombuffer(data.data, np.uint8).reshape(data.shape)
        stride = -(-max(data.shape[:2]) // _ICON_PX)
        small = pixels[::stride, ::stride][::-1].astype(np.float32) / 255.0
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
        self._icons.clear()
        icon = self._icons.new(_KEY)
        icon.image_size = (small.shape[1], small.shape[0])
        icon.image_pixels_float.foreach_set(np.ascontiguousarray(small).ravel())
        icon.icon_size = (small.shape[1], small.shape[0])
        icon.icon_pixels_float.foreach_set(np.ascontiguousarray(small).ravel())

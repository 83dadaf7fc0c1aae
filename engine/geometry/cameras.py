"""A camera maps the object's frame to pixels; nothing else in the engine knows where a view stands.

Azimuth turns around +Y from the front (+Z) towards +X, elevation rises towards +Y. Pixel centres lie at
(column + 0.5, row + 0.5), row 0 is the top. The six named views show what their names say of the object
itself: "left" is the object's own left side, seen from +X, as in Hunyuan3D-2's multi-view order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# (azimuth, elevation) in degrees. Top has the front at the bottom edge, bottom has it at the top edge.
NAMED_VIEWS: dict[str, tuple[float, float]] = {
    "front": (0.0, 0.0),
    "left": (90.0, 0.0),
    "back": (180.0, 0.0),
    "right": (270.0, 0.0),
    "top": (0.0, 90.0),
    "bottom": (0.0, -90.0),
}


_OPPOSITES = {"front": "back", "left": "right", "top": "bottom"}
_OPPOSITES |= {other: view for view, other in _OPPOSITES.items()}


def opposite_view(view: str) -> str:
    """The named view from the other side."""
    return _OPPOSITES[view]


def camera_basis(azimuth_deg: float, elevation_deg: float) -> NDArray[np.float64]:
    """Rows (3, 3): a picture's right, its up, and the direction towards its camera; orthonormal."""
    a, e = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    # The closed form holds at the poles too, where a cross product with "up" would not.
    right = [np.cos(a), 0.0, -np.sin(a)]
    up = [-np.sin(a) * np.sin(e), np.cos(e), -np.cos(a) * np.sin(e)]
    towards = [np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)]
    return np.round([right, up, towards], 12)


@dataclass(frozen=True)
class Orthographic:
    """An orthographic camera.

    `px_per_unit` (x, y) pixels per unit of the object's frame; `centre_px` (x, y) where the origin falls;
    `size_px` (width, height) of the picture.
    """

    azimuth_deg: float
    elevation_deg: float
    px_per_unit: tuple[float, float]
    centre_px: tuple[float, float]
    size_px: tuple[int, int]

    @property
    def basis(self) -> NDArray[np.float64]:
        """Rows: the picture's right, its up, and the direction towards the camera; orthonormal."""
        return camera_basis(self.azimuth_deg, self.elevation_deg)

    @property
    def matrix(self) -> Floats:
        """Rows (4, 4) that take (p, 1) to pixel x, pixel y, depth and 1."""
        right, up, towards = self.basis
        x = [*(self.px_per_unit[0] * right), self.centre_px[0]]
        y = [*(-self.px_per_unit[1] * up), self.centre_px[1]]
        return np.array([x, y, [*-towards, 0.0], [0.0, 0.0, 0.0, 1.0]], np.float32)

    @property
    def eye(self) -> Floats:
        """(4,): the direction towards the camera and 0, as it is infinitely far."""
        return np.array([*self.basis[2], 0.0], np.float32)

    @property
    def px_at_origin(self) -> float:
        """Pixels per unit at the origin, the coarser axis."""
        return min(self.px_per_unit)

    def project(self, points: Floats) -> Floats:
        """Pixel x, pixel y and depth (…, 3) of points (…, 3); a greater depth is farther away."""
        right, up, towards = self.basis
        x = self.centre_px[0] + self.px_per_unit[0] * (points @ right)
        y = self.centre_px[1] - self.px_per_unit[1] * (points @ up)
        return np.stack([x, y, -(points @ towards)], axis=-1).astype(np.float32)

    def moved_with(self, centre: NDArray[np.float64], scale: float) -> Orthographic:
        """The camera that sees (p - centre) / scale exactly as this one sees p."""
        right, up, _ = self.basis
        x = self.centre_px[0] + self.px_per_unit[0] * float(centre @ right)
        y = self.centre_px[1] - self.px_per_unit[1] * float(centre @ up)
        stretched = (self.px_per_unit[0] * scale, self.px_per_unit[1] * scale)
        return replace(self, px_per_unit=stretched, centre_px=(x, y))


@dataclass(frozen=True)
class Perspective:
    """A pinhole camera that looks at the origin from `distance` units away.

    `focal_px` is the focal length in pixels, `centre_px` (x, y) where the origin falls, `size_px` (width,
    height). Faces with a corner at or behind the camera are not drawn.
    """

    azimuth_deg: float
    elevation_deg: float
    distance: float
    focal_px: float
    centre_px: tuple[float, float]
    size_px: tuple[int, int]

    @property
    def basis(self) -> NDArray[np.float64]:
        """Rows: the picture's right, its up, and the direction from the origin towards the camera."""
        return camera_basis(self.azimuth_deg, self.elevation_deg)

    @property
    def matrix(self) -> Floats:
        """Rows (4, 4) that take (p, 1) to w times (pixel x, pixel y, -1/w, 1); w is the distance ahead."""
        right, up, towards = self.basis
        ahead = np.array([*-towards, self.distance])
        x = self.focal_px * np.array([*right, 0.0]) + self.centre_px[0] * ahead
        y = -self.focal_px * np.array([*up, 0.0]) + self.centre_px[1] * ahead
        return np.array([x, y, [0.0, 0.0, 0.0, -1.0], ahead], np.float32)

    @property
    def eye(self) -> Floats:
        """(4,): where the camera is, and 1."""
        return np.array([*(self.basis[2] * self.distance), 1.0], np.float32)

    @property
    def px_at_origin(self) -> float:
        """Pixels per unit at the origin."""
        return self.focal_px / self.distance

    def project(self, points: Floats) -> Floats:
        """Pixel x, pixel y and distance ahead (…, 3) of points (…, 3)."""
        right, up, towards = self.basis
        ahead = self.distance - points @ towards
        x = self.centre_px[0] + self.focal_px * (points @ right) / ahead
        y = self.centre_px[1] - self.focal_px * (points @ up) / ahead
        return np.stack([x, y, ahead], axis=-1).astype(np.float32)


Camera = Orthographic | Perspective


def opposite(camera: Orthographic) -> tuple[Orthographic, int]:
    """The camera across the object, and the picture axis (0 rows, 1 columns) that its view is mirrored in.

    A point that `camera` sees at (x, y) this one sees at the mirrored place. Level cameras turn by 180
    degrees, which mirrors columns; those at a pole change sides, which mirrors rows.
    """
    width, height = camera.size_px
    x, y = camera.centre_px
    if abs(camera.elevation_deg) == 90:
        turned = replace(camera, elevation_deg=-camera.elevation_deg, centre_px=(x, height - y))
        return turned, 0
    if camera.elevation_deg != 0:
        raise ValueError(f"a camera at elevation {camera.elevation_deg} has no mirrored opposite")
    azimuth_deg = (camera.azimuth_deg + 180) % 360
    return replace(camera, azimuth_deg=azimuth_deg, centre_px=(width - x, y)), 1


def framing_camera(view: str, size_px: int, *, border: float = 0.15) -> Orthographic:
    """The camera of a named view on a unit-sized object, whose longest side fills 1 - border of a square."""
    azimuth_deg, elevation_deg = NAMED_VIEWS[view]
    per_unit = size_px * (1 - border)
    return Orthographic(
        azimuth_deg, elevation_deg, (per_unit, per_unit), (size_px / 2, size_px / 2), (size_px, size_px)
    )

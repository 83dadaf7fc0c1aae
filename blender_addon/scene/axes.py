"""No bpy. From the wire's frame of reference to Blender's, here and nowhere else.

Wire: Y up, the object faces +Z, longest side 1, centred. Blender: Z up, the object faces -Y, and stands
with the centre of its base on its origin in its real size. Both are right-handed: faces keep their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_FLAT = 1e-6  # a side below this part of the longest one has no size to scale by


@dataclass(frozen=True)
class Height:
    """As tall as `height`, in scene units; something without height gets it as its longest side."""

    height: float

    def __post_init__(self) -> None:
        if not 0.0 < self.height < float("inf"):
            raise ValueError(f"The height is {self.height:g}, it must be above 0.")

    def scale(self, sides: tuple[float, float, float]) -> float:
        """The factor that brings `sides` (x, y, z) to this size."""
        longest = max(sides)
        return self.height / (sides[2] if sides[2] > _FLAT * longest else longest)

    @property
    def box(self) -> tuple[float, float, float]:
        """The sides (x, y, z) to show before the shape is known: a cube."""
        return (self.height, self.height, self.height)


@dataclass(frozen=True)
class Fit:
    """As large as fits into a box of `dimensions` (x, y, z) in scene units; sides of 0 set no limit."""

    dimensions: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(0.0 <= side < float("inf") for side in self.dimensions) or max(self.dimensions) <= 0.0:
            raise ValueError(f"A box of {self.dimensions} has no room.")

    def scale(self, sides: tuple[float, float, float]) -> float:
        """The factor that brings `sides` (x, y, z) to this size."""
        longest, widest = max(sides), max(self.dimensions)
        limits = [
            limit / side
            for limit, side in zip(self.dimensions, sides, strict=True)
            if limit > _FLAT * widest and side > _FLAT * longest
        ]
        return min(limits, default=widest / longest)

    @property
    def box(self) -> tuple[float, float, float]:
        """The sides (x, y, z) to show before the shape is known."""
        return self.dimensions


Size = Height | Fit


def numbers_of(array: Any) -> Any:
    """The numpy view of an array of the wire (little-endian, not copied); a numpy array as it is."""
    import numpy as np

    if isinstance(array, np.ndarray):
        return array
    return np.frombuffer(array.data, np.dtype(array.dtype).newbyteorder("<")).reshape(array.shape)


def stand(vertices: Floats, size: Size) -> Floats:
    """Vertices (N, 3) float32 of the wire's frame, in Blender's, upright on the origin, in their real size.

    (x, y, z) becomes (x, -z, y). Raises ValueError when a coordinate is not finite or all are one point.
    """
    import numpy as np

    if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices):
        raise ValueError(f"Vertices have the shape {vertices.shape}, not (N, 3) with N above 0.")
    x, y, z = np.ascontiguousarray(vertices.T, np.float32)  # in rows: 4 times faster than by columns
    low, high = (np.array([row.min() for row in (x, y, z)]), np.array([row.max() for row in (x, y, z)]))
    if not (np.isfinite(low).all() and np.isfinite(high).all()):  # NaN and infinity show in the extremes
        n_bad = int((~np.isfinite(vertices)).any(axis=1).sum())
        raise ValueError(f"{n_bad} of {len(vertices)} vertices are not finite numbers.")
    wide, tall, deep = (float(side) for side in high - low)
    if max(wide, tall, deep) <= 0.0:
        raise ValueError(f"All {len(vertices)} vertices are one point.")
    scale = size.scale((wide, deep, tall))
    middle = (low + high) / 2
    placed = np.empty((len(vertices), 3), np.float32)
    placed[:, 0] = (x - middle[0]) * np.float32(scale)
    placed[:, 1] = (middle[2] - z) * np.float32(scale)
    placed[:, 2] = (y - low[1]) * np.float32(scale)
    return placed

"""An asset is all that a job made; the file and the wire carry the same one, and lose nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.geometry.export import export_glb
from engine.geometry.mesh import Mesh
from protocol import arrays, results

BASE_COLOR = "base_color"


@dataclass(frozen=True, eq=False)
class Asset:
    """A textured mesh in the common frame and its history.

    `uv` (M, 3, 2) float32 in [0, 1], origin bottom-left; `images` are PNG files by name, "base_color" sRGB,
    "normal" (tangent space, green up) and "occlusion" data;
    `provenance` goes with the asset wherever it goes; `report` is about the run and stays behind.
    """

    mesh: Mesh
    uv: NDArray[np.float32]
    images: Mapping[str, bytes]
    provenance: Mapping[str, Any]
    report: Mapping[str, Any]

    def as_glb(self) -> bytes:
        """The asset as a binary glTF file."""
        roughness = float(self.provenance["settings"]["save"]["roughness"])
        maps = {name: data for name, data in self.images.items() if name != BASE_COLOR}
        base_color = self.images[BASE_COLOR]
        return export_glb(self.mesh, self.uv, base_color, self.provenance, roughness=roughness, maps=maps)

    def as_result(self, job: str) -> results.Result:
        """The asset as the message that carries it; arrays are not copied."""
        images = tuple(
            results.NamedImage(
                name,
                "sRGB" if name == BASE_COLOR else "Non-Color",
                arrays.Image("file", arrays.Array("uint8", (len(data),), data)),
            )
            for name, data in self.images.items()
        )
        mesh = arrays.Mesh(as_array(self.mesh.vertices), as_array(self.mesh.faces), as_array(self.uv))
        return results.Result(job, mesh, images, dict(self.provenance), dict(self.report))


def asset_of(result: results.Result) -> Asset:
    """The asset that a message carries; raises BadInput if its indices do not fit its vertices."""
    mesh = Mesh(received(result.mesh.vertices), received(result.mesh.faces))
    images = {image.name: bytes(image.image.data.data) for image in result.images}
    return Asset(mesh, received(result.mesh.uv), images, result.provenance, result.report)


def received(array: arrays.Array) -> NDArray[Any]:
    """A read-only numpy view of a wire array, little-endian, without a copy."""
    kind = np.dtype(array.dtype).newbyteorder("<")
    return np.frombuffer(array.data, kind).reshape(array.shape)


def as_array(values: NDArray[Any]) -> arrays.Array:
    """A wire array over the same memory as `values`, unless those are not little-endian and in C order."""
    kind = values.dtype.newbyteorder("<")
    held = np.ascontiguousarray(values, kind)
    return arrays.Array(values.dtype.name, held.shape, memoryview(held))  # type: ignore[arg-type]  # mypy lacks numpy's buffer

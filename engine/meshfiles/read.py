"""Any mesh file becomes a document, or is refused by its name: what is wrong with it and what to do.

Nothing in a file is ever run, unpickled or fetched.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from engine.errors import BadInput
from engine.given_file import Kind, read_given
from engine.meshfiles.beside import MAX_FILE_BYTES, Folder
from engine.meshfiles.document import MAGIC, Document
from engine.meshfiles.foreign import foreign_formats, read_foreign
from engine.meshfiles.gltf import read_glb, read_gltf
from engine.meshfiles.obj import read_obj
from engine.meshfiles.ply import read_ply
from engine.meshfiles.scene import Scene
from engine.meshfiles.solids import document_of
from engine.meshfiles.stand import scene_of

_MESH = Kind(
    "mesh",
    "mesh files",
    MAX_FILE_BYTES,
    "GiB",
    if_large="Decimate the mesh, or export only the part that is to be textured.",
    if_empty="Export the mesh again.",
)

_EXPORT = "Open it in the program that made it (Blender, say) and export it as GLB."
_CLOSED = {
    "fbx": "an FBX file",
    "blend": "a Blender file",
    "max": "a 3ds Max file",
    "ma": "a Maya file",
    "mb": "a Maya file",
    "c4d": "a Cinema 4D file",
    "usd": "a USD file",
    "usda": "a USD file",
    "usdc": "a USD file",
    "usdz": "a USD file",
    "abc": "an Alembic file",
    "vrm": "",
}
# How files begin, for those whose ending says something else.
_STARTS = {b"Kaydara FBX": "fbx", b"BLENDER": "blend", b"ply\n": "ply", b"ply\r": "ply", MAGIC: "glb"}
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8")


def read_mesh_file(path: Path) -> tuple[Document, Scene]:
    """The document of the mesh file at `path` and what stands in its scene.

    Raises BadInput, naming the file, if it is missing, no mesh, damaged, or of a kind that is not read.
    """
    content = read_given(path, _MESH)
    try:
        document = _document(content, path)
        return document, scene_of(document)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", remedy=error.remedy or _DAMAGED, action="") from error
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        struct.error,
    ) as error:
        # What a file says of itself may be wrong in any place; where it is, its own error says.
        raise BadInput(
            f"{path} is damaged: {type(error).__name__} {error}.", remedy=_DAMAGED, action=""
        ) from error


_DAMAGED = "The file is damaged: export or download it again."


def _document(content: bytes, path: Path) -> Document:
    folder = Folder(path.parent)
    kind = _kind(content, path)
    readers: dict[str, Callable[[], Document]] = {
        "glb": lambda: read_glb(content, folder),
        "vrm": lambda: read_glb(content, folder),
        "gltf": lambda: read_gltf(content, folder),
        "obj": lambda: document_of(read_obj(content, folder, path.stem)),
        "ply": lambda: document_of(read_ply(content, path.stem)),
    }
    if kind in readers:
        return readers[kind]()
    return document_of(read_foreign(content, kind, path.stem))


def _kind(content: bytes, path: Path) -> str:
    """What the file is: by its first bytes where they tell, else by its ending."""
    if content.startswith(_PICTURES):
        raise BadInput(
            "It is a picture, not a mesh.", remedy="The mesh comes first: maquette texture MESH IMAGE"
        )
    kind = next((kind for start, kind in _STARTS.items() if content.startswith(start)), "")
    kind = kind or path.suffix.lower().lstrip(".")
    if _CLOSED.get(kind):
        raise BadInput(f"It is {_CLOSED[kind]}, which is not read.", remedy=_EXPORT)
    if kind in ("glb", "gltf", "obj", "ply", "vrm", *foreign_formats()):
        return kind
    readable = ", ".join(("glb", "gltf", "obj", "ply", "stl", "off"))
    raise BadInput(
        f"A file that ends in {path.suffix!r} is not read as a mesh." if path.suffix else "It has no ending.",
        remedy=f"Files that end in {readable} are read. {_EXPORT}",
    )

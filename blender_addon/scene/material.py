"""A material is a Principled BSDF and the files of its textures, packed as they came, decoded by Blender."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import bpy

from .making import Making

if TYPE_CHECKING:
    from ..protocol.results import NamedImage

ROUGHNESS = 0.9  # what the engine writes where its provenance says nothing; a picture holds no highlights

# Maps that hold one value for one input of the Principled BSDF; the others are wired one by one below.
_INPUTS = {
    "base_color": "Base Color",
    "roughness": "Roughness",
    "metallic": "Metallic",
    "alpha": "Alpha",
    "emission": "Emission Color",
}
# Names of data without a colour space, in Blender's own configuration and in the usual ACES ones.
_DATA_SPACES = ("Non-Color", "Raw", "Utility - Raw")


def pack_image(name: str, file_bytes: bytes, colour_space: str) -> bpy.types.Image:
    """An image datablock that holds `file_bytes` (PNG, JPEG or WebP) packed; decoded when first drawn.

    `colour_space` is "sRGB" or "Non-Color". The bytes survive saving, because the source is a file and not
    pixels: pixels that are set are lost unless they are packed, which would encode them again (370 ms at
    2048 px). Raises ValueError for bytes that are no such file, or only the beginning of a PNG: Blender would
    show them as black or pink, and say nothing.
    """
    kind = kind_of(file_bytes)
    if not kind:
        raise ValueError(f'The texture "{name}" is no whole picture ({len(file_bytes)} bytes).')
    with Making() as making:
        image = making.keep(bpy.data.images.new(name, 8, 8))
        image.pack(data=file_bytes, data_len=len(file_bytes))
        image.source = "FILE"
        image.filepath_raw = f"//textures/{bpy.path.clean_name(name)}.{kind}"  # where Unpack puts it
        settings = image.colorspace_settings
        known = settings.bl_rna.properties["name"].enum_items.keys()
        wanted = ("sRGB",) if colour_space == "sRGB" else _DATA_SPACES
        space = next((space for space in wanted if space in known), None)
        if space is not None:  # else the configuration's own default for pictures of 8 bits
            settings.name = space
    return image


def kind_of(file_bytes: bytes) -> str:
    """The suffix for the bytes of a picture file by their first and, of a PNG, last; empty for others."""
    if file_bytes.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png" if file_bytes[-8:-4] == b"IEND" else ""
    if file_bytes.startswith(b"\xff\xd8\xff"):
        return "jpg"
    return "webp" if file_bytes[:4] == b"RIFF" and file_bytes[8:12] == b"WEBP" else ""


def pack_images(name: str, images: Iterable[NamedImage]) -> dict[str, bpy.types.Image]:
    """The images of a result as datablocks, by what they are for; none is left if one fails."""
    packed = {}
    with Making() as making:
        for named in images:
            if named.image.encoding != "file":
                raise ValueError(f'The texture "{named.name}" came as pixels, not as the bytes of a file.')
            label = f"{name} {named.name.replace('_', ' ')}"
            image = pack_image(label, bytes(named.image.data.data), named.colour_space)
            packed[named.name] = making.keep(image)
    return packed


def build_material(
    name: str, images: Mapping[str, bpy.types.Image], roughness: float = ROUGHNESS
) -> bpy.types.Material:
    """A material that is not metallic, with `images` wired by their names.

    Known names: base_color, roughness, metallic, metallic_roughness (green and blue, as in glTF), normal
    (tangent space, OpenGL), alpha, emission. Another one gets a node of its own, wired to nothing, so that it
    travels with the file.
    """
    with Making() as making:
        material = making.keep(bpy.data.materials.new(name))
        if material.node_tree is None:  # before Blender 5.0
            material.use_nodes = True
        tree = material.node_tree
        shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Metallic"].default_value = 0.0
        shader.inputs["Roughness"].default_value = roughness
        for row, (use, image) in enumerate(images.items()):
            texture = tree.nodes.new("ShaderNodeTexImage")
            texture.name = texture.label = use
            texture.image = image
            texture.extension = "EXTEND"  # a chart at the rim must not bleed into the one opposite
            texture.location = (shader.location.x - 640, shader.location.y - 300 * row)
            wire(tree, shader, use, texture)
        if "base_color" in tree.nodes:
            tree.nodes.active = tree.nodes["base_color"]  # what Solid shading by texture and painting show
    return material


def wire(tree: bpy.types.NodeTree, shader: bpy.types.Node, use: str, texture: bpy.types.Node) -> None:
    """Links `texture` to the inputs of `shader` that its `use` names."""
    color = texture.outputs["Color"]
    if use in _INPUTS:
        tree.links.new(color, shader.inputs[_INPUTS[use]])
        if use == "emission":
            shader.inputs["Emission Strength"].default_value = 1.0
    elif use == "metallic_roughness":
        parts = tree.nodes.new("ShaderNodeSeparateColor")
        parts.location = (texture.location.x + 320, texture.location.y)
        tree.links.new(color, parts.inputs["Color"])
        tree.links.new(parts.outputs["Green"], shader.inputs["Roughness"])
        tree.links.new(parts.outputs["Blue"], shader.inputs["Metallic"])
    elif use == "normal":
        normals = tree.nodes.new("ShaderNodeNormalMap")
        normals.location = (texture.location.x + 320, texture.location.y)
        tree.links.new(color, normals.inputs["Color"])
        tree.links.new(normals.outputs["Normal"], shader.inputs["Normal"])

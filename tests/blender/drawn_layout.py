"""A layout that draws nothing and checks everything: methods, arguments, icons, properties, operators.

Without a window Blender calls no panel's draw. This stands in for UILayout and asks Blender's own description
of it what may be said, so that an argument that this version does not know is an error here too.
"""

from __future__ import annotations

from typing import Any

import bpy

_FUNCTIONS = bpy.types.UILayout.bl_rna.functions
_VALUES = {each.identifier for each in bpy.types.UILayout.bl_rna.properties}
_IN_PYTHON = {"panel": {"idname", "default_closed"}}  # some versions describe it, some do not
_CONTAINERS = ("row", "column", "box", "split", "column_flow", "grid_flow")


class Order:
    """The properties of an operator's button: only those that the operator has."""

    def __init__(self, operator: str) -> None:
        module, name = operator.split(".")
        object.__setattr__(self, "_known", getattr(getattr(bpy.ops, module), name).get_rna_type().properties)
        object.__setattr__(self, "_operator", operator)

    def __setattr__(self, name: str, value: object) -> None:
        assert name in self._known, f"{self._operator} has no property {name}"
        object.__setattr__(self, name, value)


class DrawnLayout:
    """What was drawn: `texts`, `operators` with their properties, `bars` as pairs of fraction and text."""

    def __init__(self, parent: DrawnLayout | None = None, *, are_panels_open: bool = True) -> None:
        own = {
            "texts": [] if parent is None else parent.texts,
            "operators": [] if parent is None else parent.operators,
            "bars": [] if parent is None else parent.bars,
            "properties": [] if parent is None else parent.properties,
            "are_panels_open": are_panels_open if parent is None else parent.are_panels_open,
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        assert name in _VALUES, f"a layout has no {name} in Blender {bpy.app.version_string}"
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        assert name in _FUNCTIONS or name in _IN_PYTHON, f"a layout cannot {name}"
        return lambda *values, **named: self._draw(name, values, named)

    def _draw(self, name: str, values: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = self._checked(name, values, named)
        if text := given.get("text"):
            self.texts.append(text)
        if name in _CONTAINERS:
            return DrawnLayout(self)
        if name == "panel":
            return DrawnLayout(self), DrawnLayout(self) if self.are_panels_open else None
        if name == "operator":
            order = Order(given["operator"])
            self.operators.append((given["operator"], order))
            return order
        if name == "menu":
            assert hasattr(bpy.types, given["menu"]), given["menu"]
        elif name == "progress":
            assert 0.0 <= given["factor"] <= 1.0
            self.bars.append((given["factor"], given["text"]))
        elif name in ("prop", "prop_enum", "template_ID", "props_enum"):
            found = given["data"].bl_rna.properties
            assert given["property"] in found, f"{given['data']} has no property {given['property']}"
            self.properties.append(given["property"])
        return None

    @staticmethod
    def _checked(name: str, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments by their names; none that this Blender does not know."""
        if name not in _FUNCTIONS:
            assert set(named) <= _IN_PYTHON[name], named
            return named
        known = {each.identifier: each for each in _FUNCTIONS[name].parameters if not each.is_output}
        given = dict(zip(known, values, strict=False)) | named
        for key, value in given.items():
            assert key in known, f"UILayout.{name} has no argument {key} in Blender {bpy.app.version_string}"
            parameter = known[key]
            if parameter.type == "ENUM" and key in ("icon", "type"):
                assert value in parameter.enum_items, f"{key}={value!r} in UILayout.{name}"
            elif parameter.type == "STRING":
                assert isinstance(value, str), f"{key}={value!r} in UILayout.{name}"
        required = [key for key, each in known.items() if each.is_required and key not in given]
        assert not required, f"UILayout.{name} wants {required}"
        return given

    def says(self, words: str) -> bool:
        """Whether these words were drawn, perhaps over several lines."""
        return words in " ".join(self.texts)

    def offers(self, operator: str) -> bool:
        """Whether there is a button of this operator."""
        return any(name == operator for name, _ in self.operators)

"""Generate: of the panel's pictures, of files dropped or named, or of the image in the Image editor."""

import time
from pathlib import Path
from typing import Any

import bpy

from .. import clock
from ..properties import RELATIVE, SUFFIXES, backend_items, preset_items
from ..sentences import translated, words
from ..translations import CONTEXT

_WAIT_S = 0.02
_FROM_PANEL = -1  # of a number: the panel's


class MAQUETTE_OT_generate(bpy.types.Operator):
    """Make a textured 3D model of the picture."""

    bl_idname = "maquette.generate"
    bl_label = "Generate 3D Model"
    bl_description = "Make a textured 3D model of the picture"
    bl_options = {"INTERNAL"}

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Picture",
        description="A picture on the disk; empty for the pictures of the panel",
        subtype="FILE_PATH",
        options={"SKIP_SAVE", *RELATIVE},
    )
    directory: bpy.props.StringProperty(  # type: ignore[valid-type]
        subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN", *RELATIVE}
    )
    files: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"}
    )
    image: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Image", description="The name of an image of this file", options={"SKIP_SAVE"}
    )
    preset: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="How much time and memory the model may cost",
        items=preset_items,
        default=2,
        options={"SKIP_SAVE"},
    )
    backend: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Method",
        description="How the model is made of the picture",
        items=backend_items,
        default=0,
        translation_context=CONTEXT,
    )
    together: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Pictures",
        description="What several pictures show",
        items=(
            ("EACH", "One Model Each", "Each picture shows a subject of its own"),
            ("VIEWS", "Views of One", "The names tell the sides: front, back, left, right, top, bottom"),
        ),
        options={"SKIP_SAVE"},
    )
    height: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Height",
        description="Height of the model in the scene",
        default=1.0,
        min=0.0001,
        unit="LENGTH",
        subtype="DISTANCE",
        options={"SKIP_SAVE"},
    )
    seed: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Seed",
        description="The same seed gives the same model; -1 takes the panel's",
        default=_FROM_PANEL,
        min=-1,
        options={"SKIP_SAVE"},
    )
    location: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Location",
        description="Where the model will stand",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    ask: bpy.props.BoolProperty(default=False, options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    wait: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Wait",
        description="Return when the model is in the scene; for scripts that run without a window",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Always: what is missing is said when the button is pressed."""
        return context.scene is not None

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        """What the button does, or what it still needs."""
        if context.scene.maquette.front is None and not properties.filepath and not properties.image:
            return words("Choose a picture first, or drop one into the 3D view")
        return words("Make a textured 3D model of the picture; you can go on working meanwhile")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """From a drop it asks for the quality, from a menu for a file; from the panel it goes."""
        paths = self._paths()
        if not paths and not self.ask:
            return self.execute(context)
        choices = context.scene.maquette
        self.preset, self.backend, self.height = choices.preset, choices.backend, choices.height
        if self.ask:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        from ..scene import placement
        from ..submission import view_in_name

        if len({view_in_name(path.name) for path in paths} - {""}) == len(paths) > 1:
            self.together = "VIEWS"
        if context.area is not None and context.area.type == "VIEW_3D":
            try:
                mouse = event.mouse_region_x, event.mouse_region_y
                self.location = placement.at_drop(context, *mouse, self.height).location
            except placement.CannotPlace as error:
                self.report({"ERROR"}, str(error))
                return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(self, title=words("Generate 3D Model"))

    def draw(self, context: bpy.types.Context) -> None:
        """What a drop asks for."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "preset")
        layout.prop(self, "height")
        if len(self._paths()) > 1:
            layout.prop(self, "together", expand=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Asks the engine for the model or models; what cannot be is said in the panel and here."""
        session = clock.session()
        from ..submission import Refused, Wish, submit

        wish = Wish(
            paths=self._paths(),
            image=self.image,
            are_views=self.together == "VIEWS",
            backend=self._given("backend"),
            preset=self._given("preset"),
            seed=None if self.seed == _FROM_PANEL else self.seed,
            height=self._given("height"),
            location=tuple(self.location) if self._given("location") is not None else None,
        )
        try:
            jobs = submit(context, wish)
        except Refused as error:
            session.fail(error.fault)
            clock.running().wake()
            self.report({"ERROR"}, translated(f"{error.fault.message} {error.fault.remedy}".strip()))
            return {"CANCELLED"}
        if self.wait:
            return self._wait(jobs)
        clock.running().wake()
        return {"FINISHED"}

    def _paths(self) -> tuple[Path, ...]:
        if self.files and self.directory:
            folder = Path(bpy.path.abspath(self.directory))
            return tuple(folder / each.name for each in self.files if each.name)
        return (Path(bpy.path.abspath(self.filepath)),) if self.filepath else ()

    def _given(self, name: str) -> Any:
        """The value of a property that the caller set, None for the panel's."""
        return getattr(self, name) if self.properties.is_property_set(name) else None

    def _wait(self, jobs: list[str]) -> set[str]:
        """Ticks until all jobs have ended one way or the other, or no engine can be had."""
        running = clock.running()
        session = clock.session()
        while any(job is not None and job.is_under_way for job in map(session.jobs.get, jobs)):
            if not session.connection.is_wanted and not session.is_ready:
                break
            running.beat()
            hindrance = running.movement.strip.hindrance
            if hindrance and not session.jobs.open_models:  # a script alone can change that
                self.report({"ERROR"}, hindrance)
                return {"CANCELLED"}
            time.sleep(_WAIT_S)
        failed = [job for job in map(session.jobs.get, jobs) if job is None or not job.is_landed]
        if not failed:
            return {"FINISHED"}
        fault = session.fault
        told = f"{fault.message} {fault.remedy}" if fault is not None else session.news
        self.report({"ERROR"}, translated(told.strip()) or words("The model was not made."))
        return {"CANCELLED"}


class MAQUETTE_FH_pictures(bpy.types.FileHandler):
    """Pictures dropped into the 3D view become models."""

    bl_idname = "MAQUETTE_FH_pictures"
    bl_label = "Generate 3D Model"
    bl_import_operator = "maquette.generate"
    bl_file_extensions = ";".join(SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """In 3D views only."""
        return context.area is not None and context.area.type == "VIEW_3D"


def draw_add_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Add > Mesh."""
    self.layout.separator()
    order = self.layout.operator("maquette.generate", text=words("From Picture…"), icon="FILE_IMAGE")
    order.ask = True


def draw_image_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """The menu Image of the Image editor."""
    image = context.space_data.image if context.space_data is not None else None
    if image is None:
        return
    self.layout.separator()
    order = self.layout.operator("maquette.generate", text=words("Generate 3D Model"), icon="MESH_MONKEY")
    order.image = image.name


CLASSES = (MAQUETTE_OT_generate, MAQUETTE_FH_pictures)

"""Generate: of the pictures of the panel, of files that were dropped or named, of the Image editor's image."""

import secrets
import time
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock, preferences, request
from ..properties import MaquetteScene, backend_items, preset_items, views_of
from ..protocol.names import VIEWS
from ..protocol.requests import ViewPicture
from ..protocol.rules import Illegal
from ..scene import placement

_WAIT_S = 0.02
_FROM_PANEL = -1  # of a number: the panel's


class MAQUETTE_OT_generate(bpy.types.Operator):
    """Make a textured 3D model of the picture."""

    bl_idname = "maquette.generate"
    bl_label = "Generate"
    bl_description = "Make a textured 3D model of the picture"
    bl_options = {"INTERNAL"}

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Picture",
        description="A picture on the disk; empty for the pictures of the panel",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    files: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in request.SUFFIXES), options={"HIDDEN"}
    )
    image: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Image", description="The name of an image of this file", options={"SKIP_SAVE"}
    )
    preset: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="How much time and memory the model may cost",
        items=preset_items,
        default=2,
    )
    backend: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Method", description="How the model is made of the picture", items=backend_items, default=0
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
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        """What the button does, or what it still needs."""
        if context.scene.maquette.front is None and not properties.filepath and not properties.image:
            return words("Choose a picture first, or drop one into the 3D view")
        return words("Make a textured 3D model of the picture; you can go on working meanwhile")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """From a drop it asks for the quality, from a menu for a file; from the panel it goes."""
        choices = context.scene.maquette
        for name in ("preset", "backend", "height"):
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(choices, name))
        if self.ask:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        if not self.filepath and not self.files:
            return self.execute(context)
        paths = self._paths()
        if len({request.view_in_name(path.name) for path in paths} - {""}) == len(paths) > 1:
            self.together = "VIEWS"
        if context.area is not None and context.area.type == "VIEW_3D":
            try:
                place = placement.at_drop(context, event.mouse_region_x, event.mouse_region_y, self.height)
            except placement.CannotPlace as error:
                return self._refuse(error.message, error.remedy)
            self.location = place.location
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
        """Asks the engine for the model or models."""
        try:
            jobs = self._submit(context)
        except request.PictureUnusable as error:
            clock.session().fail(error.fault)
            return self._refuse(error.fault.message, error.fault.remedy)
        except placement.CannotPlace as error:
            return self._refuse(error.message, error.remedy)
        except Illegal as error:
            return self._refuse(f"{error.field}: {error.why}", "")
        if self.wait:
            return self._wait(jobs)
        clock.running().wake()
        return {"FINISHED"}

    def _submit(self, context: bpy.types.Context) -> list[str]:
        choices = context.scene.maquette
        groups = self._pictures(choices)
        session = clock.session()
        from_panel = not self.filepath and not self.files and not self.image
        jobs = []
        for number, pictures in enumerate(groups):
            made = request.generate_request(
                pictures,
                backend=self.backend if self._is_set("backend") else choices.backend,
                preset=self.preset if self._is_set("preset") else choices.preset,
                seed=choices.seed if self.seed == _FROM_PANEL else self.seed,
                faces=choices.faces,
                texture_size_px=int(choices.texture_size),
                settings=settings_of(choices),
                vram_limit_gib=preferences.options().vram_limit_gib,
            )
            place = self._place(context, choices, from_panel, number)
            jobs.append(
                session.submit(made, Path(pictures[0].name).stem or pictures[0].name, place, time.monotonic())
            )
        session.clear_fault()
        return jobs

    def _pictures(self, choices: MaquetteScene) -> list[tuple[ViewPicture, ...]]:
        """The pictures of each model."""
        paths = self._paths()
        if self.image:
            found = bpy.data.images.get(self.image)
            if found is None:
                raise request.PictureUnusable(words('There is no image "{name}".').format(name=self.image))
            return [(request.picture_of(found, "front"),)]
        if not paths:
            return [_panel_pictures(choices)]
        if self.together == "VIEWS" and len(paths) > 1:
            return [_named_views(paths)]
        return [(request.picture_at(path, "front"),) for path in paths]

    def _place(
        self, context: bpy.types.Context, choices: MaquetteScene, from_panel: bool, number: int
    ) -> placement.Place:
        """Where the model number `number` of several will stand: in a row to the right."""
        height = self.height if self._is_set("height") else choices.height
        if self._is_set("location"):
            x, y, z = self.location
        elif from_panel and choices.size_mode == "FIT":
            return placement.at_selected(context)
        else:
            x, y, z = context.scene.cursor.location
        return placement.place_in(context, (x + 1.2 * height * number, y, z), placement.Height(height))

    def _paths(self) -> list[Path]:
        if self.files and self.directory:
            folder = Path(bpy.path.abspath(self.directory))
            return [folder / each.name for each in self.files if each.name]
        return [Path(bpy.path.abspath(self.filepath))] if self.filepath else []

    def _is_set(self, name: str) -> bool:
        return self.properties.is_property_set(name)

    def _refuse(self, message: str, remedy: str) -> set[str]:
        self.report({"ERROR"}, f"{message} {remedy}".strip())
        return {"CANCELLED"}

    def _wait(self, jobs: list[str]) -> set[str]:
        """Ticks until all jobs have ended one way or the other."""
        running = clock.running()
        while True:
            running.beat()
            left = [
                job for job in map(running.session.jobs.get, jobs) if job is not None and job.is_under_way
            ]
            if not left:
                break
            if running.session.fault is not None and not running.session.connection.is_wanted:
                break
            time.sleep(_WAIT_S)
        fault = running.session.fault
        return {"FINISHED"} if fault is None else self._refuse(fault.message, fault.remedy)


def settings_of(choices: MaquetteScene) -> tuple[tuple[str, str], ...]:
    """The panel's further settings as the engine names them."""
    if choices.backend == "silhouette" and choices.use_depth:
        return (("shape.depth", f"{choices.depth:.3f}"),)
    return ()


def new_seed() -> int:
    """A seed that nobody had before."""
    return secrets.randbelow(2**31)


def _panel_pictures(choices: MaquetteScene) -> tuple[ViewPicture, ...]:
    chosen = views_of(choices)
    if not chosen:
        raise request.PictureUnusable(
            words("No picture is chosen."), "Choose one in the panel, or drop one into the 3D view."
        )
    welcome = clock.welcome()
    usable = [each.views for each in welcome.backends if each.name == choices.backend] if welcome else []
    views = [view for view in chosen if not usable or view in usable[0]]
    return tuple(request.picture_of(chosen[view], view) for view in views)


def _named_views(paths: list[Path]) -> tuple[ViewPicture, ...]:
    """Pictures whose names tell their views."""
    by_view = {request.view_in_name(path.name): path for path in paths}
    if "" in by_view or len(by_view) < len(paths):
        nameless = [path.name for path in paths if not request.view_in_name(path.name)]
        which = nameless[0] if nameless else paths[-1].name
        raise request.PictureUnusable(
            words(
                'The name "{name}" does not tell one side, or tells one that another picture shows.'
            ).format(name=which),
            "Put one of front, back, left, right, top, bottom into each name, or make one model of each.",
        )
    return tuple(request.picture_at(by_view[view], view) for view in VIEWS if view in by_view)


class MAQUETTE_FH_pictures(bpy.types.FileHandler):
    """Pictures dropped into the 3D view become models."""

    bl_idname = "MAQUETTE_FH_pictures"
    bl_label = "Generate 3D Model"
    bl_import_operator = "maquette.generate"
    bl_file_extensions = ";".join(request.SUFFIXES)

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

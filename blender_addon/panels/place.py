"""No bpy. Where Maquette's panels stand: in the sidebar of the 3D view, under their own tab."""


class InSidebar:
    """A panel of the tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Maquette"


class ClosedPart(InSidebar):
    """A part of the main panel that is closed until it is wanted."""

    bl_parent_id = "MAQUETTE_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

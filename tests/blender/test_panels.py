"""Panels draw in every state without an error, and every operator says whether it can be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drawn import be_quick, egg, egg_image
from drawn_layout import DrawnLayout
from extension import Addon

PANELS = ("MAQUETTE_PT_main", "MAQUETTE_PT_queue", "MAQUETTE_PT_history", "MAQUETTE_PT_advanced")


@pytest.fixture(autouse=True)
def quick(addon: Addon) -> None:
    be_quick()


class _Drawer:
    """What a panel's draw needs of its panel."""

    def __init__(self, layout: DrawnLayout) -> None:
        self.layout = layout


def draw(name: str, *, are_panels_open: bool = True) -> DrawnLayout:
    """What a panel or menu draws now."""
    import bpy

    layout = DrawnLayout(are_panels_open=are_panels_open)
    kind = getattr(bpy.types, name)
    if hasattr(kind, "poll"):
        assert kind.poll(bpy.context)
    kind.draw(_Drawer(layout), bpy.context)
    return layout


def draw_all() -> DrawnLayout:
    """Draws every panel, the menus and the preferences, and returns what the main panel shows."""
    import bpy

    for name in PANELS[1:]:
        draw(name)
    draw("MAQUETTE_MT_presets")
    drawer = _Drawer(DrawnLayout())
    kind = type(addon_preferences())
    for name in ("home", "engine", "data", "models"):
        setattr(drawer, name, getattr(addon_preferences(), name))
    drawer.bl_rna = kind.bl_rna  # type: ignore[attr-defined]
    kind.draw(drawer, bpy.context)
    draw(PANELS[0], are_panels_open=False)
    return draw(PANELS[0])


def addon_preferences() -> Any:
    import bpy
    from extension import MODULE

    return bpy.context.preferences.addons[MODULE].preferences


def test_stopped_it_offers_to_start_and_to_generate(addon: Addon) -> None:
    shown = draw_all()
    assert shown.says("not running")
    assert shown.offers("maquette.start_engine")
    assert shown.offers("maquette.generate")


def test_before_the_first_ticks_it_only_says_that_it_starts(addon: Addon) -> None:
    addon.disable()
    addon.enable()
    assert not addon.clock.is_warm
    assert draw("MAQUETTE_PT_main").texts == ["Starting…"]
    for name in PANELS[1:]:
        draw(name)
    assert not addon.clock.is_warm
    addon.until(lambda: addon.clock.is_warm)


def test_starting_it_says_so(addon: Addon) -> None:
    addon.session.start()
    addon.until(lambda: addon.session.connection.phase == "starting")
    assert draw_all().says("starting")


def test_ready_it_tells_the_device_and_offers_the_backends(addon: Addon) -> None:
    addon.session.start()
    addon.until(lambda: addon.session.status)
    shown = draw_all()
    assert shown.says("GB free")
    assert shown.offers("maquette.stop_engine")
    assert draw("MAQUETTE_PT_advanced").says("Hunyuan3D-2")  # with the reason why it cannot run yet


def test_a_method_with_networks_has_its_own_settings_and_sends_what_was_changed(
    addon: Addon, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy

    addon.session.start()
    addon.until(lambda: addon.session.status)
    offered = addon.part("clock").welcome()
    ready = tuple(replace(each, is_available=True, reason="", remedy="") for each in offered.backends)
    monkeypatch.setattr(addon.part("clock"), "welcome", lambda: replace(offered, backends=ready))
    choices, settings_of = bpy.context.scene.maquette, addon.part("submission").settings_of
    own = {"model", "octree", "steps", "guidance"}
    assert not own & set(draw("MAQUETTE_PT_advanced").properties)
    choices.backend = "hunyuan3d-2"
    drawn = set(draw("MAQUETTE_PT_advanced").properties)
    assert own <= drawn
    assert not {"depth", "use_depth"} & drawn
    assert settings_of(choices, "hunyuan3d-2") == ()
    choices.model, choices.octree, choices.steps, choices.guidance = "mini-turbo", "384", 8, 7.5
    choices.use_depth = True
    sent = (("shape.octree", "384"), ("shape.steps", "8"), ("shape.guidance", "7.50"))
    assert settings_of(choices, "hunyuan3d-2") == (("load.model", "mini-turbo"), *sent)
    assert settings_of(choices, "trellis") == sent
    assert settings_of(choices, "silhouette") == (("shape.depth", "0.800"),)


def test_the_panel_offers_every_model_under_its_own_name(addon: Addon) -> None:
    import bpy

    offered = bpy.types.Scene.bl_rna.properties["maquette"].fixed_type.properties["model"].enum_items
    names = [each.identifier for each in offered]
    assert names == ["auto", *addon.part("protocol.names").SHAPE_MODELS]


def test_running_it_shows_progress_and_cancel(addon: Addon, tmp_path: Path) -> None:
    addon.generate(filepath=str(egg(tmp_path, "slow egg.png")))
    assert draw_all().bars[0][1] == "Waiting for the engine…"
    second = addon.generate(filepath=str(egg(tmp_path, "pause egg.png")))
    addon.until(lambda: addon.session.jobs.open_models[0].state == "running")
    shown = draw_all()
    assert shown.says("1 more in the queue")
    assert shown.offers("maquette.cancel")
    assert draw("MAQUETTE_PT_queue").says("slow egg")
    addon.session.cancel(addon.session.jobs.open_models[0].job)
    addon.until(lambda: addon.job(second).has_shape)
    (bar,) = draw_all().bars
    assert "/" in bar[1]  # stage n of m
    assert bar[0] > 0


def test_a_fault_stays_with_its_remedy_until_it_is_dismissed(addon: Addon, tmp_path: Path) -> None:
    import bpy

    (tmp_path / "글.png").write_text("no picture")
    with pytest.raises(RuntimeError):
        bpy.ops.maquette.generate(filepath=str(tmp_path / "글.png"), wait=True)
    shown = draw_all()
    assert shown.says("글.png")
    assert shown.offers("maquette.choose_picture")
    assert shown.offers("maquette.copy_report")
    assert draw("MAQUETTE_PT_history").says("Failed")
    assert bpy.ops.maquette.clear_error() == {"FINISHED"}
    assert not draw_all().says("글.png")


ACTIONS = (
    *("choose_picture", "choose_folder", "download_models", "accept_licence", "free_gpu", "lower_preset"),
    *("start_engine", "restart_engine", "update", "copy_report", "retry", ""),
)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_remedy_has_its_button(addon: Addon, action: str) -> None:
    fault = addon.part("protocol.faults").Fault("internal", "긴 말 " * 60, "Do this.", action)
    addon.session.fail(fault, "0" * 32)
    shown = draw_all()
    assert shown.offers("maquette.clear_error")
    assert len([name for name, _ in shown.operators if name != "maquette.clear_error"]) >= 2


def test_a_waiting_result_has_its_button(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = addon.generate(filepath=str(egg(tmp_path, "box 기다림.png")))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    addon.until(lambda: addon.job(job).fate == "waiting")
    addon.beat()
    shown = draw_all()
    assert shown.says("Insert box 기다림")
    assert next(order for name, order in shown.operators if name == "maquette.insert_result").job == job
    assert draw("MAQUETTE_PT_history").says("Ready to insert")


def test_with_pictures_and_a_history_everything_is_drawn(addon: Addon, tmp_path: Path) -> None:
    import bpy

    choices = bpy.context.scene.maquette
    choices.front, choices.back, choices.preset = egg_image("box Front"), egg_image("Back"), "prototype"
    job = addon.generate()
    addon.landed(job)
    choices.preset, choices.size_mode = "portfolio", "FIT"
    shown = draw_all()
    assert shown.says("Portfolio")
    choices.preset = "prototype"
    assert draw_all().texts != shown.texts  # this quality was measured
    addon.until(lambda: addon.job(job).state == "taken")
    addon.beat()
    rows = bpy.context.window_manager.maquette.history
    assert [(row.name, row.label, row.state) for row in rows] == [(job, "box Front", "taken")]
    layout = DrawnLayout()
    kind = bpy.types.MAQUETTE_UL_history
    kind.draw_item(object(), bpy.context, layout, None, rows[0], 0, None, "history_index")
    assert layout.says("box Front")


def test_a_running_set_up_shows_how_far_it_is(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy

    try:
        bpy.ops.maquette.setup_engine(directory=str(tmp_path / "home"))
        shown = draw_all()
        assert shown.bars
        assert shown.offers("maquette.cancel_setup")
        assert not bpy.ops.maquette.setup_engine.poll()
        assert bpy.ops.maquette.cancel_setup() == {"FINISHED"}
        addon.until(lambda: addon.clock.setup.state.is_over)
        draw_all()
    finally:
        addon.preferences.home = ""


def test_a_broken_copy_of_the_add_on_says_so(addon: Addon) -> None:
    addon.clock.failure = "ImportError: no zmq"
    try:
        shown = draw("MAQUETTE_PT_main")
    finally:
        addon.clock.failure = ""
    assert shown.says("Install it again")
    assert shown.says("no zmq")


def test_the_menus_entries_are_drawn(addon: Addon) -> None:
    import bpy

    module = addon.part("operators.generate")
    layout = DrawnLayout()
    module.draw_add_menu(_Drawer(layout), bpy.context)
    assert layout.offers("maquette.generate")
    assert layout.operators[0][1].ask


def operators(addon: Addon) -> list[Any]:
    return [kind for kind in addon.part("operators").CLASSES if hasattr(kind, "bl_idname")]


def test_every_operator_says_whether_it_can_be_used_with_nothing_chosen(addon: Addon) -> None:
    import bpy

    for kind in operators(addon):
        if not kind.bl_idname.startswith("maquette."):
            continue
        name = kind.bl_idname.split(".")[1]
        assert isinstance(getattr(bpy.ops.maquette, name).poll(), bool)
        assert kind.bl_label
        assert kind.bl_description
        assert not kind.bl_description.endswith(".")


def test_generate_describes_what_it_still_needs(addon: Addon) -> None:
    import bpy

    kind = bpy.types.MAQUETTE_OT_generate
    order = type("Order", (), {"filepath": "", "image": ""})()
    assert "Choose a picture first" in kind.description(bpy.context, order)
    bpy.context.scene.maquette.front = egg_image()
    assert "go on working" in kind.description(bpy.context, order)


@pytest.mark.parametrize("name", ["retry", "discard", "insert_result"])
@pytest.mark.parametrize("job", ["", "no such job"])
def test_orders_about_no_job_do_nothing(addon: Addon, name: str, job: str) -> None:
    import bpy

    if name == "insert_result":
        with pytest.raises(RuntimeError, match="no finished model"):  # how an ERROR report reaches a script
            bpy.ops.maquette.insert_result(job=job)
    else:
        assert getattr(bpy.ops.maquette, name)(job=job) == {"CANCELLED"}


def test_the_report_tells_the_facts_and_not_the_home_folder(addon: Addon, tmp_path: Path) -> None:
    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    addon.landed(job)
    report = addon.part("operators.report").report_of(addon.session)
    assert job in report
    assert str(Path.home()) not in report
    assert "listens on" in report or "server.log" in report


def test_a_forgotten_job_leaves_the_history(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    addon.landed(job)
    assert bpy.ops.maquette.discard(job=job) == {"FINISHED"}
    addon.until(lambda: addon.job(job) is None)
    addon.beat()
    assert len(bpy.context.window_manager.maquette.history) == 0
    assert len(bpy.data.objects) == 1


def test_lowering_the_quality_ends_at_the_cheapest(addon: Addon) -> None:
    import bpy

    bpy.context.scene.maquette.preset = "best"
    for _ in range(10):
        assert bpy.ops.maquette.lower_preset() == {"FINISHED"}
    assert bpy.context.scene.maquette.preset == "prototype"

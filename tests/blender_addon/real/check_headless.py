"""Run without an interface: ``blender -b --python`` or Python with the bpy module.

    ... check_headless.py -- ADDRESS fake|real [ARCHIVE PROGRAM FREE_ADDRESS]

With ARCHIVE the extension is installed first (bpy has no command line for that). PROGRAM is
the real server, which the add-on shall start itself at FREE_ADDRESS.
"""

import importlib
import os
import sys
import time
import wave
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.foleyline"
ADDRESS, SERVER, *MORE = sys.argv[sys.argv.index("--") + 1 :]


def check(name: str, good: bool, detail: object = "") -> None:
    print("CHECK", "ok " if good else "BAD", f"{name}: {detail}", flush=True)


def strips():
    scene = part("compat").sequencer_scene(bpy.context)
    return {s.name: s for s in part("compat").all_strips_in(scene.sequence_editor)}


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def select(*names: str) -> None:
    for name, strip in strips().items():
        strip.select = name in names


def set_up():
    if MORE:
        bpy.ops.extensions.package_install_files(
            filepath=MORE[0], repo="user_default", enable_on_install=True
        )
    if MODULE not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.address, preferences.start_server = ADDRESS, False
    return preferences


def saved_file() -> None:
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "edit.blend"))
    settings = part("compat").sequencer_scene(bpy.context).foley
    settings.random_seed, settings.seed = False, 99
    before = set(strips())
    select()
    check("refuses without a strip", not bpy.ops.sequencer.foley_generate.poll())
    select("ball")
    result = bpy.ops.sequencer.foley_generate()
    check("finished", result == {"FINISHED"}, result)
    added = [s for name, s in strips().items() if name not in before]
    check("one strip", [s.type for s in added] == ["SOUND"], [s.name for s in added])
    sound, timing = added[0], part("compat").timing
    span = (timing(sound, "left_handle"), timing(sound, "right_handle"))
    check("span", span == (40, 134), span)
    check("channel", sound.channel == 4, sound.channel)
    check("seed", sound["foley"]["seed"] == 99, dict(sound["foley"]).keys())
    check("path", sound.sound.filepath.startswith("//foley/"), sound.sound.filepath)
    with wave.open(bpy.path.abspath(sound.sound.filepath)) as file:
        check("samples", file.getnframes() == 188_000, file.getnframes())
    if SERVER == "fake":
        heard_where_seen()


def heard_where_seen() -> None:
    """The mixdown's first click lies on the movie's first visible frame, to the sample."""
    scene = part("compat").sequencer_scene(bpy.context)
    scene.frame_start, scene.frame_end = 1, 140
    target = Path.cwd() / f"mix-{os.getpid()}.wav"
    bpy.ops.sound.mixdown(filepath=str(target), container="WAV", codec="PCM", format="S16")
    end_s = time.monotonic() + 5
    while not target.exists() and time.monotonic() < end_s:
        time.sleep(0.1)  # 5.2 returns before the file is there
    if not target.exists():
        print("this Blender writes no mixdown in the background", flush=True)
        return
    with wave.open(str(target)) as file:
        channels, rate = file.getnchannels(), file.getframerate()
        data = file.readframes(file.getnframes())
    step = 2 * channels
    loud = (
        i
        for i in range(len(data) // step)
        if abs(int.from_bytes(data[i * step : i * step + 2], "little", signed=True)) > 300
    )
    first = next(loud, -1)
    wanted = round(39 / 24 * rate)
    # the click itself takes a few samples to rise above the threshold
    check("heard where seen", 0 <= first - wanted <= 4, (first, wanted))


def settings() -> None:
    """The list of models, presets, a take's settings back into the panel, diagnostics."""
    foley = part("compat").sequencer_scene(bpy.context).foley
    board = part("link").link.board
    foley.model = board.default_bundle
    check("model from the list", foley.bundle == board.default_bundle, foley.bundle)
    foley.model = "DEFAULT"
    check("or the server's default", foley.bundle == "", foley.bundle)
    info = board.bundle(None)
    sound(foley, info.palette)
    foley.use_cfg_scale = True
    check("overrides begin at the model's own", foley.cfg_scale == info.cfg_scale, foley.cfg_scale)
    foley.quality, foley.loudness, foley.takes = "BEST", "STREAM", 3
    bpy.ops.sequencer.foley_preset_add(name="Night")
    foley.quality, foley.loudness, foley.takes = "DRAFT", "NONE", 1
    path = bpy.utils.preset_paths("foleyline")[0] + "/Night.py"
    bpy.ops.script.execute_preset(filepath=path, menu_idname="SEQUENCER_PT_foley_presets")
    restored = (foley.quality, foley.loudness, foley.takes)
    check("preset", restored == ("BEST", "STREAM", 3), restored)
    foley.take_over({"seed": 5, "bundle": "", "steps": 12, "cfg_scale": 2.0, "loudness_lufs": -20})
    taken = (foley.seed, foley.quality, foley.steps, foley.cfg_scale, foley.loudness_lufs)
    check("settings of a take", taken == (5, "CUSTOM", 12, 2.0, -20.0), taken)
    foley.quality, foley.loudness, foley.use_cfg_scale = "STANDARD", "NONE", False
    foley.output = "//foley/{oops}"
    select("ball")
    try:
        bpy.ops.sequencer.foley_generate()
    except RuntimeError as error:
        check("a wrong pattern says so", "{oops}" in str(error), str(error).strip())
    foley.output = ""
    text = part("diagnostics").text(bpy.context)
    private = [word for word in (str(Path.cwd()), "ball24", "/") if word in text]
    check("diagnostics", info.sha256 in text and private in ([], ["/"]), private)


def sound(foley, palette: tuple[str, ...]) -> None:
    """The list of sounds; one that the model lacks is kept, and refused where it counts."""
    for name in palette:
        foley.sound = name
        told = (foley.palette, foley.request({}).palette)
        check(f"sound {name} from the list", told == (name, name), told)
    refusal = importlib.import_module("foleyline_contract.errors").SettingInvalid
    foley.palette = "bell_small"
    check("a sound of another model is kept", foley.sound == "bell_small", foley.sound)
    try:
        told = foley.request({}).palette
    except refusal as error:
        told = error.message
    wanted = "only for" in told if palette else told is None
    check("and not asked for without a word", wanted, told)
    foley.sound = "AUTO"
    check("or left to the picture", foley.request({}).palette is None, foley.palette)


def in_german() -> None:
    """Labels and sentences of ours follow Blender's language, where it has translations."""
    view = bpy.context.preferences.view
    if "de_DE" not in bpy.app.translations.locales:
        print("this Blender is built without languages", flush=True)
        return
    view.language = "de_DE"
    view.use_translate_interface = view.use_translate_tooltips = True
    texts = (part("words").tr("Not Connected"), part("words").tip("Foley generation cancelled"))
    check("German", texts == ("Nicht verbunden", "Erzeugung abgebrochen"), texts)
    view.language = "en_US"


def unsaved_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    editor = scene.sequence_editor_create()
    path = str(Path.cwd() / "ball24.mp4")
    part("compat").strips_in(editor).new_movie(
        name="fresh", filepath=path, channel=1, frame_start=1
    )
    select("fresh")
    bpy.ops.sequencer.foley_generate()
    sounds = [s for s in strips().values() if s.type == "SOUND"]
    found = sounds[0].sound.filepath if sounds else ""
    check("unsaved: user folder", f"{os.sep}foleyline{os.sep}" in found, found)
    check("unsaved: exists", Path(found).is_file())


def no_server(preferences) -> None:
    preferences.address = "tcp://127.0.0.1:9"
    select("fresh")
    before = set(strips())
    try:
        bpy.ops.sequencer.foley_generate()
    except RuntimeError as error:
        check("no server is an error", "server" in str(error).lower(), str(error).strip())
    else:
        check("no server is an error", False)
    check("nothing was added", set(strips()) == before)


def starts_the_server(preferences) -> None:
    from foleyline_client import launcher

    preferences.start_server, preferences.program = True, MORE[1]
    preferences.address = MORE[2]
    bpy.ops.sequencer.foley_generate()
    check("started the server itself", part("pump").link.board.link.name == "READY")
    check("stopped it again", launcher.stop(MORE[2]))


preferences = set_up()
saved_file()
settings()
in_german()
unsaved_file()
no_server(preferences)
if SERVER == "real" and MORE:
    starts_the_server(preferences)
bpy.ops.preferences.addon_disable(module=MODULE)
check("unregisters", not hasattr(bpy.types.Scene, "foley"))
print("DONE", flush=True)
os._exit(0)

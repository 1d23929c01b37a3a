"""Takes in a real Blender, without a server: ``blender -b --python`` or Python with bpy.

    ... check_takes.py

The add-on's modules about takes are imported without its others; ``generation`` is a recorder.
WAVs are written by the add-on's own client. Works in the current folder.
"""

import importlib
import os
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import bpy

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "client"))
PACKAGE = "foleyline_addon"
FPS = 24
VERSION = bpy.app.version
# Blender 5.2 warns about the old names, which this script uses for all versions alike.
warnings.simplefilter("ignore", DeprecationWarning)


def check(name: str, good: bool, detail: object = "") -> None:
    print("CHECK", "ok " if good else "BAD", f"{name}: {detail}", flush=True)


class Recorder(ModuleType):
    """Stands for ``generation``: what would be asked of a server."""

    def __init__(self) -> None:
        super().__init__(f"{PACKAGE}.generation")
        self.asked: list[tuple[list[str], dict]] = []
        self.taken_over: dict | None = None

    def start(self, _context, strips, changes):
        self.asked.append(([strip.name for strip in strips], changes))

    def scene_settings(self, _context):
        return self

    def take_over(self, settings):
        self.taken_over = settings


def load() -> Recorder:
    package = ModuleType(PACKAGE)
    package.__path__ = [str(ROOT / "blender_addon")]
    package.__spec__ = ModuleSpec(PACKAGE, None, is_package=True)
    recorder = Recorder()
    sys.modules[PACKAGE], sys.modules[recorder.__name__] = package, recorder
    package.generation = recorder
    main = type("SEQUENCER_PT_foley", (bpy.types.Panel,), {
        "bl_label": "Foley", "bl_space_type": "SEQUENCE_EDITOR", "bl_region_type": "UI",
        "bl_category": "Foley", "draw": lambda _self, _context: None,
    })  # fmt: skip
    bpy.utils.register_class(main)
    for name in ("operators.takes", "operators.more_takes", "panels.takes"):
        for kind in part(name).CLASSES:
            bpy.utils.register_class(kind)
    part("panels.takes").attach()
    return recorder


def part(name: str):
    return importlib.import_module(f"{PACKAGE}.{name}")


@dataclass(frozen=True)
class Take:
    """As ``notices.TakeWritten``."""

    path: Path
    take: int
    takes: int
    seed: int
    log_p_aligned: float | None = -0.2
    loudness_lufs: float | None = -20.0
    flags: tuple = ()
    peak_dbfs: float = -3.0
    provenance: dict = field(default_factory=dict)


def wav(name: str, frames: int, fps: Fraction = Fraction(FPS)) -> Path:
    """Clicks every half second, as long as the frames to the sample."""
    from foleyline_client.audio_file import write_wav

    path = Path.cwd() / f"{name}.wav"
    samples = round(frames * 48000 / fps)
    pcm = bytearray(3 * samples)
    for at in range(0, samples, 24000):
        pcm[3 * at : 3 * at + 3] = (4_000_000).to_bytes(3, "little")
    write_wav(path, bytes(pcm), provenance={"name": name}, overwrite=True)
    return path


# ---- hands -----------------------------------------------------------------------------


def scene():
    return part("compat").sequencer_scene(bpy.context)


def strips(of=None):
    return part("compat").all_strips_in((of or scene()).sequence_editor)


def new_picture(name: str, start: int, frames: int, channel: int = 3, owner=None):
    collection = part("compat").strips_in(owner or scene().sequence_editor_create())
    length = {"length": frames} if VERSION >= (5, 0) else {"frame_end": start + frames}
    strip = collection.new_effect(
        name=name, type="COLOR", channel=channel, frame_start=start, **length
    )
    strip.select = False
    part("compat").set_timing(strip, "right_handle", start + frames)
    return strip


def span(strip) -> tuple[int, int]:
    timing = part("compat").timing
    return int(timing(strip, "left_handle")), int(timing(strip, "right_handle"))


def place(
    picture, job_id: str, takes: list[Take], frames: int | None = None, at_most=None, **placing
):
    from foleyline_contract.messages import Clip

    takes_module, anchors = part("takes"), part("anchors")
    first, end = span(picture)
    fps = part("timing").exact_rate(scene().render.fps, scene().render.fps_base)
    clip = Clip("/shot.mp4", Fraction(0), (frames or end - first) / fps)
    settings = {"bundle": "ball", "steps": 25, "cfg_scale": 4.5, "quality": "best",
                "loudness_lufs": -23.0, "seed_family": None}  # fmt: skip
    made = takes_module.Made(
        job_id, clip, settings, anchors.anchor_of(picture), anchors.Placing(**placing)
    )
    return takes_module.place(picture.id_data, picture, takes, made, at_most=at_most)


def three(job_id: str, frames: int, scores=(-0.4, -0.1, -0.9)) -> list[Take]:
    return [
        Take(wav(f"{job_id}-{n}", frames), n, len(scores), 100 + n, score)
        for n, score in enumerate(scores)
    ]


def heard(picture) -> list[str]:
    group = part("take_strips").group_of(picture.id_data, picture)
    return [take.name for take in group.takes if not take.mute]


def names(picture) -> list[str]:
    return [t.name for t in part("take_strips").group_of(picture.id_data, picture).takes]


def record(name: str):
    return part("take_strips").record(strips()[name])


def activate(name: str) -> None:
    scene().sequence_editor.active_strip = strips()[name]


def undo_push(what: str) -> None:
    bpy.ops.ed.undo_push(message=what)


def operator(name: str, **arguments):
    """Run one of ours, as a click does: with its undo step."""
    return getattr(bpy.ops.sequencer, name)("EXEC_DEFAULT", True, **arguments)


def in_sequencer():
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = bpy.context.scene
    region = next(r for r in area.regions if r.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def fresh_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    scene().render.fps, scene().render.fps_base = FPS, 1.0
    scene().sequence_editor_create()


# ---- checks ----------------------------------------------------------------------------


def placing() -> None:
    fresh_file()
    shot = new_picture("shot.mp4", 40, 94)
    new_picture("title", 60, 40, channel=2)
    got = place(shot, "job1", three("job1", 94))
    check("names, best first", got == ["shot take 2", "shot take 1", "shot take 3"], got)
    sounds = [strips()[name] for name in got]
    check("spans", {span(s) for s in sounds} == {(40, 134)}, [span(s) for s in sounds])
    channels = [s.channel for s in sounds]
    check("nearest free channels", channels == [4, 1, 5], channels)
    check("best is heard", heard(shot) == got[:1], heard(shot))
    check("waveforms", all(s.show_waveform for s in sounds))
    check("mono in the middle", all(s.pan == 0 for s in sounds))
    check("not selected, as the picture", not any(s.select for s in sounds))
    facts = record(got[0])
    told = {k: facts.get(k) for k in ("seed", "number", "take", "job_id", "quality", "target_lufs")}
    wanted = {"seed": 101, "number": 2, "take": 2, "job_id": "job1", "quality": "best",
              "target_lufs": -23.0}  # fmt: skip
    check("record", told == wanted, told)
    check("not twice", place(shot, "job1", three("job1", 94)) == [])
    one_by_one()
    shot = strips()["shot.mp4"]
    placed = part("take_strips").placed(scene())
    check("placed", placed == {("job1", 0), ("job1", 1), ("job1", 2)}, placed)
    got = place(shot, "job2", three("job2", 94, (-0.3,)))
    check("numbers go on", got == ["shot take 4"], got)
    check("the new one is heard", heard(shot) == got, heard(shot))
    operator("foley_take_star", take=got[0])
    place(shot, "job3", three("job3", 94, (-0.01,)))
    check("a starred one stays heard", heard(shot) == got, heard(shot))
    silent = Take(wav("job4", 94), 0, 1, 7, -0.01, None, ("near_silent",))
    operator("foley_take_star", take=got[0])
    place(shot, "job4", [silent])
    check("a silent one silences none", heard(shot) == got, heard(shot))
    check("a silent one is last", names(shot)[-1] == "shot take 6", names(shot))
    check("the best is first", names(shot)[0] == "shot take 5", names(shot))


def one_by_one() -> None:
    twin = new_picture("twin", 400, 48)
    got = []
    while names_now := place(twin, "twins", three("twins", 48), at_most=1):
        got += names_now
    wanted = ["twin take 2", "twin take 1", "twin take 3"]
    check("one by one", got == wanted and heard(twin) == wanted[:1], (got, heard(twin)))
    if hasattr(twin, "connections"):
        check("one by one: connected", len(twin.connections) == 3)
    part("take_strips").remove(part("take_strips").group_of(scene(), twin).takes)


def options() -> None:
    fresh_file()
    shot = new_picture("shot", 100, 48)
    takes = three("handles", 48 + 12 + 6, (-0.1,))
    got = place(shot, "h", takes, frames=66, channel=9, before_frames=12, after_frames=6,
                fade_frames=8, pack=True)  # fmt: skip
    sound = strips()[got[0]]
    start = int(part("compat").timing(sound, "content_start"))
    length = int(part("compat").timing(sound, "content_duration"))
    check("handles", (start, length, span(sound)) == (88, 66, (100, 148)),
          (start, length, span(sound)))  # fmt: skip
    check("wanted channel", sound.channel == 9, sound.channel)
    check("packed", sound.sound.packed_file is not None)
    volumes = {}
    for frame in (100, 108, 124, 140, 148):
        scene().frame_set(frame)
        volumes[frame] = round(sound.volume, 3)
    wanted = {100: 0, 108: 1, 124: 1, 140: 1, 148: 0}
    check("fades", volumes == wanted, volumes)
    second = place(shot, "i", three("i", 48, (-0.1,)), channel=9)
    check("wanted channel taken: beside it", strips()[second[0]].channel == 8)
    for channel in scene().sequence_editor.channels:
        channel.lock = True
    from foleyline_contract.errors import InputError

    try:
        place(shot, "j", three("j", 48, (-0.1,)))
    except InputError as error:
        check("no room is a sentence", "No channel has room" in str(error), error)
    else:
        check("no room is a sentence", False)
    check("and places nothing", len(names(shot)) == 2, names(shot))


def exact_lengths() -> None:
    """A take is as long as its strip, to the frame, at rates whose frames are no whole samples."""
    wrong = []
    for rate, base in ((24, 1.001), (30, 1.001), (60, 1.001), (25, 1.0), (12, 1.0)):
        fresh_file()
        scene().render.fps, scene().render.fps_base = rate, base
        fps = part("timing").exact_rate(rate, base)
        for frames in (1, 2, 7, 31, 94, 241):
            shot = new_picture(f"{frames}", 1000 + frames, frames)
            path = wav("length", frames, fps)
            got = place(shot, f"length{frames}", [Take(path, 0, 1, 1)])
            if span(strips()[got[0]]) != (1000 + frames, 1000 + 2 * frames):
                wrong.append((rate, frames, span(strips()[got[0]])))
            part("take_strips").remove([strips()[got[0]], strips()[f"{frames}"]])
    check("exact lengths", not wrong, wrong)


def choosing(recorder: Recorder) -> None:
    fresh_file()
    shot = new_picture("shot", 40, 48)
    check("greyed without takes", not bpy.ops.sequencer.foley_take_star.poll())
    a, b, c = place(shot, "job", three("job", 48))
    activate("shot")
    check("offered with takes", bpy.ops.sequencer.foley_take_star.poll())
    undo_push("placed")
    operator("foley_take_audition", take=b)
    shot = strips()["shot"]
    check("audition", heard(shot) == [b] and scene().frame_current == 40, heard(shot))
    active = scene().sequence_editor.active_strip.name
    check("it is the active strip", active == b, active)
    steps = []
    for direction in ("NEXT", "NEXT", "PREVIOUS"):
        operator("foley_take_step", direction=direction)
        steps += heard(strips()["shot"])
    check("next and previous", steps == [c, a, c], steps)
    operator("foley_take_star", take=b)
    check("star", bool(record(b)["star"]) and strips()[b].color_tag == "COLOR_03")
    operator("foley_take_reject")
    shot = strips()["shot"]
    check("reject: next best is heard", heard(shot) == [a] and strips()[c].mute, heard(shot))
    shown = [t.name for t in part("take_strips").group_of(scene(), shot).shown()]
    check("rejected is hidden", shown == [a, b], shown)
    starred = part("take_strips").group_of(scene(), shot).shown(starred_only=True)
    check("starred only", [t.name for t in starred] == [b])
    operator("foley_takes_delete_rejected", strip="shot")
    check("rejected are deleted", names(strips()["shot"]) == [a, b], names(strips()["shot"]))
    bpy.ops.ed.undo()
    check("one undo brings them back", names(strips()["shot"]) == [a, b, c])
    operator("foley_take_keep", take=b)
    shot = strips()["shot"]
    check("keep", names(shot) == [b] and heard(shot) == [b], names(shot))
    check("files stay", all((Path.cwd() / f"job-{n}.wav").is_file() for n in range(3)))
    bpy.ops.ed.undo()
    check("keep: one undo", sorted(names(strips()["shot"])) == sorted([a, b, c]))
    bpy.ops.ed.redo()
    shot = strips()["shot"]
    check("keep: redo", names(shot) == [b], names(shot))
    place(shot, "more", three("more", 48, (-0.01,)))
    check("a kept one stays heard", heard(shot) == [b], heard(shot))
    asking(recorder, b)


def asking(recorder: Recorder, take: str) -> None:
    activate("shot")
    operator("foley_takes_new")
    strip, changes = recorder.asked[-1]
    check("new seeds", strip == ["shot"] and set(changes) == {"seed"}, changes)
    operator("foley_take_vary", take=take, variation=0.25)
    strip, changes = recorder.asked[-1]
    told = (
        changes["seed_family"],
        changes["variation"],
        changes["steps"],
        changes["loudness_lufs"],
    )
    check("more like this", told == (record(take)["seed"], 0.25, 25, -23.0), changes)
    operator("foley_take_use_settings", take=take)
    check("settings back", (recorder.taken_over or {}).get("quality") == "best",
          recorder.taken_over)  # fmt: skip
    result = operator("foley_take_copy_seed", take=take)
    clipboard = bpy.context.window_manager.clipboard
    seed = str(record(take)["seed"])
    check("copy seed", result == {"FINISHED"} and clipboard in ("", seed), repr(clipboard))
    check("unknown take", operator("foley_take_star", take="nothing") == {"CANCELLED"})
    check("unknown strip", operator("foley_takes_new", strip="nothing") == {"CANCELLED"})


def several_selected() -> None:
    fresh_file()
    for at, name in enumerate(("one", "two")):
        place(new_picture(name, 10 + 100 * at, 48), name, three(name, 48))
    operator("foley_take_audition", take="two take 3")
    for name in ("one", "two"):
        strips()[name].select = True
    operator("foley_takes_keep_heard")
    left = [names(strips()[name]) for name in ("one", "two")]
    check("keep heard of several", left == [["one take 2"], ["two take 3"]], left)


def moving() -> None:
    fresh_file()
    new_picture("shot", 40, 48)
    got = place(strips()["shot"], "job", three("job", 48))
    bpy.ops.wm.save_as_mainfile(filepath=str(Path.cwd() / "takes.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "takes.blend"))
    check("after reload", names(strips()["shot"]) == got, names(strips()["shot"]))
    strips()[got[0]].name = "my sound"
    strips()["shot"].name = "renamed"
    after = names(strips()["renamed"])
    check("after renaming", after == ["my sound", *got[1:]], after)
    activate("renamed")
    operator("foley_takes_select")
    with in_sequencer():
        bpy.ops.transform.seq_slide(value=(12, 0))
    where = {span(strips()[name]) for name in ("renamed", *after)}
    check("moves with its takes selected", where == {(52, 100)}, where)
    later = place(strips()["renamed"], "later", three("later", 48, (-0.1,)))
    check("later takes follow", span(strips()[later[0]]) == (52, 100), later)
    if hasattr(strips()["renamed"], "connections"):
        connected = {s.name for s in strips()["renamed"].connections}
        check("connected", connected == {*after, *later}, connected)
    duplicating()
    splitting({*after, *later})


def duplicating() -> None:
    before = {s.name for s in strips()}
    activate("renamed")
    operator("foley_takes_select")
    with in_sequencer():
        bpy.ops.sequencer.duplicate()
        bpy.ops.transform.seq_slide(value=(300, 0))
    copies = [s for s in strips() if s.name not in before]
    copy = next(s for s in copies if s.type == "COLOR")
    held = (set(names(copy)), set(names(strips()["renamed"])))
    wanted = ({s.name for s in copies if s.type == "SOUND"}, before - {"renamed"})
    check("duplicate: each has its own", held == wanted, held)
    part("take_strips").remove(copies)


def splitting(takes: set[str]) -> None:
    for strip in strips():
        strip.select = strip.name == "renamed"
    with in_sequencer():
        bpy.ops.sequencer.split(frame=70, type="SOFT", side="BOTH")
    halves = sorted((s for s in strips() if s.type == "COLOR"), key=span)
    held = [names(half) for half in halves]
    pieces = [{span(strips()[n]) for n in half} for half in held]
    if VERSION >= (4, 4):
        check("split: takes are split along", pieces == [{(52, 70)}, {(70, 100)}], pieces)
    else:
        check("split: takes stay whole under both", pieces == [{(52, 100)}] * 2, pieces)
    check("split: names tell the take", all(" take " in n or n.startswith("my sound")
          for half in held for n in half), held)  # fmt: skip
    check("split: each half has its takes", [len(h) for h in held] == [len(takes)] * 2, held)
    identify = part("anchors").identify
    ids = [identify(half) for half in halves]
    check("split: ids differ", ids[0] != ids[1])
    after = [{span(strips()[n]) for n in names(half)} for half in halves]
    check("split: new ids, own pieces", after == [{(52, 70)}, {(70, 100)}], after)
    place(halves[0], "left", three("left", 18, (-0.1,)))
    ours, theirs = heard(halves[0]), heard(halves[1])
    check("split: one half's new take leaves the other alone", (len(ours), len(theirs)) == (1, 1),
          (ours, theirs))  # fmt: skip


def inside_meta() -> None:
    fresh_file()
    editor = scene().sequence_editor
    meta = part("compat").strips_in(editor).new_meta(name="meta", channel=1, frame_start=10)
    shot = new_picture("inner", 10, 48, channel=2, owner=meta)
    part("compat").set_timing(meta, "right_handle", 58)
    got = place(shot, "job", three("job", 48))
    inside = [strips()[name].parent_meta() for name in got]
    check("inside the meta", all(m is not None and m.name == "meta" for m in inside), got)
    check("the meta is closed again", len(editor.meta_stack) == 0)
    if hasattr(shot, "connections"):
        check("connected inside", len(shot.connections) == 3, len(shot.connections))
    operator("foley_take_keep", take=got[1])
    check("keep inside", names(strips()["inner"]) == [got[1]], names(strips()["inner"]))
    got = place(strips()["meta"], "meta", three("meta", 48))
    check("a meta has takes itself", heard(strips()["meta"]) == got[:1], got)


def other_scene() -> None:
    fresh_file()
    first = scene()
    other = bpy.data.scenes.new("other")
    other.render.fps = FPS
    other.sequence_editor_create()
    shot = new_picture("far", 10, 48, owner=other.sequence_editor)
    got = place(shot, "job", three("job", 48))
    check("in a scene that is not shown", len(got) == 3 and not len(strips(first)), got)
    if hasattr(shot, "connections"):
        check("connected there", len(shot.connections) == 3, len(shot.connections))
    anchor = part("anchors").anchor_of(shot)
    found = part("anchors").find(anchor)
    check("found there", found is not None and found[0] == other, found)


def speed() -> None:
    fresh_file()
    for at in range(150):
        new_picture(f"cut {at}", 1 + 50 * at, 48)
    sound = three("load", 48, (-0.1,) * 4)
    for at_most in (None, 1):
        took, computed = [], []
        for at in range(30):
            strip, going = strips()[f"cut {at + 30 * bool(at_most)}"], True
            while going:
                start, start_cpu = time.perf_counter(), time.thread_time()
                going = bool(place(strip, f"job{at}", sound, at_most=at_most)) and bool(at_most)
                computed.append(1000 * (time.thread_time() - start_cpu))
                took.append(1000 * (time.perf_counter() - start))
        what = "one take" if at_most else "4 takes"
        for of, times in (("", took), (", processor time", computed)):
            print(f"FIGURE place {what} among 150 to 390 strips{of}: "
                  f"median {sorted(times)[len(times) // 2]:.1f} ms, longest {max(times):.1f} ms",
                  flush=True)  # fmt: skip
    activate("cut 3")
    start = time.perf_counter()
    for _ in range(100):
        part("take_strips").active_group(scene())
    each = 10 * (time.perf_counter() - start)
    print(f"FIGURE the list's look-up among 390 strips: {each:.2f} ms", flush=True)


def main() -> None:
    recorder = load()
    print(f"Blender {bpy.app.version_string}", flush=True)
    placing()
    options()
    exact_lengths()
    choosing(recorder)
    several_selected()
    moving()
    inside_meta()
    other_scene()
    speed()
    print("DONE", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001 - Blender would go on
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

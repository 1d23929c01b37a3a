"""What every drive of the interface stands on: the add-on's parts, the timeline, waiting, the end.

The drives print ``CHECK ok|BAD name: detail`` and ``MEASURED ...`` lines; ``run.py`` counts them.
"""

import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import count

import bpy
from hands import last_deed

MODULE = "bl_ext.user_default.foleyline"
WAIT_S = 120.0
GENERATE = "sequencer.foley_generate()", 190, 75
FILL = "sequencer.foley_fill()", 190, 106
CANCEL = "sequencer.foley_cancel()", 49, 44
"""Buttons of the sidebar: what they do, how far from its right edge they are at interface scale 1,
and about how far from its top."""
FIRST_SEED = time.time_ns() // 1_000_000_000 % 1_000_000 * 1000
SEEDS = count(FIRST_SEED, 10)
"""A seed that was used before would give a take at once, from the server's disk."""


def say(*words: object) -> None:
    print(*words, flush=True)


def check(name: str, good: bool, detail: object = "") -> None:
    say("CHECK", "ok " if good else "BAD", f"{name}: {detail}")


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def board():
    return part("pump").link.board


def busy() -> bool:
    return board().busy


def states() -> list[str]:
    return [job.state.name for job in board().jobs.values()]


def situation() -> str:
    """In one line, what a drive that waits in vain wants to know."""
    problems = [board().problem, *(job.problem for job in board().jobs.values())]
    told = "; ".join(str(problem) for problem in problems if problem is not None) or "no problem"
    return f"{board().link.name}, jobs {states()}, {told}"


def scene():
    return part("compat").sequencer_scene(bpy.context)


def strips():
    return {s.name: s for s in part("compat").all_strips_in(scene().sequence_editor)}


def sounds():
    return [s for s in strips().values() if s.type == "SOUND"]


def frames_of(strip) -> int:
    timing = part("compat").timing
    return timing(strip, "right_handle") - timing(strip, "left_handle")


def select(*names: str) -> None:
    for name, strip in strips().items():
        strip.select = name in names
    if names:
        scene().sequence_editor.active_strip = strips()[names[0]]


def wait_until(condition: Callable[[], object], limit_s: float = WAIT_S):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit_s:g} s in vain: {situation()}")
        yield 0.02


def wait_while_busy(condition: Callable[[], object]):
    yield from wait_until(lambda: condition() or not busy())
    if not condition():
        raise RuntimeError(f"ended too soon: {situation()}")


def set_up(address: str) -> None:
    """The add-on on, its server known."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    if MODULE not in preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    addon = preferences.addons[MODULE].preferences
    addon.address, addon.start_server = address, False


def say_times() -> None:
    """How long the main thread was held."""
    times = part("pump").times
    ticks = f"{times.ticks} ticks, {times.slow_ticks} above 5 ms"
    say(f"MEASURED longest tick {times.longest_tick_s * 1000:.2f} ms by the clock; {ticks}")
    say(f"MEASURED longest tick {times.longest_tick_cpu_s * 1000:.2f} ms of processor time")
    landing, landing_cpu = times.longest_landing_s * 1000, times.longest_landing_cpu_s * 1000
    say(f"MEASURED longest landing {landing:.2f} ms by the clock, {landing_cpu:.2f} of processor")
    say(f"MEASURED longest start of rendering {times.longest_render_start_s * 1000:.2f} ms")


def play(drive: Callable[[], Iterator[float]]) -> None:
    """Run a drive by Blender's timers; it yields seconds to wait. Ends Blender."""
    steps: list[Iterator[float]] = []

    def step() -> float | None:
        try:
            if not steps:
                steps.append(drive())
            return next(steps[0])
        except StopIteration:
            say("DONE")
        except Exception:  # noqa: BLE001 - whatever broke, say so and end Blender
            traceback.print_exc()
            say(last_deed())
        sys.stdout.flush()
        os._exit(0)

    bpy.app.timers.register(step, first_interval=2, persistent=True)

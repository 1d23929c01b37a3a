"""The timer on Blender's main thread: takes in what the client thread said and acts on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, thread_time

import bpy

from . import adoption, dispatch, landing
from .link import link

__all__ = ["link", "redraw", "start", "stop", "times", "turn"]

log = logging.getLogger(__name__)

TICK_LIMIT_S = 0.005
BUSY_TICK_S = 0.1
IDLE_TICK_S = 0.5


@dataclass(slots=True)
class Times:
    """How long the main thread was held, for the tests to judge."""

    ticks: int = 0
    slow_ticks: int = 0
    longest_tick_s: float = 0.0
    """Without landings and starts of rendering, which are Blender's own work for the most part."""
    longest_tick_cpu_s: float = 0.0
    """Without the time in which other programs had the processor, too."""
    longest_landing_s: float = 0.0
    longest_landing_cpu_s: float = 0.0
    longest_render_start_s: float = 0.0
    longest_other_s: float = 0.0
    """Of the other ``steps``: a strip split at its shots, or its pieces' jobs begun."""


@dataclass(slots=True)
class _Watch:
    """Time since the last look, by the clock and of the processor."""

    at_s: float = 0.0
    at_cpu_s: float = 0.0

    def look(self) -> tuple[float, float]:
        before = self.at_s, self.at_cpu_s
        self.at_s, self.at_cpu_s = perf_counter(), thread_time()
        return self.at_s - before[0], self.at_cpu_s - before[1]


times = Times()
steps: list[Callable[[], bool]] = []
"""What else is done in a round, by modules that build on this one; whether there was anything."""


def start() -> None:
    """Have the timer run; it ends when the client thread does."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=BUSY_TICK_S, persistent=True)


def stop() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def turn() -> bool:
    """One round: what the client thread said, and one step of what follows from it."""
    watch = _Watch()
    watch.look()
    changed = link.drain()
    changed |= adoption.step()
    own_s, own_cpu_s = watch.look()
    for step in steps:
        changed |= step()
    times.longest_other_s = max(times.longest_other_s, watch.look()[0])
    rendering = dispatch.step()
    step_s, step_cpu_s = watch.look()
    if rendering:
        times.longest_render_start_s = max(times.longest_render_start_s, step_s)
    else:
        own_s, own_cpu_s = own_s + step_s, own_cpu_s + step_cpu_s
    landed = landing.step()
    step_s, step_cpu_s = watch.look()
    if landed:
        times.longest_landing_s = max(times.longest_landing_s, step_s)
        times.longest_landing_cpu_s = max(times.longest_landing_cpu_s, step_cpu_s)
    else:
        own_s, own_cpu_s = own_s + step_s, own_cpu_s + step_cpu_s
    _note(own_s, own_cpu_s)
    return changed or rendering or landed


def redraw() -> None:
    """Have every Sequencer's sidebar drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _tick() -> float | None:
    try:
        if turn() or link.board.busy:
            redraw()
    except Exception:
        # A raising timer is dropped by Blender and the panel would stand still for ever.
        log.exception("a notice from the server could not be taken in")
        link.board.thread_died()
    if not link.alive:
        return None
    return BUSY_TICK_S if link.board.busy or link.board.connecting else IDLE_TICK_S


def _note(took_s: float, cpu_s: float) -> None:
    times.ticks += 1
    times.slow_ticks += took_s > TICK_LIMIT_S
    times.longest_tick_s = max(times.longest_tick_s, took_s)
    times.longest_tick_cpu_s = max(times.longest_tick_cpu_s, cpu_s)

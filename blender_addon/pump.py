"""The timer on Blender's main thread: takes in what the client thread said, briefly.

``link`` is the add-on's one connection: the bridge, and the board that shows its state.
"""

from __future__ import annotations

import logging
from time import perf_counter, thread_time

import bpy

from . import notices as n
from .board import Board
from .bridge import Bridge
from .connector import connect

log = logging.getLogger(__name__)

TICK_LIMIT_S = 0.005
BUSY_TICK_S = 0.1
IDLE_TICK_S = 0.5


class Link:
    """The bridge to the client thread and what is known through it."""

    def __init__(self) -> None:
        self.board = Board()
        self.longest_tick_s = 0.0
        self.longest_tick_cpu_s = 0.0
        """Without the time in which other programs had the processor."""
        self.slow_ticks = 0
        self.longest_begin_s = 0.0
        self.longest_insert_s = 0.0
        self.ticks = 0
        self._bridge: Bridge | None = None

    @property
    def alive(self) -> bool:
        return self._bridge is not None and self._bridge.alive

    def order(self, order: n.Order) -> None:
        """Hand an order to the client thread, starting it and the timer if need be."""
        if self._bridge is None or not self._bridge.alive:
            self._bridge = Bridge(connect)
        self._bridge.order(order)
        if not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=BUSY_TICK_S, persistent=True)

    def drain(self) -> bool:
        """Take in notices for at most TICK_LIMIT_S; whether there was any."""
        if self._bridge is None:
            return False
        start_s = perf_counter()
        alive = self._bridge.alive  # read first: a thread's last words come before its end
        changed = False
        while (notice := self._bridge.take_notice()) is not None:
            self.board.apply(notice, perf_counter())
            changed = True
            if perf_counter() - start_s > TICK_LIMIT_S / 2:
                return True
        if not alive:
            self._bridge = None
            self.board.thread_died()
            return True
        return changed

    def note_tick(self, took_s: float, cpu_s: float) -> None:
        """Keep the longest tick's times, for the tests to judge."""
        self.ticks += 1
        self.slow_ticks += took_s > TICK_LIMIT_S
        self.longest_tick_s = max(self.longest_tick_s, took_s)
        self.longest_tick_cpu_s = max(self.longest_tick_cpu_s, cpu_s)

    def close(self) -> None:
        """End the client thread and forget all it said."""
        bridge, self._bridge = self._bridge, None
        if bpy.app.timers.is_registered(_tick):
            bpy.app.timers.unregister(_tick)
        if bridge is not None and not bridge.close():
            log.warning("the client thread did not end in time")
        self.board = Board()


link = Link()


def redraw() -> None:
    """Have every Sequencer's sidebar drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _tick() -> float | None:
    start_s, start_cpu_s = perf_counter(), thread_time()
    try:
        changed = link.drain()
        if changed or link.board.busy:
            redraw()
    except Exception:
        # A raising timer is dropped by Blender and the panel would stand still for ever.
        log.exception("a notice from the server could not be taken in")
        link.board.thread_died()
    link.note_tick(perf_counter() - start_s, thread_time() - start_cpu_s)
    if not link.alive:
        return None
    return BUSY_TICK_S if link.board.busy or link.board.connecting else IDLE_TICK_S

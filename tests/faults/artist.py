"""The add-on's client thread and board, as Blender's timer uses them, without Blender."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from foleyline_addon import notices as n
from foleyline_addon import report
from foleyline_addon.board import Board
from foleyline_addon.bridge import Bridge
from foleyline_addon.connector import connect
from foleyline_addon.jobs import Job, State
from foleyline_addon.notebook import Note, Notebook, Place

from foleyline_contract.codec import new_id
from foleyline_contract.messages import Clip, GenerateSettings, Origin

LIMIT_S = 60.0
FPS = 24


class Artist:
    """Generates for strips and reads what the panel says.

    Args:
        folder: for notes and takes.
        address: of the server.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.takes = folder / "foley"
        self.board = Board()
        self.links: list[str] = []
        """What the panel's first row said, each change once."""
        self._bridge = Bridge(connect, Notebook(folder / "notes"))
        self._bridge.order(n.Connect(address))

    def generate(self, clip: Clip, settings: GenerateSettings) -> Job:
        """As the button does."""
        name = new_id()
        place = Place(name, name, clip.path, 1, 1, 1 + round(clip.duration_s * FPS), "Scene")
        note = Note(name, (place,), "film.blend", str(self.takes / f"{name}_{{seed}}"))
        job = Job(note, settings, clip, state=State.WAITING)
        self.board.open(job)
        self._bridge.order(n.Submit(note, clip, settings, Origin("film.blend", name, name)))
        return job

    def until(self, condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Let time pass, as the timer does."""
        end_s = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end_s, f"waited in vain; the panel said {self.links}"
            self.turn()
            time.sleep(0.005)

    def turn(self) -> None:
        while (notice := self._bridge.take_notice()) is not None:
            self.board.apply(notice, time.monotonic())
            text = report.link_text(self.board).text
            if self.links[-1:] != [text]:
                self.links.append(text)

    def close(self) -> None:
        assert self._bridge.close(10)

"""One decoder process as the server sees it: what it can be asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import islice

import numpy as np

from foleyline_contract.messages import Clip, Probed
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.decoder_line import DecoderLine
from foleyline_server.media.framing import (
    TEXT_MAX_BYTES,
    AskCuts,
    AskLook,
    AskProbe,
    Cut,
    Kind,
    Moments,
)
from foleyline_server.media.pictures import Pixels
from foleyline_server.media.shots import MIN_SHOT_S

_MOMENTS = 32
"""Asked for at once. As many again are under way, so that nobody waits for the other."""


class DecoderProcess(DecoderLine):
    """A process that answers one question after the other; used by one thread at a time."""

    def probe(self, path: str, check: Callable[[], None]) -> Probed:
        """What a file shows; as ``frames.probe``."""
        self.ask(AskProbe(path), path, check)
        content = self.expect((Kind.PROBED,), check)[1]
        probed = self.parsed(Probed, content)
        self.at_rest = True
        return probed

    def pictures(
        self,
        clip: Clip,
        spec: PictureSpec,
        times_s: Iterable[Fraction],
        check: Callable[[], None],
    ) -> Iterator[Pixels]:
        """A clip's pictures; as ``frames.iter_pictures``."""
        shape = (spec.height_px, spec.width_px, 3)
        size = spec.height_px * spec.width_px * 3
        self.longest = max(TEXT_MAX_BYTES, size)
        self.ask(AskLook(clip, spec), clip.path, check)
        times, pending, ended = iter(times_s), 0, False
        picture: Pixels | None = None
        while True:
            if not ended and pending <= _MOMENTS:
                moments = Moments(tuple(islice(times, _MOMENTS)))
                self.send(moments)
                pending += len(moments.times_s)
                ended = not moments.times_s
            kind, content = self.expect((Kind.PICTURE, Kind.SAME, Kind.DONE), check)
            if kind == Kind.DONE and ended and not pending:
                self.at_rest = True
                return
            if kind == Kind.PICTURE and len(content) == size:
                picture = np.frombuffer(content, np.uint8).reshape(shape)
            elif kind != Kind.SAME:
                raise self.gave_up("an answer that does not fit")
            if picture is None or not pending:
                raise self.gave_up("a picture that nobody asked for")
            pending -= 1
            yield picture

    def cuts(self, clip: Clip, check: Callable[[], None]) -> Iterator[Fraction]:
        """Where other shots begin within a clip; as ``cuts.find_cuts``."""
        self.ask(AskCuts(clip), clip.path, check)
        last_s = Fraction(0)
        while True:
            # A long film may well be one shot: only signs of progress are waited for.
            kind, content = self.expect((Kind.CUT, Kind.DONE), check, most_s=math.inf)
            if kind == Kind.DONE:
                self.at_rest = True
                return
            cut_s = self.parsed(Cut, content).time_s
            if not last_s + MIN_SHOT_S <= cut_s <= clip.duration_s - MIN_SHOT_S:
                raise self.gave_up("a cut where none can be")
            last_s = cut_s
            yield cut_s

"""Motion over time as pieces of cubic polynomials, and the impacts it causes.

Each quantity that moves (a height, an angle, a position) is a `Track`. A track is exact at any
time, so a scene can be drawn at any rate, and an impact is recorded at the very time at which
the track was built to arrive. Not here: what is drawn from it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import exp


@dataclass(frozen=True, slots=True)
class Impact:
    """A touch: `time_s` seconds from the scene's start, `strength` 0..1, `x` in stage units.

    It is `seen` unless it happens outside the picture.
    """

    time_s: float
    strength: float
    x: float
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Track:
    """A quantity over time: piece `k` starts at `starts[k]` seconds, lasts `lengths[k]` seconds.

    `cubics[k]` holds the coefficients (constant first) of a polynomial in the seconds since the
    piece started. Before the first piece and after the last, the value stays.
    """

    starts: tuple[float, ...]
    lengths: tuple[float, ...]
    cubics: tuple[tuple[float, float, float, float], ...]

    def value(self, time_s: float) -> float:
        """Return the quantity at `time_s`."""
        piece = max(0, bisect_right(self.starts, time_s) - 1)
        since_s = min(max(time_s - self.starts[piece], 0.0), self.lengths[piece])
        a, b, c, d = self.cubics[piece]
        return a + since_s * (b + since_s * (c + since_s * d))

    def raised(self, by: float) -> Track:
        """Return the track with `by` added to its value at all times."""
        cubics = tuple((a + by, b, c, d) for a, b, c, d in self.cubics)
        return Track(self.starts, self.lengths, cubics)


@dataclass(frozen=True, slots=True)
class Sustain:
    """A sound that lasts, from `start_s` for `length_s` seconds.

    `level` (0..1) is how loud it is over scene time, and `rate` how fast what makes it moves, 1
    being usual: it sets an engine's pitch and a scrape's brightness. `x` in stage units.
    """

    start_s: float
    length_s: float
    level: Track
    rate: Track
    x: float


@dataclass(slots=True)
class TrackBuilder:
    """Builds a track piece by piece from `value` at `time_s`, and collects impacts."""

    value: float
    time_s: float = 0.0
    impacts: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    _pieces: list[tuple[float, float, tuple[float, float, float, float]]] = field(
        default_factory=list[tuple[float, float, tuple[float, float, float, float]]]
    )

    def _add(self, length_s: float, b: float, c: float, d: float, to: float) -> None:
        self._pieces.append((self.time_s, length_s, (self.value, b, c, d)))
        self.time_s += length_s
        self.value = to

    def hold(self, length_s: float) -> None:
        """Stay for `length_s` seconds; nothing for none."""
        if length_s > 0:
            self._add(length_s, 0.0, 0.0, 0.0, self.value)

    def throw(self, length_s: float, velocity: float, acceleration: float, to: float) -> None:
        """Fly for `length_s` seconds; `to` is the value where the flight ends."""
        self._add(length_s, velocity, acceleration / 2, 0.0, to)

    def ease(self, length_s: float, to: float) -> None:
        """Move to `to` from rest to rest."""
        way = to - self.value
        self._add(length_s, 0.0, 3 * way / length_s**2, -2 * way / length_s**3, to)

    def speed_up(self, length_s: float, to: float) -> None:
        """Move to `to` from rest, arriving fast (at `2 * way / length_s`)."""
        self._add(length_s, 0.0, (to - self.value) / length_s**2, 0.0, to)

    def slow_down(self, length_s: float, to: float) -> None:
        """Move to `to`, leaving fast and arriving at rest."""
        way = to - self.value
        self._add(length_s, 2 * way / length_s, -way / length_s**2, 0.0, to)

    def impact(self, strength: float) -> None:
        """Note that something is touched right now; `strength` is clipped to 0.02..1."""
        self.impacts.append((self.time_s, min(max(strength, 0.02), 1.0)))

    def track(self) -> Track:
        """Return what was built."""
        if not self._pieces:
            self.hold(1.0)
        starts, lengths, cubics = zip(*self._pieces, strict=True)
        return Track(starts, lengths, cubics)


def struck(strikes: list[tuple[float, float]], *, highest: float) -> Track:
    """Return the height of something that comes down to 0 at each of `strikes`.

    `strikes` holds (time_s, strength) in order of time, the first not before 0.1 s; between two
    the thing rises, at most to `highest`, the higher the stronger the next one is and the more
    time there is.
    """
    built = TrackBuilder(0.5 * highest)
    for time_s, strength in strikes:
        gap_s = time_s - built.time_s
        strike_s = min(0.45 * gap_s, 0.17 - 0.08 * strength)
        rise_s = min(0.5 * gap_s, 0.26)
        peak = highest * (0.35 + 0.65 * strength) * min(1.0, 0.3 + gap_s / 0.6)
        wait_s = gap_s - rise_s - strike_s
        if wait_s > 0.8:
            built.slow_down(rise_s, 0.45 * highest)
            built.hold(wait_s - 0.25)
            built.ease(0.25, peak)
        else:
            built.slow_down(rise_s, peak)
            built.hold(wait_s)
        # The waits must not add up to a touch that is later than its strike.
        built.speed_up(time_s - built.time_s, 0.0)
    built.slow_down(0.3, 0.5 * highest)
    return built.track()


def swell(start_s: float, length_s: float, level: float, *, edge_s: float) -> Track:
    """Return a level that swells from 0 to `level` within `edge_s`, stays, and fades to 0."""
    edge_s = min(edge_s, length_s / 2)
    built = TrackBuilder(0.0)
    built.hold(start_s)
    built.time_s = start_s
    built.ease(edge_s, level)
    built.hold(length_s - 2 * edge_s)
    built.ease(edge_s, 0.0)
    return built.track()


def steady(value: float) -> Track:
    """Return a quantity that never changes."""
    return TrackBuilder(value).track()


def ringing(impacts: tuple[Impact, ...], time_s: float, decay_s: float) -> float:
    """Return how much the latest impact still shakes at `time_s`: its strength, fading, 0..1."""
    latest = bisect_right(impacts, time_s, key=lambda impact: impact.time_s) - 1
    if latest < 0:
        return 0.0
    return impacts[latest].strength * exp(-(time_s - impacts[latest].time_s) / decay_s)

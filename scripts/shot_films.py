"""Films for shots.py: shots put together in ways that are cuts, and in ways that look like cuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from foleyline_training.corpus.scene import make_scene

Pictures = NDArray[np.uint8]
WIDTH, HEIGHT, MARGIN = 320, 180, 1.25
FPS = 24


@dataclass(frozen=True, slots=True)
class Film:
    """Pictures (count, HEIGHT, WIDTH, 3) at ``fps``, and the numbers of those that follow cuts."""

    pictures: Pictures
    cuts: tuple[int, ...] = ()
    fps: int = FPS


class Camera:
    """Makes shots: every call another place."""

    def __init__(self, rng: np.random.Generator, photos: Sequence[Pictures]) -> None:
        self.rng, self._photos = rng, photos

    def shot(self, seconds: float, fps: int = FPS, *, shake: float = 1.0) -> Pictures:
        """A shot with a drifting, slightly shaken camera and some grain."""
        count = round(seconds * fps)
        plate = self._plate()
        drift = self.rng.uniform(-12, 12, 2)
        jitter = np.cumsum(self.rng.normal(0, 0.5 * shake, (count, 2)), axis=0)
        jitter -= np.linspace(0, 1, count)[:, None] * jitter[-1:]
        start = self.rng.uniform(0, 8, 2)
        return np.stack(
            [self._view(plate(n / fps), start + drift * n / fps + jitter[n]) for n in range(count)]
        )

    def pan(self, seconds: float, whip_s: float) -> Pictures:
        """A shot, a pan to another place in ``whip_s`` with its blur, and a shot there."""
        a, b = self.shot(seconds), self.shot(seconds)
        wide = np.concatenate([a[-1], b[0][:, ::-1], b[0]], axis=1)
        count = max(2, round(whip_s * FPS))
        way = (1 - np.cos(np.linspace(0, np.pi, count + 2))) / 2 * 2 * WIDTH
        between: list[Pictures] = []
        for n in range(1, count + 1):
            places = np.linspace(way[n], (way[n] + way[n + 1]) / 2, 8).astype(int)
            seen = [wide[:, min(x, 2 * WIDTH) :][:, :WIDTH] for x in places]
            between.append(np.mean(seen, axis=0).astype(np.uint8))
        return np.concatenate([a, np.stack(between), b])

    def _plate(self) -> Callable[[float], Pictures]:
        size = round(WIDTH * MARGIN), round(HEIGHT * MARGIN)
        if self._photos and self.rng.random() < 0.5:
            photo = self._photos[int(self.rng.integers(len(self._photos)))]
            height, width = photo.shape[:2]
            part = self.rng.uniform(0.35, 0.6)
            y, x = self.rng.uniform(0, 1 - part, 2)
            crop = photo[int(y * height) :, int(x * width) :]
            kept = crop[: int(part * height), : int(part * width)]
            still = np.asarray(cv2.resize(kept, size), np.uint8)
            return lambda _: still
        scene = make_scene(int(self.rng.integers(1 << 30)))
        start_s = self.rng.uniform(0, 2)
        return lambda time_s: scene.draw(start_s + time_s % 6, *size)

    def _view(self, plate: Pictures, place: NDArray[np.float64]) -> Pictures:
        x, y = 20 + place[0], 12 + place[1]
        move = np.array([[1, 0, -x], [0, 1, -y]])
        seen = cv2.warpAffine(
            plate, move, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        return light(seen + self.rng.normal(0, 3, (HEIGHT, WIDTH, 1)))


def light(values: NDArray[Any], gain: float = 1.0, lift: float = 0.0) -> Pictures:
    """Values as pictures, brighter or darker."""
    return np.clip(values * gain + lift, 0, 255).astype(np.uint8)


def cut(*shots: Pictures, fps: int = FPS) -> Film:
    """Shots one after the other."""
    ends = np.cumsum([len(shot) for shot in shots])[:-1]
    return Film(np.concatenate(shots), tuple(map(int, ends)), fps)


def three(camera: Camera) -> list[Pictures]:
    """Three shots of one to two seconds."""
    return [camera.shot(camera.rng.uniform(1, 2)) for _ in range(3)]


def barred(camera: Camera) -> Film:
    """Cuts between the black bars of a wide screen."""
    film = cut(*three(camera))
    film.pictures[:, :23] = film.pictures[:, -23:] = 0
    return film


def graded(gain: float, lift: float) -> Callable[[Camera], Film]:
    """Cuts between shots in another light."""
    return lambda camera: cut(*(light(shot, gain, lift) for shot in three(camera)))


def repeated(times: int) -> Callable[[Camera], Film]:
    """Cuts in a film of fewer pictures a second than its file has."""

    def make(camera: Camera) -> Film:
        return cut(*(np.repeat(shot[::times], times, axis=0) for shot in three(camera)))

    return make


def pulled_down(camera: Camera) -> Film:
    """Film at 24 pictures a second in a file of 60."""
    return cut(
        *(np.repeat(s, [2 + n % 2 for n in range(len(s))], 0) for s in three(camera)), fps=60
    )


def fast(camera: Camera) -> Film:
    """Cuts between shots that are hardly held still."""
    return cut(*(camera.shot(1.5, shake=12) for _ in range(3)))


def flash(frames: int, gain: float = 1.0, lift: float = 120.0) -> Callable[[Camera], Film]:
    """Flashes of some pictures."""

    def make(camera: Camera) -> Film:
        shot = camera.shot(4)
        for start in (30, 60):
            shot[start : start + frames] = light(shot[start : start + frames], gain, lift)
        return Film(shot)

    return make


def strobe(camera: Camera) -> Film:
    """A light that goes on and off, two to twelve times a second."""
    shot, period = camera.shot(4), int(camera.rng.integers(1, 7))
    dark = (np.arange(len(shot)) // period) % 2 == 0
    shot[dark] = light(shot[dark], 0.15)
    return Film(shot)


def switch(camera: Camera) -> Film:
    """A lamp that goes on, and off again."""
    shot = camera.shot(4)
    shot[:30], shot[66:] = light(shot[:30], 0.25), light(shot[66:], 0.25)
    return Film(shot)


def dissolve(seconds: float) -> Callable[[Camera], Film]:
    """One shot passes over to another; no cut that must be found."""

    def make(camera: Camera) -> Film:
        a, b = camera.shot(2.5), camera.shot(2.5)
        count = round(seconds * FPS)
        weight = np.linspace(0, 1, count + 2)[1:-1, None, None, None]
        mixed = light(a[-count:] * (1 - weight) + b[:count] * weight)
        return Film(np.concatenate([a[:-count], mixed, b[count:]]))

    return make


def fade(seconds: float) -> Callable[[Camera], Film]:
    """Out to black and in to another shot."""

    def make(camera: Camera) -> Film:
        a, b = camera.shot(2), camera.shot(2)
        count = round(seconds * FPS)
        weight = np.linspace(1, 0, count)[:, None, None, None]
        a[-count:] = light(a[-count:] * weight)
        b[:count] = light(b[:count] * weight[::-1])
        return Film(np.concatenate([a, b]))

    return make


def passing(camera: Camera) -> Film:
    """Something large and dark goes through the picture in a third of a second."""
    shot = camera.shot(4)
    for start in (30, 62):
        for n in range(10):
            x = round((n - 2) / 6 * WIDTH)
            shot[start + n, :, max(0, x - 120) : max(0, x + 100)] = (30, 35, 45)
    return Film(shot)


def stalled(camera: Camera) -> Film:
    """A quick pan from which half a second is missing."""
    a = camera.pan(1.5, 1.5)
    a[40:50] = a[40]
    return Film(a)


def titled(camera: Camera) -> Film:
    """Words over the picture, once a second."""
    shot = camera.shot(4)
    for start in range(20, 80, 24):
        for picture in shot[start : start + 14]:
            cv2.putText(picture, "FOLEYLINE", (20, 120), 3, 1.6, (255, 255, 255), 3)
    return Film(shot)


KINDS: dict[str, Callable[[Camera], Film]] = {
    "cut": lambda camera: cut(*three(camera)),
    "cut, dark": graded(0.12, 2),
    "cut, fog": graded(0.3, 130),
    "cut, bars": barred,
    "cut, shaken": fast,
    "cut, 12 in 24": repeated(2),
    "cut, 24 in 60": pulled_down,
    "flash of 1": flash(1),
    "flash of 3": flash(3),
    "flash of 8": flash(8),
    "white of 2": flash(2, 0.05, 240),
    "black of 2": flash(2, 0.0, 0),
    "strobe": strobe,
    "lamp": switch,
    "shaken": lambda camera: Film(camera.shot(4, shake=12)),
    "pan 0.15 s": lambda camera: Film(camera.pan(2, 0.15)),
    "pan 0.3 s": lambda camera: Film(camera.pan(2, 0.3)),
    "pan 1 s": lambda camera: Film(camera.pan(2, 1)),
    "stalled pan": stalled,
    "passing by": passing,
    "titles": titled,
    "dissolve 0.25 s": dissolve(0.25),
    "dissolve 1 s": dissolve(1),
    "fade 0.5 s": fade(0.5),
    "fade 1 s": fade(1),
}

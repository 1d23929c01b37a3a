"""What goes wrong between the lens and the file: noise, compression, uneven light, lost frames.

None of it has to do with the contacts. Not here: the style of the picture (`grade`, `brush`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

_BANK = 8
_LONGEST_DROP = 4


@dataclass(frozen=True, slots=True)
class Light:
    """The light changes at `time_s` by the share `change`, and fades back over `decay_s`."""

    time_s: float
    change: float
    decay_s: float


@dataclass(frozen=True, slots=True)
class Defects:
    """Defects of one scene's pictures.

    `noise` is a standard deviation in 0..255, in cells of `grain_px` of 48 px; `monochrome`
    where all colours have the same noise. `flicker` is a share, at random for each frame, and
    `hum` one that goes with `hum_hz`. `lights` are flashes and switches of a lamp. `jpeg` is a
    quality 1..100, 0 for none. `dropped` is the share of source frames that were lost, so that
    the one before lasts longer.
    """

    noise: float = 0.0
    grain_px: int = 1
    monochrome: bool = False
    flicker: float = 0.0
    hum: float = 0.0
    hum_hz: float = 1.0
    lights: tuple[Light, ...] = ()
    jpeg: int = 0
    dropped: float = 0.0
    seed: int = 0

    def gain(self, time_s: float) -> float:
        """Return how bright the light is at `time_s`, 1 as usual."""
        gain = 1 + self.hum * sin(2 * pi * self.hum_hz * time_s)
        for light in self.lights:
            if time_s >= light.time_s:
                gain *= 1 + light.change * exp(-(time_s - light.time_s) / light.decay_s)
        return gain


FLAWLESS = Defects()
"""None."""


class Sensor:
    """Puts a scene's defects on its source frames, the same ones whatever is asked first."""

    def __init__(self, defects: Defects, width: int, height: int) -> None:
        self._defects = defects
        rng = np.random.Generator(np.random.PCG64(defects.seed))
        self._flicker = 1 + defects.flicker * rng.standard_normal(64)
        self._lost = rng.random(512) < defects.dropped
        self._bank = np.empty(0, dtype=np.float32)
        if defects.noise > 0:
            # A large picture has the grain of a small one, so that it survives being made small.
            cell = defects.grain_px * max(1, height // 96)
            shape = (max(1, height // cell), max(1, width // cell), 1 if defects.monochrome else 3)
            grains = rng.standard_normal((_BANK, *shape), dtype=np.float32) * defects.noise
            self._bank = np.stack([_spread(one, width, height) for one in grains])

    def kept(self, frame: int) -> int:
        """Return the number of the source frame that is shown in the place of `frame`."""
        for back in range(_LONGEST_DROP):
            if frame == back or not self._lost[(frame - back) % self._lost.size]:
                return frame - back
        return frame

    def exposed(self, picture: NDArray[np.uint8], frame: int, time_s: float) -> NDArray[np.uint8]:
        """Return RGB uint8 (height, width, 3) of source frame `frame` with its defects."""
        gain = self._defects.gain(time_s) * float(self._flicker[frame % self._flicker.size])
        if self._bank.size:
            noise = self._bank[(frame * 5 + frame // _BANK) % _BANK]
            noisy = picture * np.float32(gain) + noise
            picture = np.clip(noisy, 0, 255).astype(np.uint8)
        elif abs(gain - 1) > 0.004:
            picture = cv2.convertScaleAbs(picture, alpha=max(0.0, gain)).astype(np.uint8)
        if self._defects.jpeg:
            quality = [cv2.IMWRITE_JPEG_QUALITY, self._defects.jpeg]
            packed = cv2.imencode(".jpg", picture, quality)[1]
            picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
        return picture


def _spread(grains: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    large = cv2.resize(grains, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32).reshape(height, width, -1)


def make_defects(rng: np.random.Generator, duration_s: float, *, clean: float) -> Defects:
    """Draw the defects of a scene; a share `clean` has none but a little noise."""
    seed = int(rng.integers(1 << 31))
    if rng.random() < clean:
        return Defects(noise=float(rng.uniform(0, 3)), seed=seed)
    return Defects(
        noise=float(rng.uniform(1, 5) if rng.random() < 0.85 else rng.uniform(5, 10)),
        grain_px=int(rng.choice([1, 1, 2])),
        monochrome=bool(rng.random() < 0.4),
        flicker=float(rng.uniform(0, 0.012) if rng.random() < 0.8 else rng.uniform(0.012, 0.03)),
        hum=float(rng.uniform(0.02, 0.08)) if rng.random() < 0.12 else 0.0,
        hum_hz=float(rng.uniform(0.1, 6.0)),
        lights=_lights(rng, duration_s),
        jpeg=int(rng.integers(45, 91)) if rng.random() < 0.5 else 0,
        dropped=float(rng.uniform(0.03, 0.12)) if rng.random() < 0.12 else 0.0,
        seed=seed,
    )


def _lights(rng: np.random.Generator, duration_s: float) -> tuple[Light, ...]:
    if rng.random() > 0.12:
        return ()
    lasting = rng.random() < 0.4
    return tuple(
        Light(
            float(rng.uniform(0, duration_s)),
            float(rng.uniform(-0.3, 0.35)),
            float(rng.uniform(1.0, 30.0) if lasting else rng.uniform(0.04, 0.4)),
        )
        for _ in range(int(rng.integers(1, 5)))
    )

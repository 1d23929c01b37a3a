"""Inventing looks, in the styles of training or in those that training never has.

Each style takes a look with drawn colours and light, and changes its brush, grade and ground.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import cos, pi, sin

import cv2
import numpy as np

from .brush import NEUTRAL_DARK, Brush, Colour
from .grade import Grade
from .look import Look, Shadow
from .paint import hsv
from .sensor import make_defects


def make_look(rng: np.random.Generator, duration_s: float, *, unseen: bool) -> Look:
    """Draw a look for a scene of `duration_s` seconds; unseen styles are never in training."""
    angle = _between(rng, -pi, 0)
    brush = Brush(
        neutral=_neutral(rng), light=(cos(angle), sin(angle)), seed=int(rng.integers(1 << 31))
    )
    styles = _UNSEEN if unseen else _TRAINING
    shares = np.array([share for share, _ in styles.values()])
    style = list(styles)[int(rng.choice(len(styles), p=shares / shares.sum()))]
    look = styles[style][1](rng, Look(style, brush, _graded(rng)))
    # Drawing three exposures with shadows would take too long.
    blurred = rng.random() < 0.25
    weak = not unseen and rng.random() < 0.3
    return replace(
        look,
        grade=_framed(rng, look.grade),
        flash=_between(rng, 0.1, 0.6) if weak else 0.0,
        shadow=_shadow(rng, angle) if not blurred and rng.random() < 0.4 else None,
        shutter=_between(rng, 0.1, 0.5) if blurred else 0.0,
        defects=make_defects(rng, duration_s, clean=0.35),
    )


def _neutral(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.35:
        return NEUTRAL_DARK
    return hsv(_between(rng, 0, 360), _between(rng, 0, 0.5), _between(rng, 0.08, 0.75))


def _shadow(rng: np.random.Generator, angle: float) -> Shadow:
    depth = _between(rng, 0.15, 0.55)
    if rng.random() < 0.5:
        far = _between(rng, 0.03, 0.12)
        return Shadow(False, -far * cos(angle), -far * sin(angle) * 0.7, depth)
    return Shadow(True, -cos(angle) * _between(rng, 0.3, 1.2), _between(rng, 0.1, 0.3), depth)


def _graded(rng: np.random.Generator) -> Grade:
    """Draw the colours: mostly near the truth, else tinted, black and white, or badly exposed."""
    kind = rng.choice(["true", "tinted", "grey", "harsh"], p=[0.35, 0.37, 0.14, 0.14])
    gamma = float(np.exp(_between(rng, -0.35, 0.35)))
    contrast = _between(rng, 0.75, 1.2)
    saturation = _between(rng, 0.7, 1.3)
    gains, lift, turn = (1.0, 1.0, 1.0), _between(rng, 0.0, 0.08), 0.0
    if kind == "tinted":
        warm = _between(rng, -0.25, 0.25)
        gains = (1 + warm, 1 + _between(rng, -0.12, 0.12), 1 - warm)
        saturation = _between(rng, 0.3, 1.6)
        turn = float(rng.normal(0, 0.3))
    elif kind == "grey":
        saturation = _between(rng, 0.0, 0.12)
        sepia = _between(rng, 0, 0.15) if rng.random() < 0.4 else 0.0
        gains = (1.0, 1 - sepia / 2, 1 - sepia)
    elif kind == "harsh":
        contrast = _between(rng, 0.55, 1.5)
        gamma = float(np.exp(_between(rng, -0.7, 0.5)))
        lift = _between(rng, 0, 0.2)
    return Grade(saturation, turn, gains, lift, gamma, contrast)


def _framed(rng: np.random.Generator, grade: Grade) -> Grade:
    """Add what any style may have: dark corners, a soft lens, bars above and below."""
    return replace(
        grade,
        vignette=_between(rng, 0.15, 0.75) if rng.random() < 0.3 else 0.0,
        blur=max(grade.blur, _between(rng, 0.005, 0.02) if rng.random() < 0.3 else 0.0),
        bars=_between(rng, 0.04, 0.13) if rng.random() < 0.12 else 0.0,
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _drawn(look: Look, **changed: object) -> Look:
    return replace(look, brush=replace(look.brush, **changed))


def _toned(look: Look, **changed: object) -> Look:
    return replace(look, grade=replace(look.grade, **changed))


def _flat(rng: np.random.Generator, look: Look) -> Look:
    del rng
    return look


def _outlined(rng: np.random.Generator, look: Look) -> Look:
    ink = hsv(_between(rng, 0, 360), _between(rng, 0, 0.6), _between(rng, 0, 0.3))
    bands = _between(rng, 0.2, 0.7) if rng.random() < 0.4 else 0.0
    return _drawn(look, ink=ink, ink_width=_between(rng, 0.006, 0.02), bands=bands)


def _shaded(rng: np.random.Generator, look: Look) -> Look:
    return _drawn(look, bands=_between(rng, 0.4, 1.2))


def _photo(rng: np.random.Generator, look: Look) -> Look:
    look = _drawn(look, bands=_between(rng, 0.2, 1.0), texture=_between(rng, 0.4, 1.6))
    return _toned(look, blur=_between(rng, 0.004, 0.014))


def _sketch(rng: np.random.Generator, look: Look) -> Look:
    paper = hsv(_between(rng, 20, 70), _between(rng, 0, 0.15), _between(rng, 0.8, 1))
    amount = _between(rng, 0.3, 0.8)
    return _drawn(
        replace(look, ground=paper, ground_amount=amount),
        tone=paper,
        tone_amount=amount * 0.9,
        ink=hsv(_between(rng, 0, 360), 0.4, _between(rng, 0.1, 0.4)),
        ink_width=_between(rng, 0.006, 0.014),
        wobble=_between(rng, 0.003, 0.011),
    )


def _pixelated(rng: np.random.Generator, look: Look) -> Look:
    levels = int(rng.integers(4, 9)) if rng.random() < 0.6 else 0
    return _toned(look, cells=int(rng.integers(20, 37)), levels=levels)


def _silhouette(rng: np.random.Generator, look: Look) -> Look:
    """Dark figures before a bright ground, their own colours hardly seen."""
    hue = _between(rng, 0, 360)
    dark = hsv(hue, _between(rng, 0, 0.5), _between(rng, 0, 0.25))
    pale = hsv(hue + _between(rng, -60, 60), _between(rng, 0, 0.4), _between(rng, 0.65, 1.0))
    look = replace(look, ground=pale, ground_amount=_between(rng, 0.5, 0.8))
    look = _drawn(look, tone=dark, tone_amount=_between(rng, 0.6, 0.88), neutral=dark)
    return _toned(look, lift=_between(rng, 0, 0.2), contrast=_between(rng, 0.7, 1.1))


def _washed(rng: np.random.Generator, look: Look) -> Look:
    paper = (255, 255, 250)
    look = replace(look, ground=paper, ground_amount=_between(rng, 0.1, 0.5))
    look = _drawn(look, opacity=_between(rng, 0.65, 0.9), tone=paper, tone_amount=0.15)
    return _toned(look, blur=_between(rng, 0.006, 0.018))


def _posterised(rng: np.random.Generator, look: Look) -> Look:
    return _toned(_drawn(look, bands=_between(rng, 0.3, 1.0)), levels=int(rng.integers(4, 8)))


def _thermal(rng: np.random.Generator, look: Look) -> Look:
    maps = (cv2.COLORMAP_INFERNO, cv2.COLORMAP_JET, cv2.COLORMAP_HOT, cv2.COLORMAP_PLASMA)
    look = replace(look, ground=(90, 90, 90), ground_amount=0.5)
    return _toned(
        _drawn(look, bands=0.5),
        effect="thermal",
        palette=int(maps[int(rng.integers(len(maps)))]),
        inverted=bool(rng.random() < 0.5),
        contrast=_between(rng, 1.0, 1.3),
        blur=_between(rng, 0.006, 0.016),
    )


def _woodcut(rng: np.random.Generator, look: Look) -> Look:
    return _toned(
        _drawn(look, bands=0.8, ink=(0, 0, 0), ink_width=0.016),
        effect="woodcut",
        ink=hsv(_between(rng, 0, 360), _between(rng, 0, 0.7), _between(rng, 0, 0.3)),
        paper=hsv(_between(rng, 20, 60), _between(rng, 0, 0.25), _between(rng, 0.8, 1)),
        pitch=_between(rng, 0.05, 0.1),
        contrast=1.2,
        gains=(1.0, 1.0, 1.0),
    )


def _neon(rng: np.random.Generator, look: Look) -> Look:
    night = (4, 2, 10)
    grade = Grade(hue_turn=_between(rng, -pi, pi), effect="glow")
    look = replace(look, ground=night, ground_amount=_between(rng, 0.85, 0.96), grade=grade)
    width = _between(rng, 0.01, 0.018)
    return _drawn(look, tone=night, tone_amount=0.93, own_ink=True, ink_width=width)


def _blueprint(rng: np.random.Generator, look: Look) -> Look:
    sheet = hsv(_between(rng, 195, 235), 0.75, _between(rng, 0.3, 0.6))
    line = (226, 238, 250)
    look = replace(look, ground=sheet, ground_amount=0.85, grade=Grade())
    return _drawn(look, tone=sheet, tone_amount=0.85, ink=line, ink_width=0.012, neutral=line)


_Styles = dict[str, tuple[float, Callable[[np.random.Generator, Look], Look]]]

_TRAINING: _Styles = {
    "flat": (0.15, _flat),
    "outlined": (0.14, _outlined),
    "shaded": (0.15, _shaded),
    "photo": (0.2, _photo),
    "sketch": (0.1, _sketch),
    "pixelated": (0.07, _pixelated),
    "silhouette": (0.06, _silhouette),
    "washed": (0.06, _washed),
    "posterised": (0.07, _posterised),
}
_UNSEEN: _Styles = {
    "thermal": (0.25, _thermal),
    "woodcut": (0.25, _woodcut),
    "neon": (0.25, _neon),
    "blueprint": (0.25, _blueprint),
}
TRAINING_STYLES: tuple[str, ...] = tuple(_TRAINING)
UNSEEN_STYLES: tuple[str, ...] = tuple(_UNSEEN)
"""Never drawn unless asked for, so that what was learned can be measured on them."""

"""Random numbers that depend on nothing but their key: same seed, same take, everywhere.

Philox counts blocks, so it has no state to share; the numbers are shaped here instead of by
NumPy's Generator, whose methods may change between releases.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_LATENT_STREAM = 0
_PHASE_STREAM = 1


def latent_noise(seed: int, shape: tuple[int, ...], window_columns: int) -> Floats:
    """Standard normal numbers for a canvas ``shape``, time last.

    Every stretch of ``window_columns`` has its own key, so that a clip's beginning does not
    change when the clip gets longer.
    """
    columns = shape[-1]
    stretch_shape = (*shape[:-1], window_columns)
    stretches = [
        _normal(_uniform(seed, _LATENT_STREAM, index, 2 * int(np.prod(stretch_shape))))
        for index in range(-(-columns // window_columns))
    ]
    shaped = [stretch.reshape(stretch_shape) for stretch in stretches]
    return np.concatenate(shaped, axis=-1)[..., :columns].astype(np.float32)


def family_noise(
    seed: int, family: int, variation: float, shape: tuple[int, ...], window_columns: int
) -> Floats:
    """The family's latent noise, turned towards that of ``seed``; still standard normal.

    ``variation`` in (0, 1] is the share that is the seed's own, of which the square is its share
    of the power; at 1 nothing of the family is left. The family's own seed is not turned.
    """
    own = latent_noise(seed, shape, window_columns)
    if seed == family:
        return own
    kept = np.float32(sqrt(1 - variation**2))
    mixed = latent_noise(family, shape, window_columns) * kept + own * np.float32(variation)
    return mixed.astype(np.float32, copy=False)


def random_phases(seed: int, block: int, shape: tuple[int, int]) -> Floats:
    """Angles in [0, 2 pi) for a block of the vocoder."""
    uniform = _uniform(seed, _PHASE_STREAM, block, shape[0] * shape[1])
    return (2 * np.pi * uniform).reshape(shape).astype(np.float32)


def _uniform(seed: int, stream: int, index: int, count: int) -> NDArray[np.float64]:
    """``count`` numbers in [0, 1) with 53 random bits each."""
    key = np.array([seed, (stream << 32) | index], dtype=np.uint64)
    raw: NDArray[np.uint64] = np.random.Philox(key=key).random_raw(count)
    return np.multiply(raw >> np.uint64(11), 2.0**-53)


def _normal(uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Box-Muller: half as many normal numbers, cosine branch only."""
    radius, angle = np.split(uniform, 2)
    length: NDArray[np.float64] = np.sqrt(-2.0 * np.log1p(-radius))
    turn: NDArray[np.float64] = np.cos(2 * np.pi * angle)
    return length * turn

import weakref
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from foleyline_contract.specs import FeatureSpec
from foleyline_server.pipeline.features import WindowGrid, encode_windows, window_grid
from foleyline_server.pipeline.windows import plan_windows

SPEC = FeatureSpec(dim=1, per_window=32, margin=9, condition_dim=1)
FPS, COLUMN_S = Fraction(4), Fraction(16, 125)
Pictures = list[np.ndarray]


def look(time_s: Fraction) -> np.ndarray:
    """What there is to see at a moment: no two are alike."""
    return np.full((1, 1, 3), 100 + 100 * np.sin(37.0 * float(time_s)))


def encode(pictures: Pictures) -> np.ndarray:
    """A feature is a sum over the pictures up to ``margin`` away, zeros beyond the ends."""
    means = np.pad(np.stack(pictures).mean((1, 2, 3)), SPEC.margin)
    shifted = [means[k : k + len(pictures)] * (k + 1) for k in range(2 * SPEC.margin + 1)]
    return np.sum(shifted, axis=0)[:, None].astype(np.float32)


def grids_of(duration_s: Fraction) -> list[WindowGrid]:
    plan = plan_windows(duration_s, SPEC.per_window / FPS, 64, COLUMN_S)
    return [window_grid(plan.start_s(n), duration_s, FPS, SPEC) for n in range(plan.count)]


def endless(start_s: Fraction, duration_s: Fraction) -> np.ndarray:
    """A window's features, by encoding all pictures of its grid that the clip has as one."""
    numbers = range(-int(start_s * FPS), 10_000)
    times = [start_s + n / FPS for n in numbers if 0 <= start_s + n / FPS < duration_s]
    before = sum(time < start_s for time in times)
    missing = max(0, SPEC.per_window - (len(times) - before))
    pictures = [look(time) for time in times]
    return encode(pictures + [pictures[-1]] * missing)[before : before + SPEC.per_window]


@pytest.mark.parametrize("duration_s", ["1/4", "8", "8001/1000", "41/4", "30", "599/10"])
def test_a_windows_features_are_those_of_an_endless_chunk(duration_s: str) -> None:
    length_s = Fraction(duration_s)
    grids = grids_of(length_s)
    found = dict(encode_windows(grids, SPEC.per_window, lambda times: map(look, times), encode))
    assert sorted(found) == list(range(len(grids)))
    for number, grid in enumerate(grids):
        wanted = endless(grid.start_s, length_s)
        assert found[number].shape == (32, 1)
        assert found[number] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("pictures", [1, 31, 32, 33, 40])
def test_up_to_forty_pictures_are_one_chunk_as_in_the_released_system(pictures: int) -> None:
    first = grids_of(pictures / FPS)[0]
    assert (first.before, first.count, first.held) == (0, pictures, max(0, 32 - pictures))


def test_no_picture_is_from_before_or_after_the_clip() -> None:
    for tenths in range(3, 400, 7):
        duration_s = Fraction(tenths, 10)
        for grid in grids_of(duration_s):
            times = list(grid.times_s)
            assert times[grid.before] == grid.start_s
            assert times[0] >= 0 and times[-1] < duration_s
            # Whatever a margin lacks, the clip lacks.
            assert grid.before == 9 or times[0] < 1 / FPS
            assert grid.count - grid.before == 41 or times[-1] >= duration_s - 1 / FPS


def test_the_file_is_read_once_forwards_and_pictures_are_let_go() -> None:
    grids = grids_of(Fraction(60))
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def decode(times_s: Iterable[Fraction]) -> Iterator[np.ndarray]:
        nonlocal most
        before_s = Fraction(0)
        for time_s in times_s:
            assert time_s >= before_s
            before_s = time_s
            picture = look(time_s)
            alive.append(weakref.ref(picture))
            most = max(most, sum(ref() is not None for ref in alive))
            yield picture

    assert len(dict(encode_windows(grids, 32, decode, encode))) == len(grids)
    assert len(alive) == sum(grid.count for grid in grids)
    # Three windows with their margins lie over any moment, one of them nearly done.
    assert 50 <= most < 110

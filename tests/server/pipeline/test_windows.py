from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from foleyline_server.pipeline.windows import WindowPlan, plan_windows


@dataclass(frozen=True)
class Kind:
    """A model's window: the picture it sees and the latent it makes."""

    seen_s: Fraction
    columns: int
    column_s: Fraction


OFFICIAL = Kind(Fraction(8), 64, Fraction(16, 125))
MINI = Kind(Fraction(512, 125), 64, Fraction(8, 125))
NARROW = Kind(Fraction(1), 3, Fraction(1, 2))
KINDS = [OFFICIAL, MINI, NARROW]


def plan(kind: Kind, duration_s: Fraction | int | str, **options: Fraction) -> WindowPlan:
    return plan_windows(Fraction(duration_s), kind.seen_s, kind.columns, kind.column_s, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [Fraction(1, 100), Fraction(1, 2), Fraction(1)])
def test_what_one_window_sees_gets_one(kind: Kind, part: Fraction) -> None:
    made = plan(kind, part * kind.seen_s)
    assert made.starts == (0,)
    assert made.canvas().length == kind.columns


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("excess", [Fraction(1, 48000), Fraction(1, 3), Fraction(1), Fraction(9)])
def test_windows_cover_the_clip_and_the_last_starts_no_sooner_than_needed(
    kind: Kind, excess: Fraction
) -> None:
    duration_s = kind.seen_s * (1 + excess)
    made = plan(kind, duration_s)
    seen_until_s = made.start_s(made.count - 1) + kind.seen_s
    assert duration_s <= seen_until_s < duration_s + kind.column_s
    hops = np.diff(made.starts)
    assert made.starts[0] == 0 and (hops > 0).all()
    assert hops.max() * kind.column_s <= kind.seen_s * Fraction(3, 4)


def test_known_plans() -> None:
    assert plan(MINI, Fraction(8, 125) * 113).starts == (0, 48, 49)
    # 46 columns are 5.888 s; a window that saw 6 s would need 46.875 of them.
    assert plan(OFFICIAL, 20).starts == (0, 46, 92, 94)
    assert plan(OFFICIAL, 20).start_s(2) == Fraction("11.776")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("units", [1, 8])
@pytest.mark.parametrize("length", [1, Fraction(9, 8), Fraction(7, 3), 10])
@pytest.mark.parametrize("overlap", [Fraction(1, 4), Fraction(0)])
def test_blending_equal_windows_changes_nothing(kind, units, length, overlap) -> None:
    made = plan(kind, kind.seen_s * length, overlap=overlap)
    canvas = made.canvas(units)
    truth = np.random.default_rng(0).standard_normal((3, canvas.length)).astype(np.float32)
    blended = canvas.blend(1, lambda windows: canvas.cut(truth, windows))
    assert blended == pytest.approx(truth, abs=1e-5)
    assert blended.dtype == np.float32


@pytest.mark.parametrize("per_batch", [2, 3, 100])
def test_batches_of_windows_are_blended_as_single_ones(per_batch: int) -> None:
    canvas = plan(OFFICIAL, 60).canvas()
    parts = np.random.default_rng(1).standard_normal((canvas.plan.count, 2, 64))
    sizes: list[int] = []

    def batch(windows: range) -> np.ndarray:
        sizes.append(len(windows))
        return parts[windows.start : windows.stop].astype(np.float32)

    single = canvas.blend(1, batch)
    sizes.clear()
    assert (canvas.blend(per_batch, batch) == single).all()
    assert sum(sizes) == canvas.plan.count and max(sizes) <= per_batch


def test_a_blend_passes_smoothly_from_window_to_window() -> None:
    canvas = plan(MINI, Fraction(8, 125) * 112).canvas()
    assert canvas.plan.starts == (0, 48)
    blended = canvas.blend(1, lambda windows: np.full((1, 1, 64), windows.start, np.float32))[0]
    assert blended[:48] == pytest.approx(0) and blended[64:] == pytest.approx(1)
    assert (np.diff(blended) >= -1e-6).all() and np.diff(blended).max() < 0.12


@pytest.mark.parametrize("units", [1, 8])
def test_what_lies_past_a_windows_picture_counts_for_nothing(units: int) -> None:
    """Columns 62 and 63 of the official window have their middle at 8.000 s and later."""
    canvas = plan(OFFICIAL, 60).canvas(units)
    last = canvas.plan.count - 1

    def one(windows: range) -> np.ndarray:
        part = np.ones((1, 1, 64 * units), np.float32)
        if windows.start < last:
            part[..., 500 * units // 8 :] = 1e9
        return part

    assert canvas.blend(1, one) == pytest.approx(1, abs=1e-6)


def test_without_overlap_every_column_is_one_windows() -> None:
    canvas = plan(MINI, 4 * MINI.seen_s, overlap=Fraction(0)).canvas(8)
    assert canvas.plan.starts == (0, 64, 128, 192)
    blended = canvas.blend(1, lambda windows: np.full((1, 1, 512), windows.start, np.float32))[0]
    assert blended.tolist() == np.repeat(range(4), 512).tolist()

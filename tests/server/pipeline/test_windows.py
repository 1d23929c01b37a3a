from fractions import Fraction

import numpy as np
import pytest

from foleyline_contract.errors import BundleIncomplete
from foleyline_server.pipeline.windows import plan_windows

RATIOS = [Fraction(1), Fraction(2), Fraction(8)]


@pytest.mark.parametrize("count", [1, 31, 32])
def test_a_short_clip_has_one_padded_window(count: int) -> None:
    plan = plan_windows(count, 32, Fraction(125, 64))
    assert (plan.starts, plan.feature_count) == ((0,), 32)
    assert plan.canvas(Fraction(125, 64)).length(64) == 64


@pytest.mark.parametrize("count", range(33, 300, 7))
def test_windows_cover_the_clip_and_end_with_it(count: int) -> None:
    plan = plan_windows(count, 32, Fraction(1))
    assert plan.feature_count == count
    assert plan.starts[0] == 0
    hops = np.diff(plan.starts)
    assert (hops > 0).all() and (hops <= 24).all()


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("count", [9, 20, 57, 58, 59, 100])
def test_blending_equal_windows_changes_nothing(ratio: Fraction, count: int) -> None:
    canvas = plan_windows(count, 16, ratio).canvas(ratio)
    units = int(16 * ratio)
    truth = np.random.default_rng(0).standard_normal((3, canvas.length(units))).astype(np.float32)
    blended = canvas.blend(units, lambda window: truth[:, canvas.place(window, units)])
    assert blended == pytest.approx(truth, abs=1e-5)
    assert blended.dtype == np.float32


def test_a_blend_passes_smoothly_from_window_to_window() -> None:
    canvas = plan_windows(112, 64, Fraction(1)).canvas(Fraction(1))
    blended = canvas.blend(64, lambda window: np.full((1, 64), window, np.float32))[0]
    assert blended[:48] == pytest.approx(0) and blended[64:] == pytest.approx(1)
    assert (np.diff(blended) >= -1e-6).all() and np.diff(blended).max() < 0.12


def test_latents_that_do_not_follow_the_picture_serve_only_short_clips() -> None:
    with pytest.raises(BundleIncomplete, match="longer than one window"):
        plan_windows(33, 32, Fraction(125, 64))

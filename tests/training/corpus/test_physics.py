import numpy as np
import pytest

from foleyline_training.corpus.physics import STEPS_PER_S, Body, simulate

FLOOR = [((-9.0, 1.0), (9.0, 1.0))]
BOX = ((-0.06, -0.04), (0.06, -0.04), (0.06, 0.04), (-0.06, 0.04))


def test_a_ball_bounces_when_the_formula_says() -> None:
    gravity, kept, drop = 3.0, 0.6, 0.5
    made = simulate([Body(0.1, 0.5, 0.4, kept)], FLOOR, gravity=gravity, duration_s=2.0)
    time_s = (2 * drop / gravity) ** 0.5
    speed = gravity * time_s
    for touch in made.touches[:3]:
        assert touch.time_s == pytest.approx(time_s, abs=0.0025)
        assert touch.speed == pytest.approx(speed * (1 + kept), rel=0.02)
        speed *= kept
        time_s += 2 * speed / gravity


def test_a_fall_arrives_within_two_milliseconds() -> None:
    for drop in (0.1, 0.3, 0.77):
        made = simulate([Body(0.05, 0.0, 0.95 - drop, 0.5)], FLOOR, gravity=4.0, duration_s=1.0)
        assert made.touches[0].time_s == pytest.approx((2 * drop / 4.0) ** 0.5, abs=0.002)


def test_energy_never_grows() -> None:
    rng = np.random.default_rng(3)
    bodies = [
        Body(
            0.07,
            0.3 + 0.2 * k,
            0.3,
            0.7,
            BOX if k % 2 else (),
            angle=float(rng.uniform(0, 6)),
            speed_x=float(rng.uniform(-1, 1)),
        )
        for k in range(5)
    ]
    walls = [*FLOOR, ((0.0, -2.0), (0.0, 1.0)), ((1.5, -2.0), (1.5, 1.0))]
    made = simulate(bodies, walls, gravity=3.0, duration_s=3.0)
    assert np.diff(made.energies).max() < 1e-4 * np.ptp(made.energies)
    assert made.energies[-1] < made.energies[0]


def test_a_body_waits_for_its_release_and_then_falls() -> None:
    made = simulate([Body(0.1, 0.5, 0.4, 0.5, release_s=0.5)], FLOOR, gravity=3.0, duration_s=1.5)
    assert made.pose(0, 0.49)[1] == pytest.approx(0.4)
    assert made.pose(0, 0.7)[1] > 0.42
    assert made.touches[0].time_s == pytest.approx(0.5 + (2 * 0.5 / 3.0) ** 0.5, abs=0.002)


def test_a_resting_stack_is_quiet() -> None:
    stack = [Body(0.08, 0.5, 0.96 - 0.08 * k, 0.2, BOX) for k in range(3)]
    made = simulate(stack, FLOOR, gravity=3.0, duration_s=1.0)
    assert made.touches == ()
    assert np.abs(made.states[-1] - made.states[0]).max() < 0.01


def test_the_second_corner_of_a_tipping_box_is_a_touch() -> None:
    tipped = Body(0.08, 0.5, 0.85, 0.0, BOX, angle=0.6)
    made = simulate([tipped], FLOOR, gravity=3.0, duration_s=1.5)
    assert len([touch for touch in made.touches if touch.speed > 0.2]) >= 2
    assert made.states.shape == (1.5 * STEPS_PER_S + 1, 1, 3)

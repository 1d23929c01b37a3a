import numpy as np
import pytest

from foleyline_training.corpus.rigid.contacts import (
    LEAST_JUMP,
    Jump,
    find_jumps,
    strongest,
)
from foleyline_training.metrics.onset import match

STEP_S = 1 / 250
G = 9.81
UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def bounces(height_m: float, restitution: float) -> tuple[np.ndarray, np.ndarray]:
    """Times of a dropped ball's bounces, and the speeds at which it arrives, for 8 s."""
    speed, when = np.sqrt(2 * G * height_m), np.sqrt(2 * height_m / G)
    times, speeds = [], []
    while when < 8 and speed > 0.02:
        times.append(when)
        speeds.append(speed)
        speed *= restitution
        when += 2 * speed / G
    return np.array(times), np.array(speeds)


def bouncing(height_m: float, restitution: float) -> np.ndarray:
    """Places (steps, 3) of the ball's lowest point, exactly, at rest in the end."""
    since_s = np.arange(2000) * STEP_S
    up = np.maximum(height_m - G * since_s**2 / 2, 0.0)
    times, speeds = bounces(height_m, restitution)
    for when, speed in zip(times, speeds * restitution, strict=True):
        flying = (since_s >= when) & (since_s < when + 2 * speed / G)
        after = since_s[flying] - when
        up[flying] = speed * after - G * after**2 / 2
    return np.stack([0.3 * since_s, np.zeros_like(up), up], 1)


def still(places: np.ndarray) -> np.ndarray:
    return np.broadcast_to(UPRIGHT, (len(places), 4))


def found(places: np.ndarray, **given) -> list[Jump]:
    given = {"gyration": 0.1, "turns": still(places), "step_s": STEP_S} | given
    return find_jumps(places, **given)


@pytest.mark.parametrize("height_m", [0.3, 1.0, 1.8])
@pytest.mark.parametrize("restitution", [0.35, 0.6, 0.8])
def test_every_bounce_of_a_ball_is_found_within_two_steps(height_m, restitution):
    times, speeds = bounces(height_m, restitution)
    loud = times[speeds * (1 + restitution) > LEAST_JUMP * 1.1]
    heard = [jump.time_s for jump in found(bouncing(height_m, restitution)) if jump.size > 1.1]
    assert match(np.array(heard), loud, 0.008).f1 == 1.0


def test_the_jump_is_the_change_of_speed():
    first = found(bouncing(1.0, 0.6))[0]
    assert first.size == pytest.approx(np.sqrt(2 * G) * 1.6, rel=0.05)


def test_a_harder_impact_is_stronger():
    strengths = [jump.strength for jump in found(bouncing(1.8, 0.6))]
    assert strengths == sorted(strengths, reverse=True)
    assert 0 < strengths[-1] < strengths[0] <= 1


def test_rest_with_a_solvers_jitter_is_silent():
    rng = np.random.default_rng(0)
    places = rng.normal(0, 1e-6, (2000, 3))
    assert found(places) == []


def test_a_slide_with_friction_is_silent():
    since_s = np.arange(500) * STEP_S
    way = 3 * since_s - 0.5 * 0.6 * G * since_s**2
    places = np.stack([way, 0 * way, 0 * way], 1)
    assert found(places) == []


def test_a_blow_that_only_turns_is_found():
    since_s = np.arange(500) * STEP_S
    angle = np.maximum(since_s - 1.0, 0) * 20
    turns = np.stack([np.cos(angle / 2), 0 * angle, 0 * angle, np.sin(angle / 2)], 1)
    # A quaternion and its negative are the same turn.
    turns[::2] *= -1
    jumps = found(np.zeros((500, 3)), turns=turns, gyration=0.1, gravity=(0.0, 0.0, 0.0))
    assert [jump.time_s for jump in jumps] == [pytest.approx(1.0, abs=0.008)]
    assert jumps[0].size == pytest.approx(2.0, rel=0.05)


def test_a_hammers_swing_is_silent_and_its_stroke_is_not():
    grid = np.linspace(0, 1, 51)
    down, up = 1 - grid**2, 3 * grid**2 - 2 * grid**3
    height = 0.5 * np.concatenate([np.ones(100), down, up[1:], np.ones(100)])
    places = np.stack([0 * height, 0 * height, height], 1)
    jumps = found(places, gravity=(0.0, 0.0, 0.0))
    assert [jump.time_s for jump in jumps] == [pytest.approx(150 * STEP_S, abs=0.008)]


def test_letting_go_is_no_contact():
    places = bouncing(1.0, 0.6)
    first = found(places)[0].time_s
    assert found(places, from_s=first + 0.02)[0].time_s > first + 0.1


def test_of_close_jumps_the_strongest_stays():
    jumps = [Jump(1.0, 2.0, 0), Jump(1.05, 3.0, 1), Jump(1.16, 2.5, 2), Jump(1.2, 2.9, 3)]
    assert [jump.body for jump in strongest(jumps, 0.12)] == [1, 3]

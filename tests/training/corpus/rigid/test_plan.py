from functools import cache

import numpy as np
import pytest

from foleyline_training.corpus.rigid.bodies import EXTENTS
from foleyline_training.corpus.rigid.plan import Plan, camera_path, make_plan

DURATION_S = 8.192


@cache
def plans(collection: str) -> list[Plan]:
    return [make_plan(seed, collection, DURATION_S) for seed in range(60)]


def loose(collection: str) -> set[str]:
    bodies = [body for plan in plans(collection) for body in plan.bodies]
    return {body.shape for body in bodies if body.release_s is not None}


def test_a_seed_gives_the_same_scene():
    one, two = (make_plan(7, "training", DURATION_S) for _ in range(2))
    assert (one.ground, one.camera, one.acts) == (two.ground, two.camera, two.acts)
    for a, b in zip(one.bodies, two.bodies, strict=True):
        assert np.array_equal(a.places, b.places)


def test_no_loose_thing_of_evaluation_is_trained_on():
    assert not loose("evaluation") & loose("training")


@pytest.mark.parametrize("collection", ["evaluation", "training"])
def test_all_acts_happen(collection):
    acts = {act for plan in plans(collection) for act in plan.acts}
    assert acts == {"drop", "throw", "roll", "tip", "push", "pendulum", "stack", "hammer"}


@pytest.mark.parametrize("collection", ["evaluation", "training"])
def test_keys_move_forward_and_nothing_starts_below_the_floor(collection):
    for plan in plans(collection):
        for body in plan.bodies:
            assert (np.diff(body.times_s) > 0).all()
            assert len(body.times_s) == len(body.places) == len(body.turns)
            assert body.release_s is None or 0 <= body.release_s < DURATION_S
            x, _, z = body.places[0]
            assert z > plan.ground.height(float(x)) - 1e-6
            assert (body.half > 0).all()
            assert body.shape in EXTENTS


def test_a_still_camera_is_still_and_an_orbiting_one_keeps_its_distance():
    times = np.linspace(0, DURATION_S, 20)
    made = plans("training")
    still = next(plan for plan in made if not plan.camera.orbit and not plan.camera.shake)
    eye, looks_at = camera_path(still.camera, still.seed, times, DURATION_S)
    assert np.ptp(eye, axis=0).max() < 1e-9
    assert np.allclose(looks_at, still.camera.target)
    moving = next(plan for plan in made if plan.camera.orbit)
    eye, looks_at = camera_path(moving.camera, moving.seed, times, DURATION_S)
    assert np.ptp(eye, axis=0).max() > 0.02
    assert np.linalg.norm(eye - looks_at, axis=1) == pytest.approx(moving.camera.distance)

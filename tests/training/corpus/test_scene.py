import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foleyline_training.corpus import scene as scene_module
from foleyline_training.corpus.actors.falling import Falling
from foleyline_training.corpus.actors.hitting import Hitting
from foleyline_training.corpus.actors.rolling import Rolling
from foleyline_training.corpus.actors.splashing import Splashing
from foleyline_training.corpus.actors.stepping import Stepping
from foleyline_training.corpus.actors.swinging import Swinging
from foleyline_training.corpus.camera import STAGE_WIDTH, Camera
from foleyline_training.corpus.casting import ACTIONS
from foleyline_training.corpus.look import PLAIN_LOOK
from foleyline_training.corpus.scene import SMALLEST_GAP_S, make_scene
from foleyline_training.corpus.split import Split

SCENES = [make_scene(seed) for seed in range(60)]

DIGEST = """
import hashlib
from foleyline_training.corpus.scene import make_scene
found = hashlib.sha256()
for seed in (3, 4):
    scene = make_scene(seed)
    found.update(repr(scene.contacts).encode())
    found.update(scene.draw(2.5, 64, 36).tobytes())
print(found.hexdigest())
"""


def things(kind: type) -> list:
    seen = [getattr(thing, "actor", thing) for scene in SCENES for thing in scene.things]
    return [thing for thing in seen if isinstance(thing, kind)]


def test_same_seed_gives_same_bytes_in_another_process() -> None:
    found = hashlib.sha256()
    for seed in (3, 4):
        scene = make_scene(seed)
        found.update(repr(scene.contacts).encode())
        found.update(scene.draw(2.5, 64, 36).tobytes())
    path = Path(scene_module.__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", DIGEST],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        env={"PYTHONPATH": str(path), "PYTHONHASHSEED": "5", "SYSTEMROOT": "C:\\Windows"},
    )
    assert told.stdout.strip() == found.hexdigest()


def test_held_out_scenes_are_others() -> None:
    assert make_scene(7).contacts != make_scene(7, split=Split.HELD_OUT).contacts


def test_contacts_are_sorted_apart_and_within_range() -> None:
    for scene in SCENES:
        times = [contact.time_s for contact in scene.contacts]
        assert times == sorted(times)
        assert all(gap >= SMALLEST_GAP_S - 1e-9 for gap in np.diff(times))
        assert all(0 < time_s < scene.duration_s for time_s in times)
        assert all(0 < contact.strength <= 1 for contact in scene.contacts)
        assert all(-0.1 < contact.x < 1.1 for contact in scene.contacts if contact.seen)


def test_scenes_are_as_busy_as_intended() -> None:
    counts = [len(scene.contacts) / scene.duration_s for scene in SCENES]
    assert 0.75 < np.mean(counts) < 1.5
    assert min(counts) == 0
    assert max(counts) > 2.2


def test_every_action_and_material_occurs() -> None:
    assert {action for scene in SCENES for action in scene.actions} - {"off_screen"} == set(ACTIONS)
    assert len({c.material for scene in SCENES for c in scene.contacts}) == 12


@pytest.mark.parametrize(
    ("kind", "gap"),
    [
        (Falling, lambda thing, at: thing.height.value(at)),
        (Hitting, lambda thing, at: thing.lift.value(at)),
        (Swinging, lambda thing, at: thing.swing.value(at)),
        (
            Rolling,
            lambda thing, at: min(
                thing.x.value(at) - thing.radius - thing.near,
                thing.far - thing.radius - thing.x.value(at),
            ),
        ),
        (Stepping, lambda thing, at: min(height.value(at) for height in thing.height)),
    ],
)
def test_things_touch_exactly_at_their_impacts(kind: type, gap) -> None:
    found = things(kind)
    assert found
    for thing in found:
        for impact in thing.impacts:
            assert gap(thing, impact.time_s) == pytest.approx(0.0, abs=1e-9)
            if kind is not Stepping:
                assert gap(thing, impact.time_s - 0.03) > 1e-3


def test_drops_touch_the_water_exactly_at_their_impacts() -> None:
    for thing in things(Splashing):
        for release_s, impact in zip(thing.releases, thing.impacts, strict=True):
            fallen = thing.gravity * (impact.time_s - release_s) ** 2 / 2
            assert thing.tap + 2 * thing.radius + fallen == pytest.approx(thing.surface, abs=1e-9)


def test_drawn_ball_reaches_the_floor_at_the_contact() -> None:
    ball = next(thing for thing in things(Falling) if thing.table == 0 and thing.impacts)
    scene = replace(SCENES[0], things=(ball,), look=PLAIN_LOOK, camera=Camera())
    width, height = 640, 360
    impact = ball.impacts[0]
    column, floor_y = int(impact.x / STAGE_WIDTH * width), int(ball.floor * height)
    change = np.abs(
        scene.draw(impact.time_s, width, height).astype(int)
        - scene.draw(impact.time_s - 0.15, width, height)
    )
    # Just above the floor the ball's edge is there at the contact and was not before it.
    assert change[floor_y - 4, column - 1 : column + 2].mean() > 15


def test_draw_gives_the_asked_size() -> None:
    for width, height in ((48, 48), (33, 20), (1280, 720)):
        picture = SCENES[1].draw(1.0, width, height)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8

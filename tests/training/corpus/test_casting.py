import numpy as np
import pytest

from foleyline_training.corpus import casting
from foleyline_training.corpus.actors.keying import Keying
from foleyline_training.corpus.actors.near_misses import NEAR_MISSES, make_near_miss
from foleyline_training.corpus.actors.place import Distant, Place
from foleyline_training.corpus.actors.tumbling import tumbled
from foleyline_training.corpus.camera import Camera
from foleyline_training.corpus.canvas import Canvas
from foleyline_training.corpus.casting import ACTIONS, UNSEEN_ACTIONS, make_cast
from foleyline_training.corpus.materials import MATERIALS
from foleyline_training.corpus.paint import mix_paint
from foleyline_training.corpus.physics import Body
from foleyline_training.corpus.split import Split

PLACE = Place(0.3, 1.45, 0.85, 1.0, 4.0)
MAKERS = {**casting._ACTIONS, **{name: make for name, (_, make) in casting._RESERVED.items()}}
SUSTAINED = {"scrape", "whoosh", "rev", "pour"}


def material_for(action: str):
    named = casting._RESERVED.get(action, ((), None))[0]
    return next(m for m in MATERIALS if action in m.actions or m.name in named)


def made(action: str, seed: int):
    rng = np.random.default_rng(seed)
    material = material_for(action)
    return MAKERS[action](rng, PLACE, material, mix_paint(rng, material))


def drawn(actor, time_s: float) -> np.ndarray:
    image = np.full((72, 128, 3), 128, dtype=np.uint8)
    actor.draw(Canvas(image, Camera().view(0.0)), time_s)
    return image


@pytest.mark.parametrize("action", [*ACTIONS, *UNSEEN_ACTIONS])
def test_every_action_moves_and_sounds(action: str) -> None:
    actor = made(action, 5)
    times = [one.time_s for one in actor.impacts]
    assert times == sorted(times)
    assert all(0 < one.strength <= 1 for one in actor.impacts)
    assert bool(actor.sustains) == (action in SUSTAINED)
    assert bool(actor.impacts) == (action not in SUSTAINED)
    moments = [drawn(actor, time_s) for time_s in np.arange(0.0, 4.0, 0.2)]
    assert any(not np.array_equal(moments[0], moment) for moment in moments)


@pytest.mark.parametrize("action", sorted(SUSTAINED))
def test_lasting_sounds_begin_and_end_softly(action: str) -> None:
    for sustain in made(action, 2).sustains:
        end_s = sustain.start_s + sustain.length_s
        assert sustain.level.value(sustain.start_s) == pytest.approx(0, abs=1e-6)
        assert sustain.level.value(end_s) == pytest.approx(0, abs=1e-6)
        inside = np.linspace(sustain.start_s, end_s, 40)
        levels = [sustain.level.value(float(time_s)) for time_s in inside]
        assert 0.05 < max(levels) <= 1
        assert min(levels) >= -1e-9
        assert all(0.3 <= sustain.rate.value(float(time_s)) <= 2.5 for time_s in inside)


def test_actions_of_the_unseen_split_are_never_trained() -> None:
    rng = np.random.default_rng(1)
    roles = {split: [] for split in Split}
    for split in Split:
        for _ in range(40):
            roles[split] += [role.action for role in make_cast(rng, split, 0.85, 0.6).roles]
    assert not set(roles[Split.TRAINING] + roles[Split.HELD_OUT]) & set(UNSEEN_ACTIONS)
    unseen = roles[Split.UNSEEN]
    assert sum(action in UNSEEN_ACTIONS for action in unseen) > 0.3 * len(unseen)
    assert "off_screen" not in unseen + roles[Split.HELD_OUT]


def edges(actor, time_s: float, column: float) -> tuple[int, int]:
    """First and last row, of 720, that the actor paints in the column at stage x `column`."""
    image = np.full((720, 1280, 3), 255, dtype=np.uint8)
    actor.draw(Canvas(image, Camera().view(0.0)), time_s)
    strip = image[:, round(column * 720)].astype(int)
    rows = np.flatnonzero(np.abs(strip - 255).max(axis=1) > 60)
    return int(rows[0]), int(rows[-1])


def test_a_thrown_ball_is_drawn_on_the_floor_when_it_sounds() -> None:
    ball = Body(0.1, 0.8, 0.3, 0.6)
    floor = ((-9.0, PLACE.floor), (9.0, PLACE.floor))
    paint = mix_paint(np.random.default_rng(0), material_for("scatter"))
    actor = tumbled(PLACE, paint, [ball], [floor], [], gravity=3.0)
    for impact in actor.impacts[:3]:
        assert edges(actor, impact.time_s, 0.8)[1] == pytest.approx(PLACE.floor * 720, abs=3)
        assert edges(actor, impact.time_s - 0.08, 0.8)[1] < PLACE.floor * 720 - 5


@pytest.mark.parametrize("seed", range(3))
def test_a_finger_has_pressed_its_key_down_when_it_clicks(seed: int) -> None:
    actor = next(one for k in range(20) if isinstance(one := made("type", 20 * seed + k), Keying))
    for impact in actor.impacts:
        which = min(range(len(actor.keys)), key=lambda k: abs(actor.keys[k] - impact.x))
        assert actor.heights[which].value(impact.time_s) == pytest.approx(0, abs=1e-9)
        assert actor.heights[which].value(impact.time_s - 0.04) > 0.005


@pytest.mark.parametrize("seed", range(3))
def test_a_stick_is_on_the_drum_when_it_sounds(seed: int) -> None:
    actor = made("drum", seed)
    for impact in actor.impacts:
        lifts = [lift.value(impact.time_s) for lift in actor.lifts]
        before = [lift.value(impact.time_s - 0.03) for lift in actor.lifts]
        assert min(lifts) == pytest.approx(0, abs=1e-9)
        assert before[lifts.index(min(lifts))] > 0.02


@pytest.mark.parametrize("seed", range(4))
def test_a_vessel_is_whole_until_it_touches_and_in_pieces_after(seed: int) -> None:
    actor = made("break", seed)
    for (_, breaks_s, _), impact in zip(actor.wholes, actor.impacts, strict=True):
        assert breaks_s == pytest.approx(impact.time_s)
        gap = actor.hammer or actor.height
        assert gap.value(impact.time_s) == pytest.approx(0, abs=1e-9)
        assert gap.value(impact.time_s - 0.03) > 0.01
        before, after = drawn(actor, breaks_s - 1e-4), drawn(actor, breaks_s + 1e-4)
        assert np.abs(before.astype(int) - after).max() > 20


def test_a_distant_actor_is_small_and_stands_on_its_floor() -> None:
    ball = Body(0.2, 0.8, 0.65, 0.5)
    paint = mix_paint(np.random.default_rng(0), material_for("scatter"))
    near = tumbled(PLACE, paint, [ball], [((-9.0, 0.85), (9.0, 0.85))], [], gravity=3.0)
    top, bottom = edges(Distant(near, 0.5, 0.8, 0.85, 0.9), 0.0, 0.8)
    assert bottom == pytest.approx(0.9 * 720, abs=3)
    assert bottom - top == pytest.approx(0.2 * 720, abs=4)


@pytest.mark.parametrize("action", NEAR_MISSES)
def test_near_misses_stay_silent(action: str) -> None:
    rng = np.random.default_rng(4)
    material = material_for(action)
    actor = make_near_miss(rng, PLACE, material, action, mix_paint(rng, material))
    assert actor is None or (actor.impacts == () and actor.sustains == ())

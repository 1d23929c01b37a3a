import json
import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest
from foleyline_addon import take_facts as tf

from foleyline_contract.messages import Clip

CLIP = Clip("/shot.mp4", Fraction(1, 3), Fraction(2), Fraction(1))
SOURCE = {"source_id": "abc", "source_strip": "shot.mp4", "source_path": "//shot.mp4"}


@dataclass(frozen=True)
class Take:
    take: int = 0
    takes: int = 2
    seed: int = 7
    peak_dbfs: float = -3.0
    log_p_aligned: float | None = -0.25
    loudness_lufs: float | None = -20.0
    flags: tuple[str, ...] = ()
    provenance: dict = field(default_factory=lambda: {"bundle": "ball"})
    path: Path = Path("/take.wav")


def record(take=None, **settings):
    return tf.record_of(
        take or Take(), number=3, job_id="job", clip=CLIP, settings=settings, source=SOURCE
    )


def facts(number=1, log_p=-0.25, lufs=-20.0, **more):
    return {"number": number, "log_p_aligned": log_p, "loudness_lufs": lufs, **more}


def test_record_holds_what_blender_can_store():
    made = record(Take(flags=("near_silent", "rerolled")), steps=25, seed_family=None)
    assert all(isinstance(value, str | int | float) for value in made.values())
    assert "seed_family" not in made
    assert made["start_s"] == "1/3"
    assert made["take"] == 1
    assert json.loads(made["provenance"]) == {"bundle": "ball"}
    assert tf.flags_of(made) == ("near_silent", "rerolled")


def test_measured_and_wanted_loudness_are_kept_apart():
    made = record(Take(loudness_lufs=-22.9), loudness_lufs=-23.0)
    assert made["loudness_lufs"] == -22.9
    assert tf.settings_of(made)["loudness_lufs"] == -23.0


def test_settings_go_round():
    settings = {
        "bundle": "ball", "quality": "best", "steps": 50, "cfg_scale": 4.5, "align_scale": 50.0,
        "sampler": "ddim", "vocoder": "v", "seed_family": 5, "variation": 0.25,
    }  # fmt: skip
    left_open = {"loudness_lufs": None, "palette": None}
    assert tf.settings_of(record(**settings)) == settings | {"seed": 7} | left_open


@pytest.mark.parametrize(
    ("palette", "asked", "row"),
    [
        ("footstep_loose", "footstep_loose", ("Sound", "Footsteps, loose")),
        ("", None, ("Sound", "Auto")),
        (None, None, None),
    ],
)
def test_a_takes_sound_is_shown_and_made_again(palette, asked, row):
    """Also that none was asked for: the panel may ask for another by now."""
    made = record(bundle="ball", palette=palette)
    assert tf.settings_of(made)["palette"] == asked
    assert [found for found in tf.detail_rows(made) if found[0] == "Sound"] == [row] * bool(row)


def test_family_of_a_variation_is_its_own_family():
    assert tf.family_of(record()) == 7
    assert tf.family_of(record(seed_family=5)) == 5


@pytest.mark.parametrize(
    ("log_p", "percent"),
    [(0.0, 100), (math.log(0.87), 87), (-50.0, 0), (None, None), (0.1, None), (math.nan, None)],
)
def test_sync_is_the_geometric_mean_of_probabilities(log_p, percent):
    assert tf.sync_percent({"log_p_aligned": log_p}) == percent


def test_best_in_sync_comes_first_and_nearly_silent_last():
    takes = [
        facts(1, -0.01, None, flags="near_silent"),
        facts(2, None),
        facts(3, -0.5),
        facts(4, -0.1),
        facts(5, -0.1, -10.0),
    ]
    assert [take["number"] for take in sorted(takes, key=tf.rank_key)] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("heard", "takes_over"),
    [
        ([], True),
        ([facts()], True),
        ([facts(), facts(star=True)], False),
        ([facts(kept=True)], False),
        ([facts(star=False)], True),
    ],
)
def test_new_takes_are_heard_unless_one_was_chosen(heard, takes_over):
    assert tf.new_is_heard(facts(9, job_id="new"), heard) is takes_over


def test_nearly_silent_take_silences_only_its_like():
    silent = facts(9, job_id="new", flags="near_silent")
    assert not tf.new_is_heard(silent, [facts()])
    assert tf.new_is_heard(silent, [facts(flags="near_silent")])


def test_within_a_job_the_better_is_heard():
    good, bad = facts(1, -0.1, job_id="a"), facts(2, -0.9, job_id="a")
    assert tf.new_is_heard(good, [bad])
    assert not tf.new_is_heard(bad, [good])


@pytest.mark.parametrize(
    ("take", "pictures", "held_by"),
    [
        ((2, 0, 50), [(3, 0, 50)], [0]),
        ((2, 0, 50), [(3, 0, 20), (3, 20, 50)], [0, 1]),  # split, the take whole
        ((2, 0, 20), [(3, 0, 20), (3, 20, 50)], [0]),  # split along
        ((2, 100, 150), [(3, 0, 50), (3, 100, 150)], [1]),  # duplicated elsewhere
        ((6, 0, 50), [(3, 0, 50), (7, 0, 50)], [1]),  # duplicated above
        ((2, 60, 80), [(3, 0, 50), (3, 200, 250)], [0]),  # dragged away
        ((2, 0, 50), [], []),
    ],
)
def test_a_take_belongs_where_it_sounds(take, pictures, held_by):
    assert tf.holders(tf.Span(*take), [tf.Span(*p) for p in pictures]) == held_by


def test_names_fit_blender_whatever_the_strip_is_called():
    assert tf.strip_name("shot.mp4", 2) == "shot take 2"
    assert tf.strip_name("shot.mp4.001", 2) == "shot_001 take 2"
    long = tf.strip_name("Ü" * 60, 12)
    assert len(long.encode()) <= 63
    assert long.endswith("Ü take 12")


def test_takes_of_the_first_version_are_understood():
    old = {"seed": 5, "take": 2, "takes": 3, "log_p_aligned": -0.2}
    assert tf.number_of(old) == 2
    assert tf.identity(old) == ("", 2, 5)
    assert tf.loudness_text(old) == ""
    assert tf.flag_texts(old) == []


def test_words():
    assert tf.sync_text({"log_p_aligned": math.log(0.5)}) == "Sync 50 %"
    assert tf.sync_text({}) == "Sync not measured"
    assert tf.loudness_text({"loudness_lufs": -23.14}) == "-23.1 LUFS"
    assert tf.flag_texts({"flags": "near_silent new"}) == ["Nearly silent", "new"]
    rows = dict(tf.detail_rows({"seed": 7, "cfg_scale": 4.5, "bundle": ""}))
    assert rows == {"Seed": "7", "Guidance": "4.5"}

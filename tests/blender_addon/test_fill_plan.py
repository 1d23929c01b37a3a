from dataclasses import replace
from fractions import Fraction

from foleyline_addon import fill_plan
from foleyline_addon.fill_plan import Cut, Options
from session import BUNDLE

from foleyline_contract.messages import Clip

CUTS = [
    Cut("a", Fraction(4), picture="x"),
    Cut("b", Fraction(4), picture="x"),
    Cut("c", Fraction(2)),
    Cut("d", Fraction(9), muted=True, picture="y"),
    Cut("e", Fraction(9), has_takes=True, picture="z"),
    Cut("f", Fraction(1, 4), picture="w"),
    Cut("g", Fraction(9), refusal="The strip 'g' has lost its scene."),
]


def test_cuts_are_chosen_and_the_others_say_why():
    made = fill_plan.plan(CUTS, Options(least_s=0.5))
    assert made.chosen == [0, 1, 2]
    assert made.skipped == [
        ("d", "muted"),
        ("e", "has takes already"),
        ("f", "shorter than 0.5 s"),
        ("g", "The strip 'g' has lost its scene."),
    ]
    all_but_g = fill_plan.plan(CUTS, Options(unscored_only=False, skip_muted=False))
    assert all_but_g.chosen == [0, 1, 2, 3, 4, 5]


def test_a_cut_that_is_being_filled_is_left_alone():
    cut = Cut("a", Fraction(4), is_coming=True)
    assert fill_plan.plan([cut], Options()).skipped == [("a", "is being filled already")]
    assert fill_plan.plan([cut], Options(unscored_only=False)).chosen == [0]


def test_the_same_picture_is_work_once():
    made = fill_plan.plan(CUTS[:3], Options())
    assert (made.duration_s, made.work_s) == (10, 6)
    assert (made.rendered, made.shared) == (1, 1)
    two_rendered = fill_plan.plan([CUTS[2], CUTS[2]], Options())
    assert (two_rendered.work_s, two_rendered.shared) == (4, 0)


def test_the_estimate_is_what_the_server_measured():
    made = fill_plan.plan(CUTS[:2], Options())  # 4 s of picture at 0.2 s a second

    def estimate(bundle=BUNDLE, takes=1, quality="standard", steps=25):
        return fill_plan.estimate_s(made, bundle, takes=takes, quality=quality, steps=steps)

    assert estimate() == 0.8
    assert estimate(takes=3, quality="best") == 0.8 * 6
    assert estimate(quality=None, steps=5) == 0.16
    assert estimate(replace(BUNDLE, speed=None)) is None
    assert estimate(None) is None


def test_the_preview_in_words():
    made = fill_plan.plan(CUTS, Options(least_s=0.5))
    assert fill_plan.summary(made, 200.0, 2) == [
        "3 cuts, 10 s of sound, 2 takes each",
        "About 3 min, and the time to render",
        "1 is rendered first",
        "1 shows the picture of another and shares its takes",
    ]
    unknown = fill_plan.summary(made, None, 1)[1]
    assert unknown == "Time unknown: the server has not measured this model yet"
    nothing = fill_plan.plan([CUTS[3]], Options())
    assert fill_plan.summary(nothing, None, 1) == ["Nothing to fill"]


def test_long_movies_are_to_be_split():
    clip = Clip("/m.mp4", Fraction(0), Fraction(11))
    cuts = [Cut("a", Fraction(11), picture="a", clip=clip), Cut("b", Fraction(11), picture="b"),
            Cut("c", Fraction(10), picture="c", clip=clip)]  # fmt: skip
    made = fill_plan.plan(cuts, Options(split_longer_s=10))
    assert (made.chosen, made.long) == ([0, 1, 2], [0])
    assert "1 long cut is split at its shots first" in fill_plan.summary(made, None, 1)
    assert fill_plan.plan(cuts, Options()).long == []


def test_strips_are_split_where_the_new_shot_is_first_seen():
    fps = Fraction(25)
    cuts_s = [Fraction(2), Fraction(3001, 1000), Fraction(81, 20), Fraction(10)]
    assert fill_plan.split_frames(101, 351, fps, cuts_s) == [151, 176, 203]
    assert fill_plan.split_frames(101, 151, fps, cuts_s) == []

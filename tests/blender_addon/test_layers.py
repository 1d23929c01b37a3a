import pytest
from foleyline_addon.layers import Layer, picture_of


def layer(name, kind="MOVIE", channel=2, first_frame=0, end_frame=100, **more):
    return Layer(name, kind, channel, first_frame, end_frame, **more)


OWN = layer("own")


def picture(*others, name="own"):
    return picture_of(name, [OWN, *others])


def test_alone():
    found = picture(layer("hiding", channel=5), layer("behind", channel=1))
    assert (found.shown, found.changed_by) == (("own",), None)


@pytest.mark.parametrize("kind", ["TEXT", "ADJUSTMENT"])
def test_what_lies_on_top_belongs_to_it(kind):
    found = picture(layer("top", kind, channel=3))
    assert (found.shown, found.changed_by) == (("own", "top"), "top")


@pytest.mark.parametrize(
    "changes",
    [{"channel": 1}, {"first_frame": 100, "end_frame": 140}, {"muted": True}],
)
def test_titles_below_elsewhere_or_muted_do_not(changes):
    found = picture(layer("top", "TEXT", **{"channel": 3, **changes}))
    assert (found.shown, found.changed_by) == (("own",), None)


def test_a_grade_is_drawn_but_changes_little():
    found = picture(layer("grade", "ADJUSTMENT", channel=3, changes_little=True))
    assert (found.shown, found.changed_by) == (("own", "grade"), None)


def test_effects_that_use_it_and_effects_that_use_those():
    cross = layer("cross", "CROSS", channel=4, first_frame=90, inputs=("own", "next"))
    glow = layer("glow", "GLOW", channel=5, first_frame=90, inputs=("cross",))
    found = picture(layer("next", channel=3, first_frame=90), cross, glow)
    assert (found.shown, found.changed_by) == (("own", "cross", "glow"), "cross")


def test_effects_of_other_strips_are_left_out():
    other = layer("other", channel=5)
    found = picture(other, layer("blur", "GAUSSIAN_BLUR", channel=6, inputs=("other",)))
    assert found.shown == ("own",)


def test_an_effect_of_a_title_on_top_stays():
    title = layer("title", "TEXT", channel=3)
    found = picture(title, layer("glow", "GLOW", channel=4, inputs=("title",)))
    assert found.shown == ("own", "glow", "title")


def test_a_title_mixed_with_another_movie_brings_no_movie():
    title = layer("title", "TEXT", channel=3)
    mixed = layer("mixed", "ADD", channel=6, inputs=("title", "other"))
    assert picture(title, layer("other", channel=5), mixed).shown == ("own", "title")


@pytest.mark.parametrize("kind", ["ADJUSTMENT", "MULTICAM"])
def test_a_strip_without_picture_shows_what_is_below(kind):
    found = picture(layer("grade", kind, channel=4), layer("high", channel=5), name="grade")
    assert (found.shown, found.changed_by) == (("grade", "own"), None)


def test_sounds_are_never_seen():
    adjustment = layer("all", "ADJUSTMENT", channel=4)
    found = picture(adjustment, layer("sound", "SOUND", channel=1), name="all")
    assert found.shown == ("all", "own")

from types import SimpleNamespace

import pytest
from foleyline_addon.looks import why_changed, why_faint

FRAME_PX = (1920, 1080)


def strip(scale=1.0, source=(1920, 1080), offset=(0, 0), origin=(0.5, 0.5), **changes):
    looks = {
        "use_flip_x": False,
        "use_flip_y": False,
        "crop": SimpleNamespace(min_x=0, max_x=0, min_y=0, max_y=0),
        "transform": SimpleNamespace(
            rotation=0.0, scale_x=scale, scale_y=scale, offset_x=offset[0], offset_y=offset[1],
            origin=origin,
        ),
        "modifiers": (),
        "elements": (SimpleNamespace(orig_width=source[0], orig_height=source[1]),),
        "blend_alpha": 1.0,
    }  # fmt: skip
    return SimpleNamespace(**(looks | changes))


def modifier(kind, mute=False):
    return SimpleNamespace(type=kind, name=kind.title(), mute=mute)


@pytest.mark.parametrize(
    "looks",
    [
        strip(),
        strip(scale=0.5, source=(3840, 2160)),
        strip(scale=0.28125, source=(3840, 3840)),  # fitted: bars at its sides
        strip(scale=0.5, offset=(480, 270)),
        strip(scale=0.5, offset=(-480, 0), origin=(0.5, 1.0), source=(1920, 540)),
        strip(source=(0, 0)),
        strip(modifiers=(modifier("CURVES"), modifier("MASK", mute=True))),
    ],
)
def test_all_of_it_is_seen(looks):
    assert why_changed(looks, FRAME_PX, animated=False) is None


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        (strip(use_flip_y=True), "is mirrored"),
        (strip(crop=SimpleNamespace(min_x=0, max_x=0, min_y=4, max_y=0)), "is cropped"),
        (strip(scale=1.1), "reaches beyond the frame"),
        (strip(scale=-1.1), "reaches beyond the frame"),
        (strip(offset=(0, 100)), "reaches beyond the frame"),
        (strip(scale=0.5, origin=(0.0, 0.5), offset=(1000, 0)), "reaches beyond the frame"),
        (strip(scale=0.5, source=(3840, 3840)), "reaches beyond the frame"),
        (strip(modifiers=(modifier("MASK"),)), "has the modifier Mask"),
        (strip(modifiers=(modifier("CURVES"), modifier("COMPOSITOR"))), "has the modifier Comp"),
    ],
)
def test_a_part_is_not_seen(looks, why):
    assert (why_changed(looks, FRAME_PX, animated=False) or "").startswith(why)


def test_what_moves_may_hide_something():
    assert why_changed(strip(), FRAME_PX, animated=True) == "is animated"


def test_rotation():
    turned = strip()
    turned.transform.rotation = 0.1
    assert why_changed(turned, FRAME_PX, animated=False) == "is rotated"


def test_faint():
    assert why_faint(strip(blend_alpha=0.4)) == "is transparent"
    assert why_faint(strip()) is None

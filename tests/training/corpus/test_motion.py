import pytest

from foleyline_training.corpus.motion import Impact, TrackBuilder, ringing


def test_pieces_join_without_a_jump() -> None:
    built = TrackBuilder(1.0)
    built.hold(0.5)
    built.speed_up(0.3, 0.0)
    built.impact(0.7)
    built.throw(0.4, 1.0, -5.0, 0.0)
    built.slow_down(0.2, 0.3)
    built.ease(0.6, -0.2)
    track = built.track()
    for start in track.starts[1:]:
        assert track.value(start - 1e-9) == pytest.approx(track.value(start), abs=1e-6)
    assert built.impacts == [(pytest.approx(0.8), 0.7)]
    assert track.value(0.8) == pytest.approx(0.0, abs=1e-12)
    assert track.value(99.0) == pytest.approx(-0.2)


def test_empty_pieces_are_left_out() -> None:
    built = TrackBuilder(2.0)
    built.hold(0.0)
    assert built.track().value(5.0) == 2.0


def test_ringing_fades_after_the_latest_impact() -> None:
    impacts = (Impact(1.0, 0.5, 0.0), Impact(2.0, 1.0, 0.0))
    assert ringing(impacts, 0.9, 0.1) == 0.0
    assert ringing(impacts, 1.0, 0.1) == 0.5
    assert ringing(impacts, 2.1, 0.1) == pytest.approx(0.3679, abs=1e-3)

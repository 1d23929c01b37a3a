from dataclasses import replace

import numpy as np
import pytest

from foleyline_training.corpus.sensor import FLAWLESS, Defects, Light, Sensor, make_defects

PICTURE = np.full((48, 48, 3), 120, dtype=np.uint8)


def exposed(defects: Defects, frame: int = 0, time_s: float = 0.0) -> np.ndarray:
    return Sensor(defects, 48, 48).exposed(PICTURE, frame, time_s)


def test_flawless_pictures_stay_as_they_are() -> None:
    sensor = Sensor(FLAWLESS, 48, 48)
    assert (sensor.exposed(PICTURE, 3, 1.0) == PICTURE).all()
    assert [sensor.kept(frame) for frame in range(5)] == [0, 1, 2, 3, 4]


def test_noise_is_as_strong_as_told_and_differs_from_frame_to_frame() -> None:
    defects = Defects(noise=8.0, seed=1)
    assert exposed(defects).astype(float).std() == pytest.approx(8.0, rel=0.1)
    assert (exposed(defects, 0) == exposed(defects, 0)).all()
    assert (exposed(defects, 0) != exposed(defects, 1)).any()
    grey = exposed(replace(defects, monochrome=True))
    assert (grey == grey[:, :, :1]).all()


def test_a_flash_fades_and_a_switched_lamp_stays() -> None:
    flash = Defects(lights=(Light(1.0, 0.5, 0.1),))
    assert flash.gain(0.9) == 1.0
    assert flash.gain(1.0) == pytest.approx(1.5)
    assert flash.gain(2.0) == pytest.approx(1.0, abs=0.001)
    assert exposed(flash, time_s=1.0).mean() == pytest.approx(180)
    assert Defects(lights=(Light(1.0, -0.4, 1e9),)).gain(8.0) == pytest.approx(0.6)


def test_compression_keeps_the_picture_but_not_its_bytes() -> None:
    picture = np.random.default_rng(0).integers(90, 150, (48, 48, 3), dtype=np.uint8)
    found = Sensor(Defects(jpeg=15), 48, 48).exposed(picture, 0, 0.0)
    assert (found != picture).any()
    assert np.abs(found.astype(int) - picture).mean() < 25


def test_lost_frames_are_replaced_by_earlier_ones() -> None:
    sensor = Sensor(Defects(dropped=0.3, seed=2), 48, 48)
    kept = [sensor.kept(frame) for frame in range(300)]
    assert all(0 <= frame - shown < 4 for frame, shown in enumerate(kept))
    assert kept == sorted(kept)
    assert 0.15 < np.mean([frame != shown for frame, shown in enumerate(kept)]) < 0.45


def test_drawn_defects_cover_all_kinds() -> None:
    found = [make_defects(np.random.default_rng(seed), 8.0, clean=0.2) for seed in range(200)]
    assert 0.2 < np.mean([defects.jpeg > 0 for defects in found]) < 0.6
    assert all(defects.jpeg == 0 or 15 <= defects.jpeg <= 90 for defects in found)
    for kind in ("flicker", "hum", "lights", "dropped"):
        assert any(getattr(defects, kind) for defects in found)

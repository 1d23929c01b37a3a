from pathlib import Path

import numpy as np
import pytest

from foleyline_training.corpus.scene import make_scene
from foleyline_training.corpus.sounds import SoundLibrary
from foleyline_training.corpus.soundtrack import mix_soundtrack, used_files
from foleyline_training.corpus.split import Split

from .conftest import RATE_HZ


@pytest.fixture(scope="module")
def library(sounds_folder: Path) -> SoundLibrary:
    return SoundLibrary(sounds_folder, RATE_HZ)


def test_length_peak_and_repeatability(library: SoundLibrary) -> None:
    for seed in range(8):
        scene = make_scene(seed)
        mixed = mix_soundtrack(scene, library, rate_hz=RATE_HZ)
        assert mixed.shape == (round(scene.duration_s * RATE_HZ),)
        assert mixed.dtype == np.float32
        assert np.abs(mixed).max() <= 0.9 + 1e-6
        again = mix_soundtrack(scene, library, rate_hz=RATE_HZ)
        assert (mixed == again).all()


def test_sound_starts_at_the_contacts(library: SoundLibrary) -> None:
    checked = 0
    # Where a sound lasts, its level hides where another one starts.
    for scene in [scene for scene in map(make_scene, range(60)) if not scene.sustains]:
        level = np.abs(mix_soundtrack(scene, library, rate_hz=RATE_HZ))
        before_s = -9.0
        for contact in scene.contacts:
            alone = contact.time_s - before_s > 0.5 and contact.time_s < scene.duration_s - 0.1
            before_s = contact.time_s
            if not alone or contact.strength < 0.3:
                continue
            start = max(0, round((contact.time_s - 0.03) * RATE_HZ))
            near = level[start : start + round(0.08 * RATE_HZ)]
            heard_s = (start + int(np.argmax(near > 0.2 * near.max()))) / RATE_HZ
            assert heard_s == pytest.approx(contact.time_s, abs=0.004)
            checked += 1
    assert checked > 40


def test_harder_contacts_are_louder(library: SoundLibrary) -> None:
    scene = next(s for s in map(make_scene, range(200)) if s.actions == ("fall",))
    level = np.abs(mix_soundtrack(scene, library, rate_hz=RATE_HZ))
    peaks = []
    for contact in scene.contacts:
        start = round(contact.time_s * RATE_HZ)
        peaks.append((contact.strength, level[start : start + 2000].max()))
    assert max(peaks)[1] > min(peaks)[1] * 1.5


def test_held_out_sounds_are_never_those_of_training(library: SoundLibrary) -> None:
    train, held = set(), set()
    for seed in range(60):
        train.update(used_files(make_scene(seed), library))
        held.update(used_files(make_scene(seed, split=Split.HELD_OUT), library))
    assert train
    assert held
    assert not train & held


def test_silent_scenes_are_almost_silent(library: SoundLibrary) -> None:
    scene = next(s for s in map(make_scene, range(400)) if not s.contacts and not s.sustains)
    mixed = mix_soundtrack(scene, library, rate_hz=RATE_HZ)
    assert np.abs(mixed).max() < 0.01


def test_another_rate_is_refused(library: SoundLibrary) -> None:
    with pytest.raises(ValueError, match="Hz"):
        mix_soundtrack(make_scene(0), library, rate_hz=16000)

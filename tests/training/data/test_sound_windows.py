import csv

import numpy as np
import pytest
import soundfile

from foleyline_training.corpus.sounds import LICENCE_TABLE, SoundLibrary
from foleyline_training.data.sound_windows import SoundWindows, credits_of, split_sounds

RATE_HZ = 8000


def write_library(folder, kinds):
    """Fading tones: for each category so many families of two takes."""
    since_s = np.arange(RATE_HZ // 4) / RATE_HZ
    rows = []
    for category, families in kinds.items():
        (folder / category).mkdir(parents=True)
        for family in range(families):
            for take in (1, 2):
                file = f"{category}/thing{'abcdefgh'[family]}_{take}.wav"
                tone = np.cos(2 * np.pi * (200 + 90 * family) * since_s) * np.exp(-since_s / 0.05)
                soundfile.write(folder / file, 0.5 * tone, RATE_HZ)
                row = {"file": file, "category": category, "licence": "CC0-1.0", "url": ""}
                row |= {"author": f"author of {file}", "source": "made here"}
                rows.append(row | {"duration": 0.25, "onset_s": 0.0, "n_onsets": 1})
    with (folder / LICENCE_TABLE).open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_library(
        tmp_path_factory.mktemp("sounds"), {"impact_wood": 5, "kalimba": 5, "phone_ring": 1}
    )


def test_what_the_corpus_holds_out_is_held_out(folder):
    split, library = split_sounds(folder, RATE_HZ), SoundLibrary(folder, RATE_HZ)
    held = {row.file for row in split.held_out}
    assert library.rows("wood", True)
    assert {row.file for row in library.rows("wood", True)} <= held
    assert not {row.file for row in library.rows("wood", False)} & held


def test_sounds_of_no_material_are_used_and_split_by_family(folder):
    split = split_sounds(folder, RATE_HZ)
    sides = [{row.family for row in rows} for rows in (split.training, split.held_out)]
    assert not sides[0] & sides[1]
    assert all(any(family.startswith("kalimba") for family in side) for side in sides)
    # A lone family is trained on, not thrown away.
    assert "phone_ring/thinga" in sides[0]
    assert len(split.training) + len(split.held_out) == 22


def test_credits_name_author_and_licence(folder):
    row = split_sounds(folder, RATE_HZ).training[0]
    assert credits_of([row]) == [
        {
            "file": row.file,
            "licence": "CC0-1.0",
            "author": f"author of {row.file}",
            "source": "made here",
            "url": "",
        }
    ]


def test_windows_are_mixes_at_many_levels_and_come_again(folder):
    windows = SoundWindows(folder, split_sounds(folder, RATE_HZ).training, RATE_HZ)
    drawn = [windows.draw(np.random.default_rng(seed), 4000) for seed in range(40)]
    assert {(sound.shape, sound.dtype) for sound in drawn} == {((4000,), np.dtype("f4"))}
    peaks = [float(np.abs(sound).max()) for sound in drawn]
    assert max(peaks) < 1.01 and max(peaks) > 10 * min(peaks) > 0
    assert (windows.draw(np.random.default_rng(3), 4000) == drawn[3]).all()
    assert not np.allclose(drawn[3], drawn[4])


def test_a_folder_of_nothing_is_refused(folder):
    with pytest.raises(ValueError, match="no sounds"):
        SoundWindows(folder, [], RATE_HZ)

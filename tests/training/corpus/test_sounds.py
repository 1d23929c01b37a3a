from pathlib import Path

import numpy as np
import pytest

from foleyline_training.corpus.materials import MATERIAL_NAMES
from foleyline_training.corpus.sounds import (
    LONGEST_S,
    SoundLibrary,
    SoundTableError,
    read_table,
)

from .conftest import RATE_HZ, table_row, write_click, write_table

COARSE_HZ = 8000
"""Where it only counts which sounds there are."""


def test_only_allowed_licences_are_read(tmp_path: Path) -> None:
    rows = [
        table_row(f"a/{number}.wav", "impact_wood", licence=licence)
        for number, licence in enumerate(
            ("CC0-1.0", "public-domain", "MIT", "CC-BY-4.0", "CC-BY-NC-3.0", "CC-BY-SA-4.0", "")
        )
    ]
    write_table(tmp_path, rows)
    assert [row.file for row in read_table(tmp_path)] == [f"a/{k}.wav" for k in range(4)]


@pytest.mark.parametrize("file", ["../outside.wav", "/etc/passwd", "a/../../outside.wav"])
def test_paths_must_stay_in_the_folder(tmp_path: Path, file: str) -> None:
    write_table(tmp_path / "sounds", [table_row(file, "impact_wood")])
    with pytest.raises(SoundTableError, match="leaves the folder"):
        SoundLibrary(tmp_path / "sounds")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write_click(tmp_path / "outside.wav", 0.0, 500.0)
    write_table(tmp_path / "sounds", [table_row("link.wav", "impact_wood")])
    (tmp_path / "sounds" / "link.wav").symlink_to(tmp_path / "outside.wav")
    with pytest.raises(SoundTableError):
        SoundLibrary(tmp_path / "sounds")


def test_a_broken_number_names_its_row(tmp_path: Path) -> None:
    write_table(tmp_path, [table_row("a.wav", "impact_wood", onset_s="soon")])
    with pytest.raises(SoundTableError, match="row 2"):
        read_table(tmp_path)


def test_sounds_start_at_their_onset(sounds_folder: Path) -> None:
    library = SoundLibrary(sounds_folder, RATE_HZ)
    for row in library.rows("glass", False):
        sound = library.sound(row)
        assert sound.samples.size <= LONGEST_S * RATE_HZ + sound.onset
        assert np.abs(sound.samples).max() == pytest.approx(1.0)
        first = int(np.argmax(np.abs(sound.samples) > 0.2))
        assert abs(first - sound.onset) < 0.002 * RATE_HZ


def test_split_is_disjoint_and_repeatable(sounds_folder: Path) -> None:
    library, again = SoundLibrary(sounds_folder, COARSE_HZ), SoundLibrary(sounds_folder, COARSE_HZ)
    for name in MATERIAL_NAMES:
        train, held = library.rows(name, False), library.rows(name, True)
        assert len(held) == 2
        assert len(train) == 4
        assert not {row.family for row in train} & {row.family for row in held}
        assert again.rows(name, True) == held


def test_attributions_name_the_authors(sounds_folder: Path) -> None:
    library = SoundLibrary(sounds_folder, COARSE_HZ)
    file = library.rows("wood", False)[0].file
    (row,) = library.attributions([file, file])
    assert row["file"] == file
    assert row["author"] == "nobody"
    assert row["licence"] == "CC0-1.0"

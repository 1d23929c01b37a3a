import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from foleyline_training.corpus.materials import MATERIALS
from foleyline_training.corpus.sounds import LICENCE_TABLE

RATE_HZ = 32000
COLUMNS = (
    "file",
    "category",
    "licence",
    "author",
    "source",
    "url",
    "duration",
    "onset_s",
    "n_onsets",
)


def write_click(path: Path, onset_s: float, pitch_hz: float) -> None:
    """A decaying tone that starts at `onset_s`."""
    since_s = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    tone = np.cos(2 * np.pi * pitch_hz * since_s) * np.exp(-since_s / 0.03)
    samples = np.concatenate([np.zeros(round(onset_s * RATE_HZ)), 0.5 * tone])
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), RATE_HZ)


def table_row(file: str, category: str, **changed: str) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "")
    row |= {"file": file, "category": category, "licence": "CC0-1.0", "author": "nobody"}
    row |= {"duration": "0.3", "onset_s": "0.0", "n_onsets": "1"}
    return row | changed


def write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LICENCE_TABLE).open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="session")
def sounds_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six generated clicks for each material, with different lead-ins."""
    folder = tmp_path_factory.mktemp("sounds")
    rows = []
    for index, material in enumerate(MATERIALS):
        category = material.categories[0]
        for take, letter in enumerate("abcdef"):
            onset_s = 0.02 * take
            file = f"{category}/{material.name}_click_{letter}{letter}.wav"
            write_click(folder / file, onset_s, 500.0 + 150 * index + 20 * take)
            rows.append(table_row(file, category, onset_s=str(onset_s)))
    write_table(folder, rows)
    return folder

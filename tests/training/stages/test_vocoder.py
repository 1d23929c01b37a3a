import csv
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from foleyline_training.config import StageConfig
from foleyline_training.corpus.sounds import LICENCE_TABLE
from foleyline_training.stages.vocoder import VocoderStage


@pytest.fixture
def sounds(tmp_path):
    """Four tones of no material, each its own family."""
    since_s, rows = np.arange(2000) / 8000, []
    for pitch in ("aa", "bb", "cc", "dd"):
        tone = np.cos(2 * np.pi * (300 + 40 * ord(pitch[0])) * since_s) * np.exp(-since_s / 0.05)
        soundfile.write(tmp_path / f"{pitch}.wav", 0.5 * tone, 8000)
        row = {"file": f"{pitch}.wav", "category": "kalimba", "licence": "CC0-1.0", "url": ""}
        row |= {"author": "somebody", "source": "made here", "duration": 0.25}
        rows.append(row | {"onset_s": 0.0, "n_onsets": 1})
    with (tmp_path / LICENCE_TABLE).open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


@pytest.fixture
def stage(tiny, sounds):
    small = replace(tiny.networks, vocoder_width=16, vocoder_blocks=2)
    stages = {**tiny.stages, "vocoder": StageConfig(2, 1e-3, 0.0, 0.9, seconds=1.0)}
    return VocoderStage(replace(tiny, networks=small, stages=stages), sounds)


def test_loss_moves_all_weights(stage, busy, unmoved):
    busy(stage.network)
    loss, figures = stage.loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []
    assert set(figures) == {"convergence", "distance", "mel_error_db"}


def test_what_was_heard_is_credited_and_what_was_not_is_named(stage):
    state = stage.extra_state()
    heard = {row["file"] for row in state["sounds"]}
    assert heard and state["held_out"] and not heard & set(state["held_out"])
    assert all(row["author"] == "somebody" for row in state["sounds"])

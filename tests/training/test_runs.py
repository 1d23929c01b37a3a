import json
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from shutil import copytree

import pytest

from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import STAGES, load_config
from foleyline_training.corpus.split import Split
from foleyline_training.data.corpus_files import CorpusFiles
from foleyline_training.runs import (
    HELD_OUT_SEED,
    SIDE_BY_SIDE,
    Run,
    corpus_spec,
    render,
    train_stage,
)


@pytest.fixture(scope="module")
def mini():
    return load_config("mini")


def test_every_stage_is_trained_once():
    assert sorted(chain(*SIDE_BY_SIDE)) == sorted(STAGES)


def test_renderer_gets_the_configurations_numbers(mini):
    spec = corpus_spec(mini, Split.HELD_OUT)
    assert spec.split == "held_out"
    assert (spec.picture_fps, spec.phase_s) == (Fraction(125, 8), Fraction(4, 125))
    assert (spec.picture_count, spec.size_px, spec.rate_hz) == (128, 64, 32000)


def test_sound_of_a_scene_is_whole_mel_frames(mini):
    frames = mini.corpus.duration_pictures * mini.mel_per_picture
    assert corpus_spec(mini).sound_count == frames * mini.mel.hop


def test_held_out_seeds_are_no_training_seeds(mini):
    assert mini.seed + mini.corpus.scenes <= HELD_OUT_SEED


def test_all_stages_train_in_order(tiny, corpus, tmp_path):
    one_step = {name: replace(stage, seconds=1e-6) for name, stage in tiny.stages.items()}
    config = replace(tiny, stages=one_step)
    for name in chain(*SIDE_BY_SIDE):
        done = train_stage(name, config, Run(tmp_path, sounds=tmp_path))
        assert load_checkpoint(done)["steps"] == 1


def test_another_corpus_is_joined_to_the_rendered_one(tiny, corpus, tmp_path, monkeypatch):
    """Rendering is replaced by a copy of a corpus that is there already."""
    index = {"spec": {}, "materials": corpus.materials, "count": corpus.scenes, "sounds": []}
    (corpus.folder / "index.json").write_text(json.dumps(index))
    made = []

    def rendered(_spec, _seed, _count, folder, _sounds, processes):
        made.append(folder.name)
        copytree(corpus.folder, folder)

    monkeypatch.setattr("foleyline_training.runs.generate_shard", rendered)
    render(tiny, Run(tmp_path / "run", sounds=tmp_path, also=[corpus.folder]))
    assert made == ["rendered", "held_out", "unseen"]
    both = CorpusFiles(tmp_path / "run" / "corpus", tiny)
    assert both.scenes == 2 * corpus.scenes
    assert both.contacts_seen.sum() == 2 * corpus.contacts_seen.sum()

"""Networks that start from a finished run's weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from foleyline_training.checkpoints import load_checkpoint, save_checkpoint
from foleyline_training.config import STAGES, write_run_config
from foleyline_training.data.crops import Crop
from foleyline_training.runs import SIDE_BY_SIDE, Run, _stage, train_stage
from foleyline_training.sources import RunSources, read_run_sources, write_run_sources
from foleyline_training.start import StartUnusable, read_start, started_scale_factor

BEFORE = {"file": "a.wav", "licence": "CC0-1.0", "author": "A", "source": "S", "url": ""}


@pytest.fixture
def finished(tiny, corpus, tmp_path):
    """A finished run on a rendered corpus; every stage made one step."""
    config = replace(tiny, stages={n: replace(s, steps=1) for n, s in tiny.stages.items()})
    run = Run(tmp_path, sounds=tmp_path)
    for name in (name for group in SIDE_BY_SIDE for name in group):
        train_stage(name, config, run)
    write_run_config(tmp_path, config)
    corpus.index["sounds"] = [BEFORE]
    write_run_sources(tmp_path, RunSources.of(corpus))
    return tmp_path


@pytest.fixture
def videos(tiny, tmp_path, write_prepared):
    return write_prepared(tmp_path / "own", tiny)


def test_every_stage_starts_where_the_run_ended(tiny, finished, videos, tmp_path):
    assert read_start(finished).name == "tiny"
    run = Run(tmp_path / "new", data=videos, start=finished)
    run.folder.mkdir()
    for name in ("cavp", "autoencoder"):  # what the other two are conditioned on
        save_checkpoint(run.folder / f"{name}.pt", load_checkpoint(finished / f"{name}.pt"))
    for name in STAGES:
        stage = _stage(name, tiny, run)
        ended = load_checkpoint(finished / f"{name}.pt")["weights"]
        started = stage.network.state_dict()
        assert started.keys() == ended.keys()
        assert all(torch.equal(started[key], ended[key]) for key in ended)
        loss, _ = stage.loss(np.random.default_rng(0))
        assert torch.isfinite(loss)
    assert stage.data.scale_factor == started_scale_factor(finished)
    window = [(Crop(0, 0, 16),)]
    wanted = stage.data.moments[0, :16, :4].T * stage.data.scale_factor
    latents = stage.data.latents(window, torch.zeros(1, *wanted.shape))
    np.testing.assert_allclose(latents[0].numpy(), wanted, rtol=1e-2, atol=1e-3)


def test_palette_and_credits_go_on(tiny, finished, videos, tmp_path):
    run = Run(finished, data=videos, start=finished)
    diffusion = _stage("diffusion", tiny, run)
    assert diffusion.extra_state()["palette"] == ["wood", "glass", "water"]
    sources = RunSources.of(diffusion.data.corpus, finished)
    assert sources.materials == ("wood", "glass", "water")
    assert [row["file"] for row in sources.sounds] == ["a.wav", "videos"]
    write_run_sources(tmp_path / "own", sources)
    assert read_run_sources(tmp_path / "own") == sources


def test_older_runs_have_their_sources_in_the_corpus(corpus, tmp_path):
    index = {"materials": ["wood"], "count": 7, "sounds": [BEFORE]}
    (corpus.folder / "index.json").write_text(json.dumps(index))
    assert read_run_sources(tmp_path) == RunSources(("wood",), 7, (BEFORE,))


def test_other_folders_are_refused(tiny, tmp_path):
    with pytest.raises(StartUnusable, match=r"lacks config\.json, cavp\.pt, .*sources\.json"):
        read_start(tmp_path)
    write_run_config(tmp_path, tiny)
    write_run_sources(tmp_path, RunSources((), 1, ()))
    for name in STAGES:
        (tmp_path / f"{name}.pt").write_bytes(b"no checkpoint")
    with pytest.raises(StartUnusable, match=r"cavp\.pt cannot be read"):
        read_start(tmp_path)
    for name in STAGES:
        save_checkpoint(tmp_path / f"{name}.pt", {"extra": {}})
    with pytest.raises(StartUnusable, match="holds no weights"):
        read_start(tmp_path)
    with pytest.raises(StartUnusable, match="scale factor"):
        started_scale_factor(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(StartUnusable, match=r"config\.json cannot be read"):
        read_start(tmp_path)


def test_weights_of_other_networks_are_refused(tiny, videos, tmp_path):
    write_run_sources(tmp_path, RunSources((), 1, ()))
    save_checkpoint(tmp_path / "autoencoder.pt", {"weights": {"x": torch.zeros(1)}})
    with pytest.raises(StartUnusable, match="does not fit"):
        _stage("autoencoder", tiny, Run(tmp_path, data=videos, start=tmp_path))

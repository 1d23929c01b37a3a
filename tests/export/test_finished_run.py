import json
from dataclasses import replace
from pathlib import Path

import pytest

from foleyline_contract.bundle import GRAPHS
from foleyline_export import finished_run
from foleyline_export.finished_run import RunIncomplete, RunOfOtherKind, export_run
from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import load_config, write_run_config
from foleyline_training.stages.networks import (
    make_aligner,
    make_autoencoder,
    make_cavp,
    make_denoiser,
    make_vocoder,
)

TINY = Path(__file__).parents[1] / "training" / "tiny.toml"


def credit(file):
    return {"file": file, "licence": "MIT", "author": "a", "source": "s", "url": ""}


@pytest.fixture
def run(tmp_path):
    """A run with a vocoder, as training leaves it but for what it has learnt."""
    config = load_config(str(TINY))
    networks = replace(config.networks, vocoder_width=16, vocoder_blocks=1)
    config = replace(config, networks=networks, defaults=replace(config.defaults, vocoder="neural"))
    folder = tmp_path / "run"
    write_run_config(folder, config)
    (folder / "corpus").mkdir()
    index = {"materials": ["wood", "glass"], "sounds": [credit("b.wav"), credit("c.wav")]}
    (folder / "corpus" / "index.json").write_text(json.dumps(index))
    for name, network, extra in (
        ("cavp", make_cavp(config, 2), {}),
        ("autoencoder", make_autoencoder(config), {}),
        ("diffusion", make_denoiser(config, 0), {"scale_factor": 1.0}),
        ("classifier", make_aligner(config), {}),
        ("vocoder", make_vocoder(config), {"sounds": [credit("a.wav"), credit("b.wav")]}),
    ):
        state = {"weights": network.state_dict(), "extra": extra, "steps": 1}
        save_checkpoint(folder / f"{name}.pt", state)
    return folder


def test_a_run_whose_default_vocoder_was_not_trained_is_refused(run, tmp_path):
    (run / "vocoder.pt").unlink()
    with pytest.raises(RunIncomplete, match=r"lacks vocoder\.pt"):
        export_run(run, tmp_path / "bundle", "1")


def test_a_run_of_the_released_networks_is_refused(run, tmp_path):
    write_run_config(run, load_config("paper"))
    with pytest.raises(RunOfOtherKind, match="is of the released networks"):
        export_run(run, tmp_path / "bundle", "1")


def test_a_vocoder_comes_with_its_graph_and_the_sounds_it_heard(run, tmp_path, monkeypatch):
    plans = []
    monkeypatch.setattr(finished_run, "write_bundle", lambda _folder, plan, _: plans.append(plan))
    export_run(run, tmp_path / "bundle", "1")
    (plan,) = plans
    assert list(plan.graphs) == [*GRAPHS, "vocoder"]
    assert plan.graphs["vocoder"]().outputs == ("spectrum",)
    assert plan.model.defaults.vocoder == "neural"
    assert "vocoder.pt" in plan.inputs and plan.training["steps"]["vocoder"] == 1
    assert [row["file"] for row in plan.credits] == ["a.wav", "b.wav", "c.wav"]

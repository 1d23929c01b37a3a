from dataclasses import replace
from fractions import Fraction

import pytest

from foleyline_contract.fields import FieldError
from foleyline_training.config import STAGES, load_config, read_run_config, write_run_config


@pytest.fixture(scope="module")
def mini():
    return load_config("mini")


def test_mini_loads(mini):
    assert mini.name == "mini"
    assert set(mini.stages) == set(STAGES)
    assert mini.duration_s == Fraction(1024, 125)


def test_mini_derives_its_window(mini):
    spec = mini.model_spec(scale_factor=1.5, margin=11)
    assert spec.window_s == Fraction(4096, 1000)
    assert spec.window_mel_frames == 512
    assert spec.window_mel_frames == mini.mel_per_picture * mini.features.per_window


def test_spec_carries_what_training_found_out(mini):
    spec = mini.model_spec(scale_factor=1.5, margin=11)
    assert (spec.latent.scale_factor, spec.features.margin) == (1.5, 11)
    assert spec.latent.shape == (64, 64)


def test_override():
    config = load_config("mini", {"stages.cavp.seconds": 5, "networks.autoencoder_width": 8})
    assert config.stages["cavp"].seconds == 5.0
    assert config.networks.autoencoder_width == 8


def test_override_of_a_stages_default():
    config = load_config("mini", {"stages.cavp.precision": "bfloat16"})
    assert config.stages["cavp"].precision == "bfloat16"


@pytest.mark.parametrize("name", ["sead", "stages.cavp.secs", "stage.cavp.seconds", "name.mini"])
def test_unknown_override_names_itself(name):
    with pytest.raises(KeyError, match=name):
        load_config("mini", {name: 1})


def test_override_of_a_wrong_type():
    with pytest.raises(FieldError, match=r"corpus\.scenes"):
        load_config("mini", {"corpus.scenes": 1.5})


def test_file_by_path(tiny):
    assert tiny.name == "tiny"


def test_a_run_keeps_its_configuration(mini, tmp_path):
    write_run_config(tmp_path / "run", mini)
    assert read_run_config(tmp_path / "run") == mini


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"schedule": "linear"}, "schedule is 'linear'"),
        ({"schedule": "cosine"}, "more steps than it takes to warm up"),
        ({"schedule": "cosine", "steps": 100}, "more steps than it takes to warm up"),
        ({"steps": 0}, "steps is below one"),
        ({"warm_up_steps": 0}, "warm_up_steps is below one"),
        ({"precision": "half"}, "precision is 'half'"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"accumulate": 0}, "does not fall into 0 parts"),
        ({"accumulate": 5}, "a batch of 48 does not fall into 5 parts"),
    ],
)
def test_stages_that_cannot_be_trained(mini, changed, reason):
    with pytest.raises(ValueError, match=reason):
        replace(mini.stages["cavp"], **changed)


def test_a_run_keeps_its_schedule(mini, tmp_path):
    cavp = replace(mini.stages["cavp"], schedule="cosine", warm_up_steps=200, steps=1000)
    config = replace(mini, stages={**mini.stages, "cavp": cavp})
    write_run_config(tmp_path / "run", config)
    assert read_run_config(tmp_path / "run").stages["cavp"] == cavp


def test_mel_and_picture_must_share_a_grid():
    with pytest.raises(ValueError, match="whole multiple"):
        load_config("mini", {"picture.fps": "15/1"})


def test_every_stage_is_needed(tmp_path):
    text = (load_config.__globals__["BUILT_IN"] / "mini.toml").read_text()
    path = tmp_path / "one.toml"
    path.write_text(text.replace("[stages.classifier]", "[stages.clasifier]"))
    with pytest.raises(ValueError, match="missing: classifier"):
        load_config(str(path))

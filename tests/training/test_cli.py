import importlib.util
import sys
from pathlib import Path

import pytest

import foleyline_training
from foleyline_training.cli import _override, _parser, _same_run, main

TINY = str(Path(__file__).parent / "tiny.toml")


needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="needs torch")


def test_plain_install_is_told_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.delitem(sys.modules, "foleyline_training.runs", raising=False)
    monkeypatch.delattr(foleyline_training, "runs", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["all", "--sounds", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "'torch' is not installed" in told
    assert "pip install 'foleyline[training]'" in told


@needs_torch
@pytest.mark.parametrize("command", [["all"], ["corpus"], ["stage", "cavp"]])
def test_folder_without_licences_is_refused(command, tmp_path, capsys):
    assert main([*command, "--sounds", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert "LICENSES.csv" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@needs_torch
def test_unknown_setting_is_named(tmp_path):
    with pytest.raises(KeyError, match="sead"):
        main(["all", "--sounds", str(tmp_path), "--set", "sead=1"])


def test_unknown_stage_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["stage", "vocoder", "--sounds", "."])
    assert "vocoder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"), [("a.b=5", 5), ("a.b=1e-3", 1e-3), ("a.b=15/1", "15/1"), ("a.b=x=y", "x=y")]
)
def test_override_values(text, value):
    assert _override(text) == ("a.b", value)


def test_a_child_is_told_the_same_run():
    given = ["--config", TINY, "--sounds", "s", "--run", "r", "--set", "seed=4"]
    whole = _parser().parse_args(["all", *given, "--set", "name=x"])
    child = _parser().parse_args(["stage", "cavp", *_same_run(whole)])
    for name in ("config", "sounds", "run", "set"):
        assert getattr(child, name) == getattr(whole, name)


@needs_torch
def test_stage_is_trained_with_the_overrides(corpus, tmp_path):
    (tmp_path / "LICENSES.csv").touch()
    run = ["--config", TINY, "--sounds", str(tmp_path), "--run", str(tmp_path)]
    assert main(["stage", "autoencoder", *run, "--set", "stages.autoencoder.seconds=1e-6"]) == 0
    assert (tmp_path / "autoencoder.pt").is_file()

import importlib.util
import sys
from pathlib import Path

import pytest

import foleyline_training
from foleyline_training.arguments import override, parser, same_run
from foleyline_training.cli import main

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
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "sead=1"], "mini cannot be used: no setting 'sead'"),
        (["--set", "stages.cavp.precision=half"], "precision is 'half'"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_configuration_that_cannot_be_used(words, told, tmp_path, capsys):
    assert main(["all", "--sounds", str(tmp_path), *words]) == 2
    assert told in capsys.readouterr().err


def test_unknown_stage_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["stage", "unet", "--sounds", "."])
    assert "unet" in capsys.readouterr().err


@needs_torch
def test_a_stage_that_the_configuration_lacks_is_named(tmp_path, capsys):
    (tmp_path / "LICENSES.csv").touch()
    run = ["--config", TINY, "--sounds", str(tmp_path), "--run", str(tmp_path / "run")]
    assert main(["stage", "vocoder", *run]) == 2
    assert "[stages.vocoder]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "value"), [("a.b=5", 5), ("a.b=1e-3", 1e-3), ("a.b=15/1", "15/1"), ("a.b=x=y", "x=y")]
)
def test_override_values(text, value):
    assert override(text) == ("a.b", value)


def test_a_child_is_told_the_same_run():
    given = ["--config", TINY, "--sounds", "s", "--run", "r", "--set", "seed=4"]
    whole = parser().parse_args(["all", *given, "--set", "name=x"])
    child = parser().parse_args(["stage", "cavp", *same_run(whole)])
    for name in ("config", "sounds", "run", "set"):
        assert getattr(child, name) == getattr(whole, name)


@needs_torch
def test_stage_is_trained_with_the_overrides(corpus, tmp_path):
    (tmp_path / "LICENSES.csv").touch()
    run = ["--config", TINY, "--sounds", str(tmp_path), "--run", str(tmp_path)]
    assert main(["stage", "autoencoder", *run, "--set", "stages.autoencoder.seconds=1e-6"]) == 0
    assert (tmp_path / "autoencoder.pt").is_file()


@needs_torch
def test_ctrl_c_ends_with_a_sentence(monkeypatch, tmp_path, capsys):
    from foleyline_training import runs

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "render", interrupted)
    (tmp_path / "LICENSES.csv").touch()
    assert main(["corpus", "--sounds", str(tmp_path), "--run", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "foley-train: stopped; the same command goes on.\n"


@needs_torch
def test_setting_that_this_machine_cannot_do(corpus, tmp_path, capsys):
    (tmp_path / "LICENSES.csv").touch()
    run = ["--config", TINY, "--sounds", str(tmp_path), "--run", str(tmp_path)]
    half = ["--set", "stages.cavp.precision=float16", "--set", "stages.cavp.device=cpu"]
    assert main(["stage", "cavp", *run, *half]) == 1
    assert capsys.readouterr().err == (
        "foley-train: Training in float16 needs a graphics card. "
        "Set the stage's precision to bfloat16, or to float32.\n"
    )


@needs_torch
def test_stage_is_trained_on_prepared_videos(tmp_path, capsys):
    """From a folder of videos to weights; the run needs no sounds."""
    from movies import clicks, steady, write_movie

    (tmp_path / "videos").mkdir()
    for name in "ab":
        write_movie(tmp_path / "videos" / f"{name}.mkv", steady(80, 25), clicks(3.2, [1, 2]))
    data, run = tmp_path / "data", ["--run", str(tmp_path / "run")]
    prepare = ["prepare", str(tmp_path / "videos"), "-o", str(data), "--workers", "0"]
    assert main([*prepare, "--config", TINY]) == 0
    assert "wrote 2 clips of 2 files" in capsys.readouterr().out
    short = ["--set", "stages.autoencoder.seconds=1e-6"]
    train = ["stage", "autoencoder", "--data", str(data), *run, *short]
    assert main([*train, "--config", TINY]) == 0
    assert (tmp_path / "run" / "autoencoder.pt").is_file()
    assert main([*train, "--config", "mini"]) == 2
    assert "another kind" in capsys.readouterr().err


def test_videos_that_are_not_there_are_one_line(tmp_path, capsys):
    given = ["prepare", str(tmp_path / "none"), "-o", str(tmp_path / "data")]
    assert main([*given, "--config", TINY]) == 2
    assert capsys.readouterr().err == f"foley-train: There is no folder {tmp_path / 'none'}.\n"
    assert main([*given, "--config", TINY, "--clip-s", "1"]) == 2
    assert "at least" in capsys.readouterr().err
    assert main([*given, "--config", TINY, "--split", "test"]) == 2
    assert "--csv" in capsys.readouterr().err


def test_a_child_is_told_of_prepared_data():
    whole = parser().parse_args(["all", "--data", "d", "--run", "r"])
    child = parser().parse_args(["stage", "cavp", *same_run(whole)])
    assert (child.data, child.sounds) == (Path("d"), None)
    with pytest.raises(SystemExit):
        parser().parse_args(["all", "--data", "d", "--sounds", "s"])


@needs_torch
def test_a_corpus_is_not_added_to_prepared_videos_without_a_word(tmp_path, capsys):
    given = ["--data", str(tmp_path), "--run", str(tmp_path / "run"), "--config", TINY]
    assert main(["all", *given, "--also", str(tmp_path)]) == 2
    assert "goes with --sounds" in capsys.readouterr().err


@needs_torch
def test_a_corpus_to_train_on_too_is_looked_for_before_hours_of_rendering(tmp_path, capsys):
    (tmp_path / "LICENSES.csv").touch()
    given = ["--sounds", str(tmp_path), "--run", str(tmp_path / "run"), "--config", TINY]
    assert main(["corpus", *given, "--also", str(tmp_path / "nowhere")]) == 1
    assert "no finished corpus" in capsys.readouterr().err
    assert not (tmp_path / "run" / "rendered").exists()


def test_rigid_scenes_need_a_python_with_bpy(tmp_path, capsys):
    (tmp_path / "LICENSES.csv").touch()
    given = ["--sounds", str(tmp_path), "--out", str(tmp_path / "out"), "--count", "1"]
    assert main(["rigid", *given, "--bpy", sys.executable]) == 1
    assert "pip install 'bpy==4.5.*'" in capsys.readouterr().err


def test_rigid_scenes_need_a_licence_table(tmp_path, capsys):
    given = ["--sounds", str(tmp_path), "--out", str(tmp_path / "out"), "--count", "1"]
    assert main(["rigid", *given, "--bpy", sys.executable]) == 2
    assert "LICENSES.csv" in capsys.readouterr().err

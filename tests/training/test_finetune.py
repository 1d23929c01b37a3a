"""A finished run goes on with other videos: a sound that it never heard is there afterwards."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from movies import steady, write_movie

from foleyline_training import finetune
from foleyline_training.cli import main
from foleyline_training.config import load_config, read_run_config, write_run_config
from foleyline_training.data.corpus_files import as_pictures
from foleyline_training.data.mel import mel_filters
from foleyline_training.data.prepared_files import open_data
from foleyline_training.finetune import finetuning
from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.prepare.clips import ClipSpec
from foleyline_training.prepare.prepare import Request, prepare
from foleyline_training.runs import Run, train_stage
from foleyline_training.sources import RunSources, read_run_sources, write_run_sources
from foleyline_training.stages.networks import (
    make_autoencoder,
    make_cavp,
    make_denoiser,
    trained,
)
from foleyline_training.start import started_scale_factor

TINY = Path(__file__).parent / "tiny.toml"
THUD_HZ, BEEP_HZ = 200, 2500
STEPS = {"cavp": 5, "autoencoder": 100, "diffusion": 80, "classifier": 2}
SAMPLING_STEPS = 10


def test_stages_go_on_gently_for_less_time(tiny):
    tuned = finetuning(tiny, name="mine", videos="Kitchen", licence="CC0-1.0")
    for name, stage in tuned.stages.items():
        assert stage.learning_rate == pytest.approx(0.2 * tiny.stages[name].learning_rate)
        assert stage.seconds == tiny.finetune.seconds[name]
    assert (tuned.name, tuned.licence) == ("mine", "CC0-1.0")
    assert tuned.networks == tiny.networks
    other = finetuning(tiny, name="mine", videos="Kitchen", licence="LicenseRef-unknown")
    assert other.licence == "CC0-1.0 AND LicenseRef-unknown"
    assert "Kitchen" in other.description


def test_stages_that_ran_by_steps_run_by_time(tiny):
    by_steps = replace(tiny.stages["cavp"], schedule="cosine", steps=300, warm_up_steps=200)
    config = replace(tiny, stages={**tiny.stages, "cavp": by_steps})
    tuned = finetuning(config, name="x", videos="y", licence="z").stages["cavp"]
    assert (tuned.schedule, tuned.steps) == ("timed-cosine", None)


def test_refusals_are_one_line(tiny, tmp_path, capsys):
    given = ["finetune", str(tmp_path / "run"), str(tmp_path), "-o", str(tmp_path / "new")]
    assert main(given) == 2
    told = capsys.readouterr().err
    assert "lacks config.json" in told and told.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("status", [0, 1])
def test_the_bundle_is_exported_by_the_same_command(tmp_path, monkeypatch, capsys, status):
    run, commands = tmp_path / "new", []

    def ran(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=status)

    monkeypatch.setattr(finetune, "read_start", lambda _: load_config(str(TINY)))
    monkeypatch.setattr(finetune, "prepare_for", lambda *_: None)
    monkeypatch.setattr(finetune, "train_all", lambda *_: None)
    monkeypatch.setattr(finetune.subprocess, "run", ran)
    (tmp_path / "vocoder.pt").write_bytes(b"its vocoder")
    assert main(["finetune", str(tmp_path), str(tmp_path), "-o", str(run)]) == status
    assert commands[0][1:] == [
        *("-m", "foleyline_export.cli", "run", str(run), "-o", str(run / "bundle"))
    ]
    assert (run / "vocoder.pt").read_bytes() == b"its vocoder"
    told = capsys.readouterr()
    assert f"wrote the bundle {run / 'bundle'}" in told.out if not status else "again" in told.err


def write_videos(folder, hz, count, seed):
    """Flashes that change the picture, each with a decaying tone."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    since_s = np.arange(int(3.2 * 8000)) / 8000
    for number in range(count):
        sound = np.zeros(len(since_s))
        for at_s in np.arange(0.2, 3, 0.5) + rng.uniform(0, 0.3, 6):
            after_s = np.maximum(since_s - at_s, 0)
            sound += 0.7 * np.sin(2 * np.pi * hz * after_s) * np.exp(-after_s / 0.08)
        write_movie(folder / f"{number}.mkv", steady(78, 25), sound.astype(np.float32))
    return folder


@pytest.fixture
def thuds(tmp_path):
    """A finished run that has heard nothing but low thuds."""
    tiny = load_config(str(TINY))
    stages = {
        name: replace(stage, seconds=1e6, steps=STEPS[name], warm_up_steps=5, learning_rate=3e-3)
        for name, stage in tiny.stages.items()
    }
    config, run = replace(tiny, stages=stages), Run(tmp_path / "base", data=tmp_path / "thuds-data")
    videos = write_videos(tmp_path / "thuds", THUD_HZ, 4, seed=0)
    prepare(Request(videos, run.corpus, ClipSpec.of(config), workers=0))
    write_run_config(run.folder, config)
    write_run_sources(run.folder, RunSources.of(open_data(run.corpus, config)))
    for name in STEPS:
        train_stage(name, config, run)
    return run


def heard(run, data):
    """How much of what a run's networks make for pictures is near the thud, and near the beep."""
    config = read_run_config(run)
    schedule = Schedule(config.schedule)
    cavp = trained(make_cavp(config, 0), run / "cavp.pt")
    denoiser = trained(make_denoiser(config), run / "diffusion.pt")
    coder = trained(make_autoencoder(config), run / "autoencoder.pt")
    with torch.inference_mode():
        window = config.features.per_window
        pictures = as_pictures(open_data(data, config).pictures[0:4])[:, :window]
        condition = denoiser.condition_encoder(cavp.video(pictures))
        latent = torch.randn(4, config.latent.channels, window)
        times = torch.linspace(999, 0, SAMPLING_STEPS).long()
        for now, then in zip(times, [*times[1:], None], strict=True):
            clean = denoiser.unet(latent, now.float().expand(4), condition)
            level = schedule.alphas_cumprod[now]
            noise = (latent - level.sqrt() * clean) / (1 - level).sqrt()
            latent = clean if then is None else schedule.add_noise(clean, noise, then)
        mel = coder.decoder(latent / started_scale_factor(run)).clamp(0, 1)
    energy = mel.mean((0, 2)).numpy()  # (bands,)
    bins_hz = np.linspace(0, config.mel.rate_hz / 2, config.mel.n_fft // 2 + 1)
    band = [
        int(mel_filters(config.mel)[:, np.abs(bins_hz - hz).argmin()].argmax())
        for hz in (THUD_HZ, BEEP_HZ)
    ]
    return energy[band]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sound_absent_before_is_present_after(thuds, tmp_path, capsys):
    videos = write_videos(tmp_path / "Beeps", BEEP_HZ, 4, seed=1)
    new = tmp_path / "new"
    given = ["finetune", str(thuds.folder), str(videos), "-o", str(new), "--workers", "0"]
    given += [
        "--no-bundle",
        "--set",
        "finetune.learning_rate=1.0",
        "--author",
        "me",
        "--licence",
        "CC0-1.0",
    ]
    config = read_run_config(thuds.folder)
    steps = replace(config.finetune, steps=STEPS, warm_up_steps=5)
    write_run_config(thuds.folder, replace(config, finetune=steps))
    assert main(given) == 0
    assert capsys.readouterr().out == f"trained {new}\n"

    thud_before, beep_before = heard(thuds.folder, new / "data")
    _, beep_after = heard(new, new / "data")
    assert thud_before > 0.2 > 0.05 > beep_before
    assert beep_after > 0.2

    credited = [row["file"] for row in read_run_sources(new).sounds]
    assert credited == ["thuds", "Beeps"]
    assert read_run_config(new).name == "tiny-beeps"

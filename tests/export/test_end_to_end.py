"""`foley-train all`, killed three times on its way, then `foley-export`, all at toy size."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile

from foleyline_contract.bundle import read_manifest, verify_files
from foleyline_export.cli import main as export
from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import STAGES, load_config
from foleyline_training.corpus.materials import MATERIALS
from foleyline_training.corpus.sounds import LICENCE_TABLE

TINY = Path(__file__).parents[1] / "training" / "tiny.toml"
RATE_HZ = 8000
PATIENCE_S = 240

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="watches processes in /proc"),
]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Three generated one-shots a material, in the library's format."""
    folder = tmp_path_factory.mktemp("sounds")
    since_s = np.arange(RATE_HZ // 4) / RATE_HZ
    rows = []
    for number, material in enumerate(MATERIALS):
        for take, word in enumerate(("oak", "elm", "ash")):
            file = f"{material.name}_{word}.wav"
            tone = np.cos(2 * np.pi * (300 + 200 * number + 30 * take) * since_s)
            soundfile.write(folder / file, 0.5 * tone * np.exp(-since_s / 0.03), RATE_HZ)
            row = {"file": file, "category": material.categories[0], "licence": "CC0-1.0"}
            row |= {"author": f"author of {file}", "source": "made here", "url": ""}
            rows.append(row | {"duration": 0.25, "onset_s": 0.0, "n_onsets": 1})
    with (folder / LICENCE_TABLE).open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


class TrainingRun:
    """`foley-train all` as a process group of its own."""

    def __init__(self, folder: Path, sounds: Path) -> None:
        self.folder, self.sounds = folder, sounds
        self.log = folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        command = ["all", "--config", TINY, "--sounds", self.sounds, "--run", self.folder, *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "foleyline_training.cli", *map(str, command)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def wait_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def kill_all(self) -> None:
        """What a power cut or a container's end does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_parent(self) -> list[int]:
        """What `kill` or the out-of-memory killer does; returns the children."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.process.kill()
        self.process.wait()
        return [int(child) for child in children]

    def finish(self) -> None:
        self.start()
        assert self.process.wait(PATIENCE_S) == 0, self.log.read_text()


def runs(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # a zombie's is empty
    except OSError:
        return False


@pytest.fixture(scope="module")
def training(sounds, tmp_path_factory):
    """A finished run that was killed while rendering and in both groups of stages."""
    run = TrainingRun(tmp_path_factory.mktemp("train") / "run", sounds)
    try:
        run.start()
        run.wait_until((run.folder / "corpus" / "plan.json").exists)
        run.kill_all()

        run.start("--set", "stages.cavp.seconds=900", "--set", "stages.autoencoder.seconds=900")
        run.wait_until((run.folder / "cavp.jsonl").exists)
        orphans = run.kill_parent()
        deadline = time.monotonic() + 20
        while any(map(runs, orphans)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = [pid for pid in orphans if runs(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert orphans
        assert not left

        run.start()
        run.wait_until((run.folder / "diffusion.jsonl").exists)
        run.kill_all()
        made = {
            path: path.stat().st_mtime_ns
            for path in (run.folder / "corpus" / "pictures.npy", run.folder / "cavp.pt")
        }

        run.finish()
        assert made == {path: path.stat().st_mtime_ns for path in made}
    finally:
        if run.process.poll() is None:
            run.kill_all()
    return run.folder


@pytest.fixture(scope="module")
def bundle(training):
    folder = training.parent / "bundle"
    assert export([str(training), "-o", str(folder)]) == 0
    return folder


def test_every_stage_ended(training):
    for name in STAGES:
        assert load_checkpoint(training / f"{name}.pt")["steps"] > 0
    assert not list(training.rglob("*.part*"))
    assert not list(training.glob("*.resume.pt"))


def test_bundle_is_whole(bundle):
    manifest = read_manifest(bundle)
    verify_files(bundle, manifest)
    assert (manifest.name, manifest.licence) == ("tiny", "CC0-1.0")
    assert manifest.training["scenes"] == 8
    assert list(manifest.model.palette) == manifest.training["materials"]


def test_bundle_credits_the_sounds_that_were_heard(bundle, sounds):
    with (bundle / read_manifest(bundle).attributions).open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert rows
    assert all((sounds / row["file"]).is_file() for row in rows)
    assert all(row["author"] == f"author of {row['file']}" for row in rows)


def test_graphs_follow_one_another(bundle):
    """From pictures to a mel, as the server chains them."""
    spec = read_manifest(bundle).model
    window = load_config(str(TINY)).features.per_window

    def run(graph, **inputs):
        session = onnxruntime.InferenceSession(bundle / f"{graph}.onnx")
        return session.run(None, {name: np.float32(value) for name, value in inputs.items()})

    rng = np.random.default_rng(0)
    (features,) = run("video_encoder", pictures=rng.random((1, window, 3, 16, 16)))
    palette = np.eye(1, len(spec.palette))
    (condition,) = run("condition_encoder", features=features, palette=palette)
    latent, time_ = rng.standard_normal((1, *spec.latent.shape)), np.array([500.5])
    (clean,) = run("unet", latent=latent, timestep=time_, condition=condition)
    log_prob, gradient = run("aligner", latent=clean, timestep=time_, features=features)
    (mel,) = run("latent_decoder", latent=clean / spec.latent.scale_factor)
    assert gradient.shape == clean.shape
    assert log_prob < 0
    assert mel.shape == (1, spec.mel.bands, spec.window_mel_frames)
    assert np.isfinite(mel).all()

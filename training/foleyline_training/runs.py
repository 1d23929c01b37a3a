"""A whole training run: the corpus, then the stages, two at a time on two cores.

Every step finds what it has already done, so a killed run goes on with the same command.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import torch

from foleyline_contract.errors import SettingInvalid
from foleyline_training.config import OPTIONAL_STAGES, Config, write_run_config
from foleyline_training.corpus.join import check_finished, join_corpora
from foleyline_training.corpus.shards import CorpusSpec, generate_shard
from foleyline_training.corpus.split import Split
from foleyline_training.data.corpus_files import ClipArrays, CorpusFiles
from foleyline_training.data.prepared_files import DataUnusable as DataUnusable
from foleyline_training.data.prepared_files import open_data
from foleyline_training.distributed import ALONE, Processes
from foleyline_training.given_weights import PARTS, adopt_autoencoder, give_first_weights
from foleyline_training.loop import train
from foleyline_training.metrics.timbre import probe_for, probe_scenes, reconstruction_accuracy
from foleyline_training.sources import RunSources, read_run_sources, write_run_sources
from foleyline_training.stages.autoencoder import AutoencoderStage
from foleyline_training.stages.cavp import CavpStage
from foleyline_training.stages.classifier import ClassifierStage
from foleyline_training.stages.conditioned import WindowData
from foleyline_training.stages.diffusion import DiffusionStage
from foleyline_training.stages.encoded import window_data
from foleyline_training.stages.networks import make_autoencoder, trained
from foleyline_training.stages.vocoder import VocoderStage
from foleyline_training.start import start_from, started_scale_factor
from foleyline_training.trainer import Stage

log = logging.getLogger(__name__)

SIDE_BY_SIDE = (("cavp", "autoencoder"), ("diffusion", "classifier"))
"""Stages of one group need nothing of each other."""
HELD_OUT_SEED = 1_000_000_000
"""Held-out scenes have seeds from here on; training scenes stay far below."""

SAVING_S = 60.0
"""How long a stage that is told to end may take to finish its step and save."""


class TimbreLost(Exception):
    """The autoencoder did not pass its gate; the text says what to do."""


class StageFailed(Exception):
    """A stage's process has failed; the text says which."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run reads and writes.

    Attributes:
        sounds: what a corpus is rendered with.
        data: prepared videos that are trained on in its place.
        boards: where TensorBoard's logs go, in a folder a stage; none for no such logs.
        start: a finished run whose weights every stage starts from.
        autoencoder: Stable Diffusion's, for released networks.
        first_weights: files by what they give first weights to; given_weights.py says what can be.
        also: corpora that are trained on beside the one that is rendered.
    """

    folder: Path
    sounds: Path | None = None
    workers: int = 2
    data: Path | None = None
    boards: Path | None = None
    start: Path | None = None
    autoencoder: Path | None = None
    first_weights: Mapping[str, Path] = field(default_factory=dict[str, Path])
    also: Sequence[Path] = ()

    @property
    def corpus(self) -> Path:
        return self.data or self.folder / "corpus"

    @property
    def held_out(self) -> Path:
        return self.folder / "held_out"

    @property
    def unseen(self) -> Path:
        return self.folder / "unseen"


def corpus_spec(config: Config, split: Split = Split.TRAINING) -> CorpusSpec:
    """What the renderer has to know of a configuration."""
    return CorpusSpec(
        picture_fps=config.picture.fps,
        picture_count=config.corpus.duration_pictures,
        phase_s=config.picture.phase_s,
        size_px=config.picture.height_px,
        rate_hz=config.mel.rate_hz,
        split=split,
    )


def render(config: Config, run: Run) -> None:
    """Render the training corpus and those for measuring, each where it is still missing."""
    if run.sounds is None:
        raise ValueError("a corpus is rendered with sounds, and the run has none")
    check_finished(run.also)  # Before hours of rendering, not after.
    own = run.folder / "rendered" if run.also else run.corpus
    for folder, start_seed, count, split in (
        (own, config.seed, config.corpus.scenes, Split.TRAINING),
        (run.held_out, HELD_OUT_SEED + config.seed, config.corpus.held_out_scenes, Split.HELD_OUT),
        (run.unseen, HELD_OUT_SEED + config.seed, config.corpus.unseen_scenes, Split.UNSEEN),
    ):
        spec = corpus_spec(config, split)
        generate_shard(spec, start_seed, count, folder, run.sounds, processes=run.workers)
    if run.also:
        join_corpora([own, *run.also], run.corpus)


def train_stage(name: str, config: Config, run: Run, processes: Processes = ALONE) -> Path:
    """Train one stage in this process, on one thread, with those that a launcher started."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)  # the initial weights follow from it
    if unknown := sorted(set(run.first_weights) - set(PARTS)):
        raise SettingInvalid(
            f"There is nothing called {unknown[0]!r} to give first weights to.",
            remedy=f"Choose one of {', '.join(PARTS)}.",
        )
    if name == "autoencoder" and not config.networks.is_mini:
        return _given_autoencoder(config, run, processes)
    with processes.one_after_the_first():  # The first one computes what is cached.
        stage = _stage(name, config, run)
    for part, path in run.first_weights.items():
        if part.partition(".")[0] == name:
            give_first_weights(stage.network, part, path, config.networks.sizes)
    settings = config.stages[name]
    if settings.epochs is not None:
        settings = settings.over(_corpus(config, run).scenes)
    board = run.boards and run.boards / name
    return train(stage, settings, run.folder, config.seed, processes=processes, board=board)


def _given_autoencoder(config: Config, run: Run, processes: Processes) -> Path:
    """The autoencoder of released networks is not trained; it becomes the run's own."""
    done, given = run.folder / "autoencoder.pt", run.autoencoder
    if given is None and run.start is not None:
        given = run.start / "autoencoder.pt"
    if given is None and not done.exists():
        raise SettingInvalid(
            "The released networks work in the latents of Stable Diffusion's autoencoder.",
            remedy="Name its file with --autoencoder.",
        )
    if processes.is_first and given is not None and not done.exists():
        adopt_autoencoder(config, given, run.folder)
    processes.wait()
    return done


def _stage(name: str, config: Config, run: Run) -> Stage:
    if name == "vocoder":
        if run.sounds is None:
            raise SettingInvalid(
                "A vocoder is trained on recordings, not on videos.",
                remedy="Give --sounds instead of --data for this stage.",
            )
        return VocoderStage(config, run.sounds)
    corpus = _corpus(config, run)
    if name in SIDE_BY_SIDE[0]:
        stage = CavpStage(config, corpus) if name == "cavp" else AutoencoderStage(config, corpus)
    else:
        data = _conditioned(config, corpus, run)
        stage = DiffusionStage(data) if name == "diffusion" else ClassifierStage(data)
    if run.start is not None:
        start_from(stage.network, run.start, name)
    return stage


def _corpus(config: Config, run: Run) -> ClipArrays:
    known = read_run_sources(run.start).materials if run.start else ()
    return open_data(run.corpus, config, known)


def _conditioned(config: Config, corpus: ClipArrays, run: Run) -> WindowData:
    scale_factor = None if run.start is None else started_scale_factor(run.start)
    return window_data(config, corpus, run.folder, scale_factor)


def train_all(
    config: Config, run: Run, stage_arguments: list[str], processes: Processes = ALONE
) -> None:
    """Render, unless there are prepared videos, and train everything.

    Args:
        stage_arguments: command-line arguments that give a child process the same run.
        processes: those that a launcher started; they train stage after stage together.

    Raises:
        TimbreLost: the autoencoder did not pass its gate.
        DataUnusable: the prepared videos cannot be trained on.
        StartUnusable: the weights to start from are of no use.
        StageFailed: a stage failed; its output says why.
    """
    if processes.is_first:
        write_run_config(run.folder, config)
        if run.data is None:
            render(config, run)
        corpus = _corpus(config, run)
        write_run_sources(run.folder, RunSources.of(corpus, run.start))
        corpus.mels()
    if not config.networks.is_mini:
        train_stage("autoencoder", config, run, processes)  # Before days of CAVP, not after.
    processes.wait()
    # A vocoder hears recordings and no soundtracks, so prepared videos do not train one.
    optional = tuple((name,) for name in OPTIONAL_STAGES if name in config.stages and run.sounds)
    for group in (*SIDE_BY_SIDE, *optional):
        if group == SIDE_BY_SIDE[1] and processes.is_first:
            # The probe needs materials that somebody knows.
            if run.data is None and config.networks.is_mini:
                check_timbre(config, run)
            # Made once here, before two processes would make it twice.
            _conditioned(config, _corpus(config, run), run)
        processes.wait()
        if processes.world == 1:
            _side_by_side(group, stage_arguments)
        else:
            for name in group:
                train_stage(name, config, run, processes)


def _side_by_side(names: tuple[str, ...], stage_arguments: list[str]) -> None:
    children = {name: _spawn(name, stage_arguments) for name in names}
    try:
        for name, child in children.items():
            if status := child.wait():
                raise StageFailed(f"{name} ended with status {status}; what it said is above.")
    finally:
        for child in children.values():
            child.terminate()
        for child in children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(SAVING_S)
            if child.stdin:
                child.stdin.close()  # Ends one that is still there.


def check_timbre(config: Config, run: Run) -> None:
    """Refuse an autoencoder that keeps onsets and loses timbre; the figures go to a file.

    Raises:
        TimbreLost: a material probe names too few reconstructions.
    """
    corpus, held_out = CorpusFiles(run.corpus, config), CorpusFiles(run.held_out, config)
    probe = probe_for(corpus)
    coder = trained(make_autoencoder(config), run.folder / "autoencoder.pt")
    known = reconstruction_accuracy(probe, corpus, probe_scenes(corpus), coder)
    unknown = reconstruction_accuracy(probe, held_out, range(held_out.scenes), coder)
    figures = {
        "known_sounds": {"real": round(known[0], 3), "reconstructed": round(known[1], 3)},
        "unknown_sounds": {"real": round(unknown[0], 3), "reconstructed": round(unknown[1], 3)},
    }
    log.info("material probe: %s", figures)
    (run.folder / "timbre.json").write_text(json.dumps(figures) + "\n")
    # Unknown sounds are no fair gate: the probe itself hardly names them.
    if known[1] < config.timbre_gate * known[0]:
        raise TimbreLost(
            f"the material probe names {known[0]:.0%} of real sounds but {known[1]:.0%} of "
            "reconstructions: train the autoencoder longer (stages.autoencoder.seconds)"
        )


def _spawn(name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "foleyline_training.cli", "stage", name, *arguments]
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "--end-with-parent"], env={**os.environ, **one_thread}, stdin=subprocess.PIPE
    )


def end_with_parent() -> None:
    """Exit when standard input closes, as it does however the parent ends.

    The children of a killed run would otherwise go on, and write the same checkpoints as
    those of the run that is started in its place.
    """

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)

    Thread(target=wait, daemon=True).start()

"""The real networks behind the service: kept features, shared batches, too little memory."""

import itertools
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract import messages as m
from foleyline_contract.errors import OutOfMemory, SettingInvalid
from foleyline_server.pipeline.progress import Meter
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.providers import CPU, CUDA
from foleyline_server.runtime.session import GraphSession, RuntimeOptions


@pytest.fixture
def calls(monkeypatch) -> list[tuple[str, int]]:
    """Name and rows of every graph that runs, in order."""
    counted: list[tuple[str, int]] = []
    real = GraphSession.__call__

    def run(self, **inputs):
        counted.append((self.name, len(next(iter(inputs.values())))))
        return real(self, **inputs)

    monkeypatch.setattr(GraphSession, "__call__", run)
    return counted


def meter() -> Meter:
    return Meter(1, lambda *_: None, lambda: None)


def clip_of(movie: Path, start_s: int = 0) -> m.Clip:
    return m.Clip(str(movie), Fraction(start_s), Fraction(3, 2))


def make(engine, clip: m.Clip, seed: int = 1, **settings):
    order = engine.order(m.GenerateSettings(seed, **settings))
    with engine.at_work():
        return engine.make(engine.see(clip, order, meter()), clip, order, 0, meter())


def samples(pcm: bytes) -> np.ndarray:
    low, mid, high = np.frombuffer(pcm, np.uint8).reshape(-1, 3).astype(np.int32).T
    return (low | mid << 8 | high << 16) - ((high & 128) << 17)


def test_a_new_seed_never_encodes_the_picture_again(server, movie: Path, calls) -> None:
    caller = server.call()

    def graphs_of(seed: int) -> set[str]:
        del calls[:]
        caller.send(m.Generate(clip_of(movie), m.GenerateSettings(seed)))
        caller.until(m.JobFinished)
        return {name for name, _ in calls}

    graphs_of(1)
    assert graphs_of(2) == {"condition_encoder", "unet", "aligner", "latent_decoder"}
    assert graphs_of(1) == set()


def test_jobs_share_batches_and_hear_the_same(
    tiny_folder: Path, engine_of, movie, calls, monkeypatch
) -> None:
    monkeypatch.setattr("foleyline_server.runtime.collector.GATHER_S", 0.2)
    shelf = BundleShelf([tiny_folder], RuntimeOptions((CPU,), 1, windows_per_batch=4), "tiny")
    engine = engine_of(shelf)
    assert engine.lanes == 4
    clips = [clip_of(movie, start_s) for start_s in range(3)]
    alone = [samples(make(engine, clip).pcm) for clip in clips]
    del calls[:]
    found: dict[int, np.ndarray] = {}

    def run(number: int) -> None:
        found[number] = samples(make(engine, clips[number]).pcm)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    # Three jobs of two windows each, two rows a window: alone a call would have four.
    assert max(count for name, count in calls if name == "unet") > 4
    for number, one in enumerate(alone):
        # docs/architecture.md: but for rounding. A step of 24 bits is 1.2e-7.
        assert np.abs(found[number] - one).max() <= 2**8


SOUNDS = (None, "wood", "footstep_loose")


def test_jobs_that_ask_for_different_sounds_share_batches(
    askable_folder: Path, engine_of, movie, calls, monkeypatch
) -> None:
    monkeypatch.setattr("foleyline_server.runtime.collector.GATHER_S", 1.0)
    options = RuntimeOptions((CPU,), 1, windows_per_batch=4)
    engine = engine_of(BundleShelf([askable_folder], options, "askable"))
    clip = clip_of(movie)
    alone = [samples(make(engine, clip, palette=sound).pcm) for sound in SOUNDS]
    for one, other in itertools.combinations(alone, 2):
        assert np.abs(one - other).max() > 2**12
    del calls[:]
    found: dict[int, np.ndarray] = {}

    def run(number: int) -> None:
        found[number] = samples(make(engine, clip, palette=SOUNDS[number]).pcm)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(count for name, count in calls if name == "unet") > 4
    assert max(count for name, count in calls if name == "condition_encoder") > 2
    for number, one in enumerate(alone):
        assert np.abs(found[number] - one).max() <= 2**8


def test_another_sound_never_encodes_the_picture_again(
    askable_shelf: BundleShelf, engine_of, serve, movie: Path, calls
) -> None:
    with serve(engine_of(askable_shelf)) as running:
        caller = running.call()

        def graphs_of(sound: str | None) -> set[str]:
            del calls[:]
            caller.send(m.Generate(clip_of(movie), m.GenerateSettings(1, palette=sound)))
            caller.until(m.JobFinished)
            return {name for name, _ in calls}

        assert "video_encoder" in graphs_of(None)
        assert graphs_of("wood") == {"condition_encoder", "unet", "aligner", "latent_decoder"}
        assert graphs_of("wood") == graphs_of(None) == set()


def test_a_sound_that_the_bundle_lacks_is_refused_at_once(
    askable_shelf: BundleShelf, engine_of
) -> None:
    engine = engine_of(askable_shelf)
    assert [info.palette for info in engine.infos()] == [("wood", "footstep_loose"), ()]
    assert engine.order(m.GenerateSettings(1, palette="wood")).settings.palette == "wood"
    with pytest.raises(SettingInvalid, match=r"'askable'.*'wod', only for wood, footstep_loose"):
        engine.order(m.GenerateSettings(1, palette="wod"))
    with pytest.raises(SettingInvalid, match="'plain' has no sound palette"):
        engine.order(m.GenerateSettings(1, bundle="plain", palette="wood"))
    assert engine.loaded() == ()


def test_on_the_cpu_a_job_is_alone_and_exact(shelf: BundleShelf, engine_of, movie: Path) -> None:
    assert engine_of(shelf).lanes == 1
    first, second = (make(engine_of(shelf), clip_of(movie)) for _ in range(2))
    assert first.pcm == second.pcm


def card(monkeypatch, rows_max: dict[str, int]) -> None:
    """Let bundles that are not on the CPU alone hold so many rows, by graph."""
    real = GraphSession.__call__

    def run(self, **inputs):
        rows = len(next(iter(inputs.values())))
        if rows > rows_max.get(self.name, 100) and self.on_card:
            raise OutOfMemory("The device has too little memory for this job.")
        return real(self, **inputs)

    begin = GraphSession.__init__

    def init(self, path, options, tuning=None, listed=()):
        begin(self, path, replace(options, providers=(CPU,)), None, listed)
        self.providers = options.providers
        self.on_card = options.providers[0] != CPU

    monkeypatch.setattr(GraphSession, "__init__", init)
    monkeypatch.setattr(GraphSession, "__call__", run)


def on_card(tiny_folder: Path, **options) -> BundleShelf:
    given = RuntimeOptions((CUDA, CPU), 1, windows_per_batch=4)
    return BundleShelf([tiny_folder], replace(given, **options), "tiny")


def test_too_little_memory_makes_batches_smaller(
    tiny_folder: Path, engine_of, movie: Path, monkeypatch, calls
) -> None:
    card(monkeypatch, {"unet": 2, "aligner": 1})
    engine = engine_of(on_card(tiny_folder))
    take = make(engine, clip_of(movie))
    assert {count for name, count in calls if name == "unet"} == {2}
    assert engine.device(engine.order(m.GenerateSettings(1))) == CUDA
    whole = make(engine_of(on_card(tiny_folder, providers=(CPU,))), clip_of(movie))
    assert np.abs(samples(take.pcm) - samples(whole.pcm)).max() <= 2**8


def test_with_none_at_all_the_others_go_then_the_cpu_takes_it(
    tiny_folder: Path, engine_of, movie: Path, monkeypatch
) -> None:
    rows_max: dict[str, int] = {}
    card(monkeypatch, rows_max)
    engine = engine_of(on_card(tiny_folder))
    make(engine, clip_of(movie), bundle="busy", steps=1)
    rows_max["unet"] = 0
    take = make(engine, clip_of(movie))
    assert engine.loaded() == ("tiny",)
    order = engine.order(m.GenerateSettings(1))
    assert engine.device(order) == CPU and take.provenance["device"] == CPU


def test_a_device_that_was_asked_for_says_that_it_is_full(
    tiny_folder: Path, engine_of, movie: Path, monkeypatch
) -> None:
    card(monkeypatch, {"unet": 0})
    engine = engine_of(on_card(tiny_folder, required=True))
    with pytest.raises(OutOfMemory, match="too little memory"):
        make(engine, clip_of(movie))

"""Makers of sound for scenes: through client and server, or in this process for sweeps.

Both go by the server's sampler and plan of windows. In this process pictures come from the
split's arrays instead of films, and near-silent takes are not tried again.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.scenes import Scenes
from foleyline_client.launcher import connect
from foleyline_client.session import Session
from foleyline_contract.errors import BundleUnknown
from foleyline_contract.messages import Clip, GenerateSettings, TakeFinished
from foleyline_server.pipeline.pcm import finish
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import UsedSettings, used_settings
from foleyline_server.pipeline.sampling import SeenClip, sample
from foleyline_server.pipeline.vocoders import vocoder_named
from foleyline_server.pipeline.windows import WindowPlan, plan_windows
from foleyline_server.runtime.bundles import LoadedBundle
from foleyline_training.data.corpus_files import as_pictures

Floats = NDArray[np.float32]
SCENES_PER_BATCH = 4
ROW_SEED = 10_000
"""Seeds of one evaluation seed's scenes start at so many times it, and never meet another's."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to sample; None is the bundle's default."""

    name: str
    cfg_scale: float | None = None
    align_scale: float | None = None
    asks: bool = False
    """Whether each scene's sound of the palette is asked for."""
    steps: int | None = None

    def settings(self, seed: int, asked: str | None, bundle: str | None = None) -> GenerateSettings:
        """What a client would send."""
        return GenerateSettings(
            seed=seed,
            bundle=bundle,
            cfg_scale=self.cfg_scale,
            align_scale=self.align_scale,
            palette=asked if self.asks else None,
            steps=self.steps,
        )


NO_GUIDANCE = Way("no guidance", 1.0, 0.0)
CFG = Way("classifier-free", None, 0.0)
DOUBLE = Way("double")
SET = Way("double, palette set", asks=True)


class Maker(Protocol):
    """Makes one sound a scene."""

    palette: tuple[str, ...]

    def make(self, scenes: Scenes, way: Way, seed: int) -> list[Floats]:
        """Sounds at TAKE_RATE_HZ, as long as the scenes."""
        ...


class InProcess:
    """Many scenes at once in this process; features are made once a split."""

    def __init__(self, bundle: LoadedBundle) -> None:
        self.bundle = bundle
        self.palette = bundle.found.manifest.model.palette
        self._features: dict[Path, Floats] = {}
        self._meter = Meter(1, lambda *_: None, lambda: None)

    def make(self, scenes: Scenes, way: Way, seed: int) -> list[Floats]:
        asked = [self._asked(scenes, way, row) for row in scenes.rows]
        order = sorted(scenes.rows, key=lambda row: (asked[row] or "", row))
        sounds: dict[int, Floats] = {}
        for wanted, group in groupby(order, key=lambda row: asked[row]):
            rows = list(group)
            for first in range(0, len(rows), SCENES_PER_BATCH):
                part = rows[first : first + SCENES_PER_BATCH]
                settings = used_settings(
                    way.settings(seed * ROW_SEED + part[0], wanted),
                    self.bundle.found.manifest.model.defaults,
                    self.bundle.graphs,
                )
                made = self._batch(scenes, part, settings)
                sounds |= dict(zip(part, made, strict=True))
        return [sounds[row] for row in scenes.rows]

    def _asked(self, scenes: Scenes, way: Way, row: int) -> str | None:
        wanted = scenes.asked(row) if way.asks else None
        return wanted if wanted in self.palette else None

    def _batch(self, scenes: Scenes, rows: list[int], settings: UsedSettings) -> list[Floats]:
        bundle, model = self.bundle, self.bundle.found.manifest.model
        columns, column_s = model.latent.shape[-1], bundle.column_s
        one = plan_windows(scenes.duration_s, model.window_s, columns, column_s)
        length = one.canvas().length
        # The scenes lie side by side on one canvas; their windows do not reach into each other.
        plan = replace(
            one,
            starts=tuple(k * length + start for k in range(len(rows)) for start in one.starts),
        )
        features = np.concatenate([self._windows(scenes, one, row) for row in rows])
        latent, _ = sample(SeenClip(plan, features), bundle, settings, settings.seed, self._meter)
        unscaled = latent / np.float32(model.latent.scale_factor)

        def decode(windows: range) -> Floats:
            return bundle.graphs["latent_decoder"](latent=plan.canvas().cut(unscaled, windows))[
                "mel"
            ]

        per = bundle.mel_frames_per_column
        mel = plan.canvas(per).blend(bundle.windows_per_batch, decode)
        vocoder = vocoder_named(settings.vocoder, bundle.graphs)(
            model.mel, bundle.mel_filters, bundle.graphs
        )
        clip = Clip("scene", Fraction(0), scenes.duration_s)
        sounds: list[Floats] = []
        for k in range(len(rows)):
            own = mel[:, k * length * per : (k + 1) * length * per]
            sound = vocoder(own, settings.seed + k)
            sounds.append(finish(sound, model.mel.rate_hz, clip.sample_count).sound)
        return sounds

    def _windows(self, scenes: Scenes, plan: WindowPlan, row: int) -> Floats:
        """Features of a scene's windows: (windows, F, D)."""
        model = self.bundle.found.manifest.model
        whole = self._seen(scenes)[row]
        firsts = [round(plan.start_s(w) * model.picture.fps) for w in range(plan.count)]
        return np.stack([whole[first : first + model.features.per_window] for first in firsts])

    def _seen(self, scenes: Scenes) -> Floats:
        """Features (scenes, duration, D)."""
        if scenes.folder not in self._features:
            encoder = self.bundle.graphs["video_encoder"]
            top = np.float32(self.bundle.found.manifest.model.picture.value_max)
            found: list[Floats] = []
            for row in scenes.rows:
                pictures = as_pictures(scenes.corpus.pictures[row][None]).numpy() * top
                found.append(encoder(pictures=pictures.astype(np.float32))["features"])
            self._features[scenes.folder] = np.concatenate(found)
        return self._features[scenes.folder]


class OverWire:
    """Films in, a server's takes out, one job a scene."""

    def __init__(self, session: Session, bundle: str | None, palette: tuple[str, ...]) -> None:
        self.session, self.bundle, self.palette = session, bundle, palette

    def make(self, scenes: Scenes, way: Way, seed: int) -> list[Floats]:
        sounds: list[Floats] = []
        for row in scenes.rows:
            wanted = scenes.asked(row) if way.asks else None
            asked = wanted if wanted in self.palette else None
            clip = Clip(str(scenes.film(row).absolute()), Fraction(0), scenes.duration_s)
            settings = way.settings(seed * ROW_SEED + row, asked, self.bundle)
            sounds.append(self._take(clip, settings))
        return sounds

    def _take(self, clip: Clip, settings: GenerateSettings) -> Floats:
        takes = [
            from_pcm(envelope.parts[0])
            for envelope in self.session.events(self.session.submit(clip, settings))
            if isinstance(envelope.message, TakeFinished)
        ]
        return takes[0]


@contextmanager
def own_server(bundles: Path | None, bundle: str | None) -> Iterator[OverWire]:
    """A server on a free port, with an empty store, that ends afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with TemporaryDirectory(ignore_cleanup_errors=True) as store:
        command = [sys.executable, "-m", "foleyline_server", "--address", address]
        command += ["--data", store, "--log-level", "warning"]
        command += ["--bundles", str(bundles)] if bundles is not None else []
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            session, welcome = connect(address, timeout_s=60)
            named = [info for info in welcome.bundles if bundle in (None, info.name)]
            if not named:
                raise BundleUnknown(f"The server has no bundle {bundle!r}.")
            yield OverWire(session, named[0].name, named[0].palette)
            session.shutdown()
            session.close()
            server.wait(timeout=10)
        finally:
            server.kill()


def from_pcm(pcm: bytes) -> Floats:
    """24-bit little-endian PCM to floats in [-1, 1)."""
    triples = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(triples), 4), np.uint8)
    wide[:, 1:] = triples
    return wide.view("<i4").ravel().astype(np.float32) / np.float32(2**31)

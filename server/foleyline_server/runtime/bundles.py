"""Bundles: found in folders, verified, loaded when first used, kept.

A broken bundle never stops the server: it is logged, and named when somebody asks for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.bundle import (
    MANIFEST_NAME,
    MEL_FILTERS,
    OPTIONAL_GRAPHS,
    Manifest,
    manifest_sha256,
    read_manifest,
    verify_files,
)
from foleyline_contract.errors import BundleDamaged, BundleError, BundleIncomplete, BundleUnknown
from foleyline_contract.messages import BundleInfo
from foleyline_server.runtime.budget import windows_that_fit
from foleyline_server.runtime.engine_cache import EngineKey, engine_folder, user_cache
from foleyline_server.runtime.graph_checks import check_graphs, mel_frames_per_window
from foleyline_server.runtime.library import device_name, library_version
from foleyline_server.runtime.provider_options import BundleFacts, tuning
from foleyline_server.runtime.providers import CPU, TENSORRT, windows_per_batch
from foleyline_server.runtime.session import GraphSession, RuntimeOptions

_log = logging.getLogger(__name__)
PACKAGED_BUNDLES = Path(__file__).resolve().parent.parent / "bundles"
"""The folder of bundles that come with the server."""
RUNNABLE_FAMILIES = ("diff-foley",)


@dataclass(frozen=True, slots=True)
class FoundBundle:
    """A bundle whose manifest was read; its other files were not."""

    folder: Path
    manifest: Manifest
    sha256: str

    def info(self) -> BundleInfo:
        """What a client shows of it."""
        manifest, defaults = self.manifest, self.manifest.model.defaults
        picture = manifest.model.picture
        return BundleInfo(
            name=manifest.name,
            version=manifest.version,
            family=manifest.family,
            licence=manifest.licence,
            description=manifest.description,
            sha256=self.sha256,
            sampler=defaults.sampler,
            steps=defaults.steps,
            cfg_scale=defaults.cfg_scale,
            align_scale=defaults.align_scale,
            vocoder=defaults.vocoder,
            picture_width_px=picture.width_px,
            picture_height_px=picture.height_px,
            picture_fps=picture.fps,
            palette=manifest.model.palette,
        )


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A verified bundle, ready to run.

    Attributes:
        graphs: by the names of docs/bundle.md; the optional ones that there are, on the CPU.
        mel_filters: (bands, n_fft // 2 + 1).
        window_mel_frames: mel frames that the decoder gives for one window; a whole number of
            them for each latent column.
        windows_per_batch: how many windows go through a network in one call.
        provider: what computes the UNet.
    """

    found: FoundBundle
    graphs: Mapping[str, Graph]
    mel_filters: NDArray[np.float32]
    window_mel_frames: int
    windows_per_batch: int = 1
    provider: str = CPU

    @property
    def mel_frames_per_column(self) -> int:
        """Mel frames that one latent column becomes."""
        return self.window_mel_frames // self.found.manifest.model.latent.shape[-1]

    @property
    def column_s(self) -> Fraction:
        """How long one latent column lasts."""
        mel = self.found.manifest.model.mel
        return Fraction(self.mel_frames_per_column * mel.hop, mel.rate_hz)


class Graph(Protocol):
    """One network: named tensors in, named tensors out."""

    def __call__(self, **inputs: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]: ...


class BundleShelf:
    """The bundles of this server; for any thread, but loading is for one at a time.

    Args:
        folders: each holds bundles as subfolders, or is a bundle itself; earlier ones win.
        options: for the graphs' sessions.
        default: the bundle that is used when a request names none; else the first found.
    """

    def __init__(
        self, folders: Sequence[Path], options: RuntimeOptions, default: str | None = None
    ) -> None:
        self.options = options
        self._found: dict[str, FoundBundle] = {}
        self._broken: dict[str, BundleError] = {}
        self._loaded: dict[str, LoadedBundle] = {}
        for folder in folders:
            for candidate in _candidates(folder):
                self._look_at(candidate)
        self.default = default or next(iter(self._found), "")

    def infos(self) -> tuple[BundleInfo, ...]:
        """All usable bundles, the default one first."""
        ordered = sorted(self._found.values(), key=lambda item: item.manifest.name != self.default)
        return tuple(item.info() for item in ordered)

    def find(self, name: str | None) -> FoundBundle:
        """The bundle of that name, or the default one.

        Raises:
            BundleUnknown: there is none.
            BundleDamaged, BundleIncomplete: there is one, but it cannot be used.
        """
        wanted = name or self.default
        if wanted in self._broken:
            # A fresh one: raising the same object twice would tie two jobs' traces together.
            known = self._broken[wanted]
            raise type(known)(known.message, remedy=known.remedy, detail=known.detail)
        if wanted in self._found:
            return self._found[wanted]
        if not wanted:
            raise BundleUnknown("No model bundle is installed.", remedy="Install one first.")
        raise BundleUnknown(f"There is no bundle {wanted!r}.")

    def load(self, found: FoundBundle, on_cpu: bool = False) -> LoadedBundle:
        """Verify and load a bundle, or return it when it is loaded already.

        Raises:
            BundleDamaged: a hash is wrong, or a file is no graph or array.
            BundleIncomplete: graphs or filters do not fit the manifest.
            OutOfMemory: the device cannot hold it.
        """
        name = found.manifest.name
        if name not in self._loaded:
            options = replace(self.options, providers=(CPU,)) if on_cpu else self.options
            self._loaded[name] = _load(found, options)
        return self._loaded[name]

    def unload(self, name: str) -> None:
        """Let go of a loaded bundle; its memory is free when no job uses it any longer."""
        self._loaded.pop(name, None)

    def loaded(self) -> tuple[str, ...]:
        """Names of the bundles in memory."""
        return tuple(self._loaded)

    def _look_at(self, folder: Path) -> None:
        try:
            manifest = read_manifest(folder)
            if manifest.family not in RUNNABLE_FAMILIES:
                raise BundleIncomplete(
                    f"The bundle {manifest.name!r} is of the family {manifest.family!r}, which "
                    "this release cannot run.",
                    remedy="Update the server, or choose another bundle.",
                )
            found = FoundBundle(folder, manifest, manifest_sha256(folder))
        except BundleError as error:
            _log.warning("A bundle cannot be used. %s %s", error, error.detail)
            self._broken.setdefault(folder.name, error)
            return
        except OSError as error:
            _log.warning("A bundle cannot be read: %s", error.strerror)
            return
        if manifest.name in self._found:
            _log.warning("The bundle %r is installed twice; the first is used.", manifest.name)
            return
        self._found[manifest.name] = found


def _candidates(folder: Path) -> list[Path]:
    try:
        if (folder / MANIFEST_NAME).exists():
            return [folder]
        # An export in the making is hidden, and complete only when it is renamed.
        visible = (path for path in folder.iterdir() if not path.name.startswith("."))
        return sorted(path for path in visible if (path / MANIFEST_NAME).exists())
    except OSError as error:
        _log.warning("A folder of bundles cannot be read: %s", error.strerror)
        return []


def _load(found: FoundBundle, options: RuntimeOptions) -> LoadedBundle:
    folder, manifest = found.folder, found.manifest
    try:
        verify_files(folder, manifest)
        filters = np.load(folder / MEL_FILTERS, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleDamaged(
            f"A file of the bundle {manifest.name!r} cannot be read.", detail=str(error)
        ) from error
    mel = manifest.model.mel
    if filters.shape != (mel.bands, mel.n_fft // 2 + 1) or filters.dtype != np.float32:
        raise BundleIncomplete(f"The mel filters of bundle {manifest.name!r} have another shape.")
    facts = _facts(found, options)

    def session(name: str) -> GraphSession:
        # What surrounds the vocoder's graph is computed there too, and it is small.
        own = replace(options, providers=(CPU,)) if name in OPTIONAL_GRAPHS else options
        path, told = folder / f"{name}.onnx", tuning(own.providers, name, facts)
        return GraphSession(path, own, told, manifest.files)

    graphs = {name: session(name) for name in manifest.graphs}
    check_graphs(manifest, graphs)
    providers = graphs["unet"].providers
    if manifest.precision == "fp16" and providers[0] == CPU:
        _log.warning(
            "The bundle %r computes in float16, which is no faster on the CPU and takes more "
            "memory: use its fp32 edition.",
            manifest.name,
        )
    frames = mel_frames_per_window(manifest, graphs)
    windows = windows_per_batch(options.windows_per_batch, providers)
    if providers[0] != CPU:
        windows = windows_that_fit(graphs["unet"], manifest.model, windows)
    return LoadedBundle(found, graphs, filters, frames, windows, providers[0])


def _facts(found: FoundBundle, options: RuntimeOptions) -> BundleFacts:
    folder = None
    if TENSORRT in options.providers:
        key = EngineKey(found.sha256, device_name(TENSORRT), library_version())
        folder = engine_folder(found.folder, key, user_cache(os.environ, Path.home()))
    batch = windows_per_batch(options.windows_per_batch, options.providers)
    return BundleFacts(found.manifest, batch, folder, library_version())

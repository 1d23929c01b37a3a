"""A model bundle's manifest, ``bundle.json``: read, checked, written.

A bundle is a folder with ``bundle.json``, its ONNX graphs (``docs/bundle.md`` names their
inputs and outputs), ``mel_filters.npy`` and its licence texts. Nothing is trusted that
the manifest does not name with its sha256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from foleyline_contract.errors import BundleDamaged, BundleIncomplete
from foleyline_contract.fields import FieldError, from_json, to_json
from foleyline_contract.specs import ModelSpec
from foleyline_contract.version import BUNDLE_FORMAT_VERSION

MANIFEST_NAME = "bundle.json"
GRAPHS = ("video_encoder", "condition_encoder", "unet", "aligner", "latent_decoder")
"""Graphs every diff-foley bundle has, as ``<name>.onnx``."""
VOCODER_GRAPH = "vocoder"
NEURAL_VOCODER = "neural"
"""The vocoder that needs this graph."""
OPTIONAL_GRAPHS = (VOCODER_GRAPH,)
"""Graphs a bundle may hold besides, which a request can then ask for."""
MEL_FILTERS = "mel_filters.npy"
FAMILIES = ("diff-foley", "foley-flow")
FORMATS = (2, BUNDLE_FORMAT_VERSION)
"""Versions of the manifest that are read."""
PRECISIONS = ("fp32", "fp16-weights", "fp16")
"""How graphs compute: in float32; in float32 with weights stored as float16; in float16."""
EVALUATION_GRAPHS = ("spectrogram_encoder", "latent_encoder", "evaluation_classifier")
"""Graphs a bundle may hold besides, for measuring; the run time leaves them alone."""
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``bundle.json`` says."""

    format_version: int
    name: str
    family: str
    version: str
    description: str
    licence: str
    """SPDX expression for the weights."""
    attributions: str
    """Name of the file in the bundle that credits what the weights were made from."""
    precision: str
    model: ModelSpec
    files: Mapping[str, str]
    """File name to sha256, hexadecimal, of every file but the manifest itself."""
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """How the weights were made, for people; the run time ignores it."""
    parity: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Measured differences between the networks and their graphs; ignored at run time."""

    def __post_init__(self) -> None:
        if self.format_version not in FORMATS:
            read = " and ".join(map(str, FORMATS))
            raise ValueError(f"format_version is {self.format_version}, but {read} are read")
        if self.format_version < (needed := format_for(self.model)):
            raise ValueError(f"format_version is {self.format_version}, below {needed}")
        if self.family not in FAMILIES:
            raise ValueError(f"family is {self.family!r}, but must be one of {FAMILIES}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}, but must be one of {PRECISIONS}")
        for name in self.files:
            if PureWindowsPath(name).name != name or name in ("", ".", "..") or "\0" in name:
                raise ValueError(f"files: {name!r} is no plain file name")
        needed = {f"{graph}.onnx" for graph in GRAPHS} | {MEL_FILTERS, self.attributions}
        if missing := sorted(needed - set(self.files)):
            raise ValueError(f"files: {', '.join(missing)} missing")

    @property
    def graphs(self) -> tuple[str, ...]:
        """The graphs that the run time loads: those every bundle has, and the optional ones."""
        return GRAPHS + tuple(name for name in OPTIONAL_GRAPHS if f"{name}.onnx" in self.files)


def format_for(model: ModelSpec) -> int:
    """The oldest format that says all of ``model``, so that older servers read what they can."""
    return BUNDLE_FORMAT_VERSION if model.palette else FORMATS[0]


def read_manifest(folder: Path) -> Manifest:
    """The checked manifest of the bundle in ``folder``; files are not read yet.

    Raises:
        BundleDamaged: there is no readable ``bundle.json``.
        BundleIncomplete: it lacks a field or has a wrong one.
    """
    try:
        value: Any = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleDamaged(f"The bundle {folder.name!r} has no readable bundle.json.") from error
    try:
        return from_json(Manifest, value)
    except FieldError as error:
        raise BundleIncomplete(f"The bundle {folder.name!r} cannot be used: {error}.") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``bundle.json``, readable and stable in its order."""
    text = json.dumps(to_json(manifest), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")


def manifest_sha256(folder: Path) -> str:
    """The bundle's identity: the hash of its manifest, which holds all other hashes."""
    return file_sha256(folder / MANIFEST_NAME)


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Check every file's hash.

    Raises:
        BundleDamaged: a file is missing, is not a regular file or has another hash.
    """
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleDamaged(f"The bundle {manifest.name!r} lacks its file {name!r}.")
        if file_sha256(path) != expected:
            raise BundleDamaged(f"The file {name!r} of bundle {manifest.name!r} was changed.")

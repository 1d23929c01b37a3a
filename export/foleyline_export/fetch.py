"""The released weights by name, from the public model hub.

The only module of the project that opens a connection to another machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError

from foleyline_contract.bundle import file_sha256

REPOSITORY = "SimianLuo/Diff-Foley"
RELEASED = {
    "cavp": "cavp_epoch66.ckpt",
    "ldm": "ldm_epoch240.ckpt",
    "classifier": "double_guidance_classifier.ckpt",
}
"""What a checkpoint is to us, and its file's name wherever it lies in the repository."""
# The hub's library changed its HTTP library twice; the base of its own error is always theirs.
_CONNECTION_ERRORS: tuple[type[Exception], ...] = (*HfHubHTTPError.__bases__, OSError)


class FetchError(Exception):
    """The weights could not be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """One file on the hub; ``sha256`` and ``size_bytes`` are the hub's word for it."""

    path: str
    sha256: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What the hub offers, before anything is downloaded."""

    repository: str
    revision: str
    licence: str
    files: Mapping[str, OfferedFile]

    def __str__(self) -> str:
        lines = [f"{self.repository}, revision {self.revision[:12]}, licence: {self.licence}"]
        lines += [f"  {f.path}  {f.size_bytes / 1e9:.2f} GB" for f in self.files.values()]
        return "\n".join(lines)


def look_up(hub: HfApi | None = None) -> Offer:
    """Ask the hub what it has, and under which licence.

    Raises:
        FetchError: it cannot be reached, or lacks a file.
    """
    try:
        info = (hub or HfApi()).model_info(REPOSITORY, files_metadata=True)
    except _CONNECTION_ERRORS as error:
        raise _unreachable(error) from error
    listed = {PurePosixPath(item.rfilename).name: item for item in info.siblings or ()}
    if missing := sorted(set(RELEASED.values()) - set(listed)):
        raise FetchError(f"{REPOSITORY} no longer has {', '.join(missing)}.")
    licence = info.card_data.get("license") if info.card_data else None
    files: dict[str, OfferedFile] = {}
    for name, file in RELEASED.items():
        item, stored = listed[file], listed[file].lfs
        sha256 = stored.sha256 if stored else None
        files[name] = OfferedFile(item.rfilename, sha256, item.size or 0)
    return Offer(REPOSITORY, info.sha or "main", str(licence or "not stated"), files)


def fetch(offer: Offer) -> dict[str, Path]:
    """Download what was offered into the hub's own cache; resumes, shows its progress.

    Returns:
        The files by the names of ``RELEASED``.

    Raises:
        FetchError: the connection was lost, or a file is not what the hub says.
    """
    paths: dict[str, Path] = {}
    for name, file in offer.files.items():
        try:
            got = hf_hub_download(offer.repository, file.path, revision=offer.revision)
        except _CONNECTION_ERRORS as error:
            raise _unreachable(error) from error
        paths[name] = Path(got)
        if file.sha256 is not None and file_sha256(paths[name]) != file.sha256:
            raise FetchError(
                f"{file.path} arrived damaged: its sha256 is not the hub's. Remove {got} and "
                "run the same command again."
            )
    return paths


def _unreachable(error: Exception) -> FetchError:
    return FetchError(
        f"The model hub could not be reached or refused ({type(error).__name__}: "
        f"{str(error).splitlines()[0] if str(error) else 'no reason given'}). Run the same command "
        "again to resume, or download the files yourself and name them with --cavp, --ldm and "
        "--classifier."
    )

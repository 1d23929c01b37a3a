"""The file that a request means: one of this machine's, or one that was uploaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from foleyline_contract.errors import UploadFailed
from foleyline_contract.messages import Clip
from foleyline_server.store.store import Store


def readable(clip: Clip, store: Store) -> Clip:
    """The clip with a ``path`` that can be opened, if it is there at all.

    Raises:
        UploadFailed: it was uploaded, but is not there any more.
    """
    if clip.upload is None:
        return clip
    return replace(clip, path=path_of(clip.upload, clip.path, store))


def path_of(upload: str, name: str, store: Store) -> str:
    """Where an upload lies; ``name`` is what its client calls it.

    Raises:
        UploadFailed: it is not there, not wholly, or not any more.
    """
    place = store.uploads.path_of(upload)
    if place is None:
        raise UploadFailed(
            f"The upload of {PurePath(name).name!r} is not on the server, or not any more.",
            remedy="Do it again: the file is then uploaded again.",
        )
    return str(place)

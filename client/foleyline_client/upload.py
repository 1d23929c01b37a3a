"""Sending a file to a server that opens no paths for us: in pieces, several under way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from foleyline_client.conversation import Conversation
from foleyline_contract.errors import FileMissing, FileUnreadable, UploadFailed
from foleyline_contract.messages import NAME_MAX_CHARS, UPLOAD_CHUNK_BYTES, Upload, Uploaded

PIECES_UNDER_WAY = 4
"""Enough to keep a line busy while answers travel; few enough for others to get a word in."""
ANSWER_S = 60.0
"""Wait for the server to write a piece, and after the last one to have checked the whole."""


def ignore_progress(_done_bytes: int, _all_bytes: int) -> None:
    """Tell nobody."""


def never_stop() -> None:
    """Go on."""


def upload(
    conversation: Conversation,
    path: Path,
    max_bytes: int,
    on_progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> str:
    """Send a file; returns its SHA-256. See ``Session.upload``."""
    if not path.is_file():
        raise FileMissing(f"There is no file {path.name!r}.")
    try:
        with path.open("rb") as stream:
            size_bytes = os.fstat(stream.fileno()).st_size
            if not size_bytes:
                raise FileUnreadable(f"The file {path.name!r} is empty.")
            if size_bytes > max_bytes:
                raise UploadFailed(
                    f"The file {path.name!r} has {size_bytes / 1e6:,.0f} MB, but the server "
                    f"takes at most {max_bytes / 1e6:,.0f} MB.",
                    remedy="Shorten or compress the clip first.",
                )
            sha256 = _hash(stream, check)
            pieces = _Pieces(stream, sha256, size_bytes, path.name[-NAME_MAX_CHARS:])
            _send(conversation, pieces, on_progress, check)
            return sha256
    except OSError as error:
        raise FileUnreadable(
            f"The file {path.name!r} cannot be read.",
            remedy="Check that you may read it.",
            detail=str(error),
        ) from error


class _Pieces:
    def __init__(self, stream: IO[bytes], sha256: str, size_bytes: int, name: str) -> None:
        self._stream = stream
        self._sha256 = sha256
        self._name = name
        self.size_bytes = size_bytes

    def at(self, offset_bytes: int, length_bytes: int) -> tuple[Upload, bytes]:
        self._stream.seek(offset_bytes)
        piece = self._stream.read(min(length_bytes, self.size_bytes - offset_bytes))
        if not piece and length_bytes:
            raise UploadFailed(f"The file {self._name!r} changed while it was being sent.")
        return Upload(self._sha256, self.size_bytes, offset_bytes, self._name), piece


def _send(
    conversation: Conversation,
    pieces: _Pieces,
    on_progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> None:
    try:
        conversation.expect(*pieces.at(0, 0))
        there = conversation.answer(Uploaded, ANSWER_S).received_bytes
        while there < pieces.size_bytes:
            before = there
            there = _send_from(before, conversation, pieces, on_progress, check)
            if there <= before:
                raise UploadFailed("The server keeps nothing of the file that is sent.")
        on_progress(there, pieces.size_bytes)
    finally:
        conversation.expect_nothing()


def _send_from(
    there: int,
    conversation: Conversation,
    pieces: _Pieces,
    on_progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> int:
    """Send all that is missing; returns how much the server then says it has."""
    sent, under_way = there, 0
    while under_way or sent < pieces.size_bytes:
        check()
        while under_way < PIECES_UNDER_WAY and sent < pieces.size_bytes:
            request, piece = pieces.at(sent, UPLOAD_CHUNK_BYTES)
            conversation.expect(request, piece)
            sent += len(piece)
            under_way += 1
        there = conversation.answer(Uploaded, ANSWER_S).received_bytes
        under_way -= 1
        on_progress(there, pieces.size_bytes)
    return there


def _hash(stream: IO[bytes], check: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    while block := stream.read(UPLOAD_CHUNK_BYTES):
        check()
        digest.update(block)
    return digest.hexdigest()

"""A file in pieces: whole, resumed, refused, stopped."""

import hashlib
import os

import pytest

from foleyline_client.upload import PIECES_UNDER_WAY
from foleyline_contract import messages as m
from foleyline_contract.errors import (
    Cancelled,
    FileMissing,
    FileUnreadable,
    ServerLost,
    UploadFailed,
)

SIZE = 5 * m.UPLOAD_CHUNK_BYTES + 17


class Store:
    """The server's side of uploads, as docs/protocol.md has it."""

    def __init__(self, line) -> None:
        self.content = b""
        self.pieces = []
        self.lost_after = None
        line.on(m.Hello, lambda _: m.Welcome("0", (), "", (), upload_max_bytes=10 * SIZE))
        line.on(m.Upload, self._on_upload)

    def _on_upload(self, envelope):
        piece, request = envelope.parts[0], envelope.message
        self.pieces.append((request.offset_bytes, len(piece)))
        if self.lost_after is not None and len(self.pieces) > self.lost_after:
            return None
        if request.offset_bytes == len(self.content):
            self.content += piece
        return m.Uploaded(request.sha256, len(self.content))


@pytest.fixture
def store(line, session):
    store = Store(line)
    session.hello()
    return store


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(SIZE))
    return path


def test_a_file_arrives_whole(session, store, film):
    told = []
    sha256 = session.upload(film, on_progress=lambda *progress: told.append(progress))
    assert store.content == film.read_bytes()
    assert sha256 == hashlib.sha256(store.content).hexdigest()
    assert store.pieces[0] == (0, 0)
    assert max(length for _, length in store.pieces) == m.UPLOAD_CHUNK_BYTES
    assert told == sorted(told)
    assert told[-1] == (SIZE, SIZE)


def test_pieces_say_which_file_they_are_of(session, store, line, film):
    session.upload(film)
    sent = [envelope.message for envelope in line.requests(m.Upload)]
    assert {(piece.name, piece.size_bytes) for piece in sent} == {("film.mp4", SIZE)}


def test_what_is_there_is_not_sent_again(session, store, film):
    store.content = film.read_bytes()
    session.upload(film)
    assert store.pieces == [(0, 0)]


def test_an_upload_that_broke_off_goes_on(session, store, film):
    store.lost_after = 3
    with pytest.raises(ServerLost):
        session.upload(film)
    store.lost_after = None
    there = len(store.content)
    store.pieces.clear()
    session.upload(film)
    assert 0 < there < SIZE
    assert store.pieces[1][0] == there
    assert store.content == film.read_bytes()


def test_another_client_sends_the_same(session, store, line, film):
    """It was faster: our pieces are behind, and the answers say so."""

    def answer(envelope):
        if envelope.message.offset_bytes == m.UPLOAD_CHUNK_BYTES:
            store.content = film.read_bytes()[: 4 * m.UPLOAD_CHUNK_BYTES]
        return store._on_upload(envelope)

    line.on(m.Upload, answer)
    session.upload(film)
    assert store.content == film.read_bytes()


def test_few_pieces_are_under_way(session, store, line, film):
    line.on(m.Upload, lambda e: None if e.parts[0] else m.Uploaded(e.message.sha256, 0))
    with pytest.raises(ServerLost):
        session.upload(film)
    assert len(line.requests(m.Upload)) == 1 + PIECES_UNDER_WAY


def test_a_server_that_keeps_nothing_is_not_sent_to_for_ever(session, line, store, film):
    line.on(m.Upload, lambda e: m.Uploaded(e.message.sha256, 0))
    with pytest.raises(UploadFailed, match="keeps nothing"):
        session.upload(film)


def test_refusal(session, store, line, film):
    line.on(m.Upload, lambda _: m.Failed(UploadFailed.code, "Its hash is another.", "Try again."))
    with pytest.raises(UploadFailed, match="hash"):
        session.upload(film)


def test_stopped(session, store, film):
    left = [8]

    def check():
        left[0] -= 1
        if not left[0]:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        session.upload(film, check=check)
    assert len(store.content) < SIZE
    assert session.poll(1) is None


def test_too_large(session, store, tmp_path):
    path = tmp_path / "long.mp4"
    with path.open("wb") as stream:
        stream.truncate(10 * SIZE + 1)
    with pytest.raises(UploadFailed, match="takes at most"):
        session.upload(path)
    assert store.pieces == []


def test_what_is_no_file(session, store, tmp_path):
    with pytest.raises(FileMissing):
        session.upload(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(FileUnreadable, match="empty"):
        session.upload(tmp_path / "empty.mp4")
    with pytest.raises(FileMissing):
        session.upload(tmp_path)


def test_a_file_that_shrinks_meanwhile(session, store, line, film):
    def answer(envelope):
        os.truncate(film, 10)
        return store._on_upload(envelope)

    line.on(m.Upload, answer)
    with pytest.raises(UploadFailed, match="changed"):
        session.upload(film)


def test_events_that_come_meanwhile_are_kept(session, store, line, film, clip):
    job = session.submit(clip, m.GenerateSettings(seed=1))
    line.say(m.Accepted(job, 0), reply_to=job)
    session.upload(film)
    assert session.poll(0.1).message == m.Accepted(job, 0)

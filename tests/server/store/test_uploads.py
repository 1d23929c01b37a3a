import hashlib
from threading import Thread

import pytest

from foleyline_contract.errors import ServerBusy, StorageFailed, UploadFailed
from foleyline_server.store.uploads import IDLE_S, PARTS_MAX, Parts

FILE = bytes(range(251)) * 40
SHA256 = hashlib.sha256(FILE).hexdigest()
SIZE = len(FILE)


def send(uploads, start=0, end=SIZE, step=3000):
    """Pieces of FILE from start to end, in order."""
    for offset in range(start, end, step):
        received = uploads.append(SHA256, SIZE, offset, FILE[offset : min(end, offset + step)])
    return received


def test_pieces_become_a_file_that_is_known_by_its_hash(open_store, folder):
    uploads = open_store().uploads
    assert uploads.begin(SHA256, SIZE) == 0
    assert uploads.path_of(SHA256) is None
    assert send(uploads) == SIZE
    assert uploads.path_of(SHA256) is None  # not before it is checked
    uploads.finish(SHA256, SIZE)
    path = open_store().uploads.path_of(SHA256)
    assert path == folder / "uploads" / SHA256
    assert path.read_bytes() == FILE
    assert [entry.name for entry in path.parent.iterdir()] == [SHA256]


def test_a_complete_upload_is_not_sent_again(store):
    send(store.uploads)
    store.uploads.finish(SHA256, SIZE)
    assert store.uploads.begin(SHA256, SIZE) == SIZE
    assert store.uploads.append(SHA256, SIZE, 0, FILE[:10]) == SIZE
    store.uploads.finish(SHA256, SIZE)


@pytest.mark.parametrize("offset", [0, 2999, 3001, 9000])
def test_a_piece_out_of_order_changes_nothing_and_tells_where_to_go_on(store, offset):
    send(store.uploads, end=3000)
    assert store.uploads.append(SHA256, SIZE, offset, b"wrong") == 3000
    send(store.uploads, start=3000)
    store.uploads.finish(SHA256, SIZE)
    assert store.uploads.path_of(SHA256).read_bytes() == FILE


@pytest.mark.parametrize("pieces_before", [0, 1, 3])
def test_an_upload_goes_on_after_a_restart(open_store, pieces_before):
    open_store().uploads.begin(SHA256, SIZE)
    if pieces_before:
        send(open_store().uploads, end=3000 * pieces_before)
    uploads = open_store().uploads
    received = uploads.begin(SHA256, SIZE)
    assert received == 3000 * pieces_before
    send(uploads, start=received)
    uploads.finish(SHA256, SIZE)
    assert uploads.path_of(SHA256).read_bytes() == FILE


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_not_as_said_is_dropped_and_can_be_sent_again(open_store, restarted):
    uploads = open_store().uploads
    uploads.append(SHA256, SIZE, 0, b"x" * SIZE)
    if restarted:
        uploads = open_store().uploads
    with pytest.raises(UploadFailed, match="not the file"):
        uploads.finish(SHA256, SIZE)
    assert uploads.path_of(SHA256) is None
    assert uploads.begin(SHA256, SIZE) == 0
    send(uploads)
    uploads.finish(SHA256, SIZE)
    assert uploads.path_of(SHA256).read_bytes() == FILE


def test_who_lies_about_the_size_spoils_nobody_elses(store):
    send(store.uploads, end=6000)
    assert store.uploads.append(SHA256, 3, 0, b"abc") == 3
    with pytest.raises(UploadFailed):
        store.uploads.finish(SHA256, 3)
    assert store.uploads.begin(SHA256, SIZE) == 6000
    send(store.uploads, start=6000)
    store.uploads.finish(SHA256, SIZE)
    with pytest.raises(UploadFailed, match="not the file"):
        store.uploads.begin(SHA256, SIZE + 1)


def test_too_large_too_long_too_early(open_store, folder):
    uploads = open_store(upload_max_bytes=SIZE).uploads
    with pytest.raises(UploadFailed, match="larger than the 0 MiB"):
        uploads.begin(SHA256, SIZE + 1)
    with pytest.raises(UploadFailed, match="larger than the 0 MiB"):
        uploads.begin(SHA256, 10**400)
    with pytest.raises(UploadFailed, match="longer"):
        uploads.append(SHA256, SIZE, 1, FILE)
    assert list((folder / "uploads").iterdir()) == []
    send(uploads, end=3000)
    with pytest.raises(UploadFailed, match="not complete"):
        uploads.finish(SHA256, SIZE)
    assert uploads.begin(SHA256, SIZE) == 3000


def test_one_that_does_not_fit_is_refused_before_it_is_sent(open_store):
    uploads = open_store(limit_bytes=SIZE - 1, upload_max_bytes=SIZE).uploads
    with pytest.raises(StorageFailed):
        uploads.begin(SHA256, SIZE)


@pytest.mark.parametrize("name", ["", "../jobs.sqlite", "/etc/passwd", SHA256.upper(), "a" * 63])
def test_no_name_leads_out_of_the_folder(store, name):
    assert store.uploads.path_of(name) is None
    with pytest.raises(ValueError, match="SHA-256"):
        store.uploads.begin(name, 5)


def test_a_link_or_a_changed_file_is_no_upload(store, folder, tmp_path):
    send(store.uploads)
    store.uploads.finish(SHA256, SIZE)
    path = folder / "uploads" / SHA256
    secret = tmp_path / "secret"
    secret.write_bytes(FILE)
    path.unlink()
    path.symlink_to(secret)
    assert store.uploads.path_of(SHA256) is None
    assert store.uploads.begin(SHA256, SIZE) == 0


def test_two_clients_send_the_same_file_at_once(store):
    ends: list[bool] = []

    def client() -> None:
        received = store.uploads.begin(SHA256, SIZE)
        while received < SIZE:
            piece = FILE[received : received + 37]
            received = store.uploads.append(SHA256, SIZE, received, piece)
        store.uploads.finish(SHA256, SIZE)
        ends.append(store.uploads.path_of(SHA256).read_bytes() == FILE)

    threads = [Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [True] * 4
    assert store.usage().stored_bytes == SIZE


def test_parts_count_and_go_when_nobody_adds_to_them(tmp_path):
    now = [0.0]
    parts = Parts(tmp_path, clock=lambda: now[0])
    for name in "ab":
        part = parts.open(name * 64, 10)
        part.received_bytes = 5
    assert parts.received_bytes() == 10
    now[0] = IDLE_S
    held = parts.open("a" * 64, 10)
    now[0] = 1.5 * IDLE_S
    parts.drop_idle()
    assert list(parts.paths()) == [held.path]
    now[0] = 3 * IDLE_S
    with held.lock:
        parts.drop_idle()
    assert list(parts.paths()) == [held.path]
    parts.drop_idle()
    assert list(tmp_path.iterdir()) == []


def test_not_any_number_of_uploads_is_begun(tmp_path):
    parts = Parts(tmp_path)
    for number in range(PARTS_MAX):
        parts.open(f"{number:064x}", 1)
    with pytest.raises(ServerBusy):
        parts.open("f" * 64, 1)
    parts.open(f"{0:064x}", 1)

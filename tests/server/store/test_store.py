import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import pytest

from foleyline_contract.errors import StorageFailed
from foleyline_contract.messages import ListJobs
from foleyline_server.store.store import Store

FULL = """
import resource, sys
from pathlib import Path
from foleyline_contract.errors import StorageFailed
from foleyline_server.store.store import Store
store = Store(Path(sys.argv[1]), 10**9)
store.put_take("a", 0, "0" * 64, b"small", {})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for call in (
    lambda: store.put_take("a", 0, "1" * 64, bytes(300_000), {}),
    lambda: store.uploads.append("2" * 64, 300_000, 0, bytes(300_000)),
):
    try:
        call()
    except StorageFailed as error:
        print(error.message)
print(store.link_take("a", 0, "0" * 64).read() == b"small")
print(sorted(path.name for path in Path(sys.argv[1]).rglob("*.new")))
"""


def test_one_server_per_folder(store, folder, job):
    with pytest.raises(StorageFailed, match="Another Foleyline server"):
        Store(folder, 1)
    assert store.add(job())  # the first goes on


@pytest.mark.parametrize("place", ["below a file", "no folder"])
def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match="cannot use its folder"):
        Store(tmp_path / "file" / "data" if place == "below a file" else tmp_path / "file", 1)


@pytest.fixture
def no_root():
    """Nothing is forbidden to root, so it becomes somebody else meanwhile."""
    root = sys.platform != "win32" and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no such mode")
@pytest.mark.parametrize("filled", [False, True])
def test_a_folder_that_must_not_be_written_to_is_a_sentence(no_root, filled):
    with TemporaryDirectory() as name:
        folder = Path(name)
        if filled:
            Store(folder, 1).close()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        with pytest.raises(StorageFailed, match="may not write to its folder") as refusal:
            Store(folder, 1)
        assert "--data" in refusal.value.remedy
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_disk_without_room_is_a_sentence_and_leaves_nothing_half_done(folder, job):
    with_job = Store(folder, 10**9)
    with_job.add(job("a"))
    with_job.close()
    command = [sys.executable, "-c", FULL, str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        f"The disk with the server's folder {str(folder)!r} is full.",
        f"The disk with the server's folder {str(folder)!r} is full.",
        "True",
        "[]",
    ]


def test_threads_do_not_disturb_each_other(store, job, key):
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(40):
                name, own = f"w{worker}n{number}", 1000 * worker + number
                assert store.add(job(name, owner=str(worker)))
                store.set_running(name)
                store.put_take(name, 0, key(own), bytes([worker]) * 500, {"worker": worker})
                store.put_features(key(number), {"f": np.full(50, number)})
                assert store.features(key(number))["f"][0] == number
                store.end(name, "finished", 1.0)
                assert store.takes(name)[0].read() == bytes([worker]) * 500
                assert len(store.list(str(worker), ListJobs())) == number + 1
                store.usage()
        except BaseException as error:  # noqa: BLE001 - to be seen by the test's own thread
            errors.append(error)

    threads = [Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.usage().unacknowledged_bytes == 4 * 40 * 500


def test_a_closed_store_lets_the_next_one_in(store, folder):
    store.close()
    Store(folder, 1).close()

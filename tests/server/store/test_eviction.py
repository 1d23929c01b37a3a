import hashlib
import random

import numpy as np
import pytest

from foleyline_contract.errors import StorageFailed
from foleyline_server.store.eviction import RESERVE_BYTES

UNIT = bytes(1000)


def put(store, key, job_id, number, size=1):
    store.put_take(job_id, 0, key(number), UNIT * size, {})


def ended(store, job, *names):
    for name in names:
        store.add(job(name))
        store.end(name, "cancelled")


def test_what_was_used_longest_ago_goes_first(open_store, job, key):
    store = open_store(limit_bytes=3000)
    ended(store, job, "a", "b", "c", "d")
    for number, name in enumerate("abc"):
        put(store, key, name, number)
    store.acknowledge("", ["a", "b", "c"])
    store.add(job("again"))
    store.link_take("again", 0, key(0))  # used: b's is now the oldest
    store.end("again", "cancelled")
    store.acknowledge("", ["again"])
    put(store, key, "d", 3)
    assert store.takes("b") == []
    assert all(store.takes(name)[0].read() for name in "acd")
    assert store.usage().stored_bytes == 3000


def test_no_take_that_nobody_fetched_goes(open_store, job, key):
    store = open_store(limit_bytes=2000)
    ended(store, job, "a", "b")
    store.add(job("c"))
    put(store, key, "a", 0)
    put(store, key, "b", 1)
    store.acknowledge("", ["a"])
    assert (store.usage().stored_bytes, store.usage().unacknowledged_bytes) == (2000, 1000)
    with pytest.raises(StorageFailed, match="nobody has fetched") as refusal:
        put(store, key, "c", 2, size=2)
    assert "foley jobs" in refusal.value.remedy
    assert store.takes("a")[0].read() == UNIT  # nothing went in vain
    put(store, key, "c", 2)
    assert store.takes("a") == []
    assert store.takes("b")[0].read() == UNIT


def test_one_job_that_wants_a_shared_take_is_enough(open_store, job, key):
    store = open_store(limit_bytes=1000)
    ended(store, job, "a")
    put(store, key, "a", 0)
    store.acknowledge("", ["a"])
    store.add(job("b"))
    store.link_take("b", 0, key(0))
    with pytest.raises(StorageFailed):
        put(store, key, "b", 1)
    assert store.takes("b")[0].read() == UNIT


def test_a_disk_that_fills_up_evicts_too(open_store, job, key):
    free = [RESERVE_BYTES + 1000]
    store = open_store(free_bytes=lambda _: free[0])
    ended(store, job, "a", "b")
    put(store, key, "a", 0)
    store.acknowledge("", ["a"])
    free[0] -= 1000
    put(store, key, "b", 1)
    assert store.takes("a") == []
    with pytest.raises(StorageFailed, match=r"disk .* is full"):
        put(store, key, "b", 2)
    assert store.usage().free_bytes == RESERVE_BYTES


def test_a_limit_below_what_is_wanted_says_so(open_store, job, key):
    store = open_store(limit_bytes=999)
    store.add(job())
    with pytest.raises(StorageFailed, match="too little for this"):
        put(store, key, "a", 0)
    assert store.takes("a") == []


class Model:
    """What must be there: unfetched takes by job, uploads that jobs wait for."""

    def __init__(self, store, job, key, draw):
        self.store, self.make_job, self.key, self.draw = store, job, key, draw
        self.open: dict[str, str | None] = {}
        self.ended: set[str] = set()
        self.takes: dict[str, dict[int, bytes]] = {}
        self.uploads: dict[str, bytes] = {}
        self.count = 0

    def submit(self):
        self.count += 1
        name, upload = f"j{self.count}", None
        there = [one for one in self.uploads if self.store.uploads.path_of(one)]
        if there and self.draw.random() < 0.5:
            upload = self.draw.choice(there)
        self.store.add(self.make_job(name, takes=8, upload=upload))
        self.open[name], self.takes[name] = upload, {}

    def put(self):
        if self.open:
            name, content = self.draw.choice(list(self.open)), self.draw.randbytes(200)
            number, key = len(self.takes[name]), self.key(self.draw.getrandbits(200))
            self.store.put_take(name, number, key, content, {})
            self.takes[name][number] = content

    def link(self):
        """Some other job's take, whether it is still there or not."""
        if self.open and self.takes:
            source = self.store.takes(self.draw.choice(list(self.takes)))
            name = self.draw.choice(list(self.open))
            number = len(self.takes[name])
            if source and self.store.link_take(name, number, source[0].key):
                self.takes[name][number] = source[0].read()

    def end(self):
        if self.open:
            name = self.draw.choice(list(self.open))
            self.store.end(name, "cancelled", 1.0)
            del self.open[name]
            self.ended.add(name)

    def acknowledge(self):
        if self.ended:
            name = self.draw.choice(sorted(self.ended))
            assert self.store.acknowledge("", [name]) == [name]
            self.ended.remove(name)
            del self.takes[name]

    def upload(self):
        content = self.draw.randbytes(300)
        sha256 = hashlib.sha256(content).hexdigest()
        self.store.uploads.append(sha256, 300, 0, content)
        self.store.uploads.finish(sha256, 300)
        self.uploads[sha256] = content

    def features(self):
        values = np.frombuffer(self.draw.randbytes(400), np.uint8)
        self.store.put_features(self.key(self.draw.getrandbits(200)), {"f": values})

    def check(self):
        for name, takes in self.takes.items():
            found = {take.number: take.read() for take in self.store.takes(name)}
            assert found == takes
        for upload in filter(None, self.open.values()):
            assert self.store.uploads.path_of(upload).read_bytes() == self.uploads[upload]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_nothing_that_is_waited_for_goes(open_store, job, key, folder, seed):
    limit = 3000
    draw = random.Random(seed)
    model = Model(open_store(limit_bytes=limit), job, key, draw)
    refused = 0
    deeds = ["submit", "put", "put", "put", "link", "end", "upload", "features"]
    for step in range(300):
        try:
            # In waves: nobody fetches anything, then all is fetched.
            getattr(model, "acknowledge" if step % 60 >= 45 else draw.choice(deeds))()
        except StorageFailed:
            refused += 1
        if step % 60 == 59:
            model.store = open_store(limit_bytes=limit)
        usage = model.store.usage()
        assert usage.stored_bytes <= limit + 1000  # an archive is a little larger than its arrays
        on_disk = sum(f.stat().st_size for f in folder.rglob("*") if _is_counted(f))
        assert usage.stored_bytes == on_disk
        model.check()
    # The limit was really met, by what may go and by what may not.
    assert refused
    assert not all(model.store.uploads.path_of(upload) for upload in model.uploads)


def _is_counted(path):
    return path.is_file() and path.parent.name != "data" and path.suffix != ".json"

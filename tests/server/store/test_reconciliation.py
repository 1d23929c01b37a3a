import hashlib
import random
import subprocess
import sys

import pytest

from foleyline_contract.messages import ListJobs
from foleyline_server.store.store import Store

PCM = b"sound" * 100
LOOP = """
import hashlib, itertools, os, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from foleyline_contract.messages import Clip, Generate, GenerateSettings
from foleyline_server.store.jobs import StoredJob
from foleyline_server.store.store import Store

def say(*what):
    os.write(1, (" ".join(map(str, what)) + "\\n").encode())

run = sys.argv[2]
clip = Clip("/a.mp4", Fraction(0), Fraction(1))
request = Generate(clip, GenerateSettings(seed=1, takes=2))
store = Store(Path(sys.argv[1]), 4_000_000)
say("open", "-", "-")
for number in itertools.count():
    job = f"r{run}n{number}"
    store.add(StoredJob(job, "", request, "mini", "b" * 64, 0.0))
    say("job", job, "-")
    store.set_running(job)
    for take in range(2):
        pcm = os.urandom(30_000)
        key = hashlib.sha256(pcm).hexdigest()
        store.put_take(job, take, key, pcm, {"key": key})
        say("take", job, key)
    store.put_features(key, {"f": np.frombuffer(pcm, np.uint8)})
    store.uploads.append(key, len(pcm), 0, pcm[:9000])
    store.uploads.append(key, len(pcm), 9000, pcm[9000:])
    store.uploads.finish(key, len(pcm))
    say("upload", job, key)
    store.end(job, "finished", 1.0)
    say("end", job, "-")
    if number % 3:
        say("acknowledging", job, "-")
        store.acknowledge("", [job])
"""


@pytest.mark.parametrize(
    "kills", [pytest.param(4), pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_killed_at_any_moment_it_loses_nothing(folder, kills):
    draw = random.Random(kills)
    for run in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", LOOP, str(folder), str(run)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout.readline() == "open - -\n"
            draw_line, delay_s = draw.randrange(1, 120), draw.random() * 0.004
            said = [child.stdout.readline() for _ in range(draw_line)]
            try:
                child.wait(delay_s)  # and then anywhere between two lines
            except subprocess.TimeoutExpired:
                child.kill()
            said += child.stdout.readlines()
            assert child.stderr.read() == ""
        check(folder, [line.split() for line in said if line.endswith("\n")])


def check(folder, said):
    """All that was announced is there, and rows and files agree."""
    store = Store(folder, 4_000_000)
    freed = {job for what, job, _ in said if what == "acknowledging"}
    for what, job, key in said:
        stored = store.job(job)
        assert stored is not None
        if what == "take" and job not in freed:
            (take,) = [take for take in store.takes(job) if take.key == key]
            assert hashlib.sha256(take.read()).hexdigest() == key == take.facts["key"]
        if what == "end":
            assert stored.state == "finished"
    with store._database.transaction() as rows:
        files = rows.execute("SELECT kind, key, size_bytes FROM files").fetchall()
    expected = {store._files.path(kind, key): size for kind, key, size in files}
    lying = {
        path: path.stat().st_size
        for kind in ("takes", "features", "uploads")
        for path in (folder / kind).rglob("*")
        if path.is_file() and path.suffix not in (".json", ".part")
    }
    assert lying == expected
    sidecars = {path.with_suffix(".pcm") for path in (folder / "takes").rglob("*.json")}
    assert sidecars == {path for path in lying if path.suffix == ".pcm"}
    for job in store.list("", ListJobs(unacknowledged=True)):
        store.end(job.id, "cancelled")
        store.acknowledge("", [job.id])  # so that the next run has room
    store.close()


def test_a_take_that_was_written_but_not_noted_is_found(open_store, folder, job, key):
    store = open_store()
    store.add(job())
    store.put_take("a", 0, key(1), PCM, {"seed": 2})
    with store._database.transaction() as rows:
        rows.execute("DELETE FROM files")
        rows.execute("DELETE FROM takes")
    take = open_store().link_take("a", 0, key(1))
    assert (take.read(), take.facts) == (PCM, {"seed": 2})


@pytest.mark.parametrize(
    "sidecar",
    [
        None,
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"size_bytes": 9, "sha256": "x", "facts": {}}',
        b'{"size_bytes": 500, "sha256": "x", "facts": {}}',
        b'{"size_bytes": "500", "sha256": 5}',
        b"\xff",
    ],
)
def test_what_is_nothing_whole_is_swept(open_store, folder, job, key, sidecar):
    open_store().put_take("nobody", 0, key(1), PCM, {})
    (pcm,) = (folder / "takes").rglob("*.pcm")
    stray = pcm.with_name(f"{key(2)}.pcm")
    stray.write_bytes(PCM)
    if sidecar is not None:
        stray.with_suffix(".json").write_bytes(sidecar)
    for name in ("takes/00/x.new", "features/x.new", "features/stray.npz", "uploads/notes.txt"):
        (folder / name).write_bytes(b"x")
    store = open_store()
    files = [
        path for kind in ("takes", "features", "uploads") for path in (folder / kind).rglob("*")
    ]
    assert sorted(path for path in files if path.is_file()) == [pcm.with_suffix(".json"), pcm]
    assert store.usage().stored_bytes == len(PCM)


def test_a_lie_beside_a_take_is_found_out_when_it_is_asked_for(open_store, folder, job, key):
    open_store().close()
    path = folder / "takes" / "00" / f"{key(1)}.pcm"
    path.parent.mkdir()
    path.write_bytes(PCM)
    path.with_suffix(".json").write_text(
        f'{{"size_bytes": {len(PCM)}, "sha256": "{key(5)}", "facts": {{}}}}'
    )
    store = open_store()
    store.add(job())
    assert store.link_take("a", 0, key(1)) is None
    assert not path.exists()


def test_a_lost_file_is_forgotten_and_its_unfetched_job_run_again(open_store, folder, job, key):
    store = open_store()
    for number, name in enumerate(("unfetched", "fetched")):
        store.add(job(name))
        store.put_take(name, 0, key(number), PCM, {})
        store.end(name, "finished", 1.0)
    store.acknowledge("", ["fetched"])
    for path in folder.rglob("*.pcm"):
        path.unlink()
    store = open_store()
    assert [job.id for job in store.unended()] == ["unfetched"]
    assert store.usage().stored_bytes == 0
    assert store.job("fetched").state == "finished"
    assert len(store.list("", ListJobs())) == 2

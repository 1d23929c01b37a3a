"""Jobs and takes outlive clients, and the server."""

import hashlib
import time
from fractions import Fraction
from pathlib import Path

import pytest

from foleyline_contract import messages as m
from foleyline_contract.codec import Envelope, encode, new_id

ENDS = (m.JobFinished, m.JobCancelled, m.Failed)


@pytest.fixture
def stub():
    from stub_engine import StubEngine

    return StubEngine


def job(movie: Path, seed: int = 1, takes: int = 1, **options) -> m.Generate:
    clip = m.Clip(str(movie), Fraction(0), Fraction(1))
    return m.Generate(clip, m.GenerateSettings(seed, takes), **options)


def takes_of(heard: list[Envelope]) -> list[tuple[int, bytes]]:
    return [(e.message.take, e.parts[0]) for e in heard if isinstance(e.message, m.TakeFinished)]


def until_step(caller, job_id: str, take: int = 0) -> list[Envelope]:
    heard = []
    while True:
        heard.append(caller.receive())
        message = heard[-1].message
        if isinstance(message, m.Progress) and message.fraction > 0.12 and not take:
            return heard
        if take and isinstance(message, m.TakeFinished) and message.take == take - 1:
            return heard


def test_what_was_made_is_not_made_again(serve, stub, movie: Path) -> None:
    with serve(stub()) as server:
        caller = server.call()
        caller.send(job(movie, takes=2))
        first = takes_of(caller.until(m.JobFinished))
        caller.send(job(movie, seed=2))
        again = caller.until(m.JobFinished)
        # Take 1 of the first request had this seed; its sound is told as take 0 of this one.
        assert takes_of(again) == [(0, first[1][1])]
        take = next(e.message for e in again if isinstance(e.message, m.TakeFinished))
        assert (take.seed, take.takes, take.provenance["take"]) == (2, 1, 0)
        caller.send(job(movie, seed=7))
        caller.until(m.JobFinished)
        # A new seed sees nothing anew; only three takes were ever made.
        assert server.engine.seen == 1
        assert [seed for _, seed in server.engine.made] == [1, 2, 7]


def test_a_copy_of_the_file_is_the_same_source(serve, stub, movie: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(movie.read_bytes())
    with serve(stub()) as server:
        caller = server.call()
        for place in (movie, copy):
            caller.send(job(place))
            heard = caller.until(m.JobFinished)
            take = next(e.message for e in heard if isinstance(e.message, m.TakeFinished))
            assert take.provenance["source_file"] == place.name
        assert len(server.engine.made) == 1


def test_a_server_goes_on_where_it_was_stopped(serve, stub, movie: Path) -> None:
    with serve(stub(job_s=1)) as server:
        caller = server.call()
        running = caller.send(job(movie, takes=4))
        waiting = caller.send(job(movie, seed=50))
        heard = until_step(caller, running, take=2)
        made = takes_of(heard)
    assert [number for number, _ in made] == [0, 1]
    with serve(stub()) as server:
        caller = server.call()
        attached = caller.ask(m.Attach((running, waiting, "unknown"))).message
        assert [info.job_id for info in attached.jobs] == [running, waiting]
        heard = caller.until(m.JobFinished, running)
        heard += (
            []
            if any(e.reply_to == waiting for e in heard if isinstance(e.message, ENDS))
            else caller.until(m.JobFinished, waiting)
        )
        told = takes_of([e for e in heard if e.reply_to == running])
        assert dict(told) == dict(told) | dict(made) and set(dict(told)) == {0, 1, 2, 3}
        assert not {1, 2} & {seed for _, seed in server.engine.made}
        ends = [e.reply_to for e in heard if isinstance(e.message, ENDS)]
        assert sorted(ends) == sorted([running, waiting])


def test_the_same_request_twice_is_one_job(serve, stub, movie: Path) -> None:
    with serve(stub(job_s=0.3)) as server:
        first, second = server.call(), server.call()
        request = job(movie)
        job_id = first.send(request)
        assert first.receive().message == m.Accepted(job_id, 0)
        second.send_raw(*encode(Envelope(request, job_id)))
        heard = second.until(m.JobFinished)
        assert heard[0].message == m.Accepted(job_id, 0)
        assert takes_of(heard) == takes_of(first.until(m.JobFinished))
        second.send_raw(*encode(Envelope(request, job_id)))
        assert takes_of(second.until(m.JobFinished)) == takes_of(heard)
        assert len(server.engine.made) == 1
        second.send_raw(*encode(Envelope(job(movie, seed=9), job_id)))
        assert second.receive().message.code == "message_malformed"


def test_whoever_attaches_hears_the_rest(serve, stub, movie: Path) -> None:
    with serve(stub(job_s=0.6)) as server:
        first, second = server.call(), server.call()
        job_id = first.send(job(movie, takes=3))
        until_step(first, job_id, take=1)
        second.send(m.Attach((job_id,)))
        heard = second.until(m.JobFinished)
        assert sorted(dict(takes_of(heard))) == [0, 1, 2]
        assert [number for number, _ in takes_of(heard)] == sorted(n for n, _ in takes_of(heard))
        assert heard[0].message.jobs[0].state == "running"
        assert any(isinstance(e.message, m.Progress) for e in heard)
        first.until(m.JobFinished)
        assert first.hears_nothing() and second.hears_nothing()


def test_a_client_that_is_behind_is_told_from_the_disk(serve, stub, movie, monkeypatch) -> None:
    monkeypatch.setattr("foleyline_server.service.announcer._BEHIND_BYTES", -1)
    with serve(stub()) as server:
        caller = server.call()
        caller.send(job(movie, takes=3))
        time.sleep(0.5)
        assert caller.ask(m.Ping()).message.jobs == 0
        monkeypatch.setattr("foleyline_server.service.announcer._BEHIND_BYTES", 1 << 20)
        assert [number for number, _ in takes_of(caller.until(m.JobFinished))] == [0, 1, 2]


def test_jobs_are_listed_and_acknowledged(serve, stub, movie: Path) -> None:
    with serve(stub(job_s=0.2)) as server:
        caller = server.call()
        origin = m.Origin("film", "strip-1", "Door")
        jobs = [caller.send(job(movie, seed=n, origin=origin)) for n in range(3)]
        caller.until(m.JobFinished, jobs[0])
        listed = caller.ask(m.ListJobs(strips=("strip-1",), limit=2)).message
        assert [info.job_id for info in listed.jobs] == jobs[:2] and listed.more
        assert listed.jobs[0].state == "finished" and listed.jobs[0].request.origin == origin
        rest = caller.ask(m.ListJobs(after=jobs[1])).message
        assert [info.job_id for info in rest.jobs] == jobs[2:] and not rest.more
        asked = m.Acknowledge((jobs[0], jobs[2], "unknown"))
        assert caller.ask(asked).message == m.Acknowledged((jobs[0],))
        unfetched = caller.ask(m.ListJobs(unacknowledged=True)).message
        assert [info.job_id for info in unfetched.jobs] == jobs[1:]


def test_long_lists_are_told_in_parts(serve, stub, movie: Path, monkeypatch) -> None:
    monkeypatch.setattr("foleyline_server.service.records._LIST_MAX_BYTES", 1000)
    with serve(stub()) as server:
        caller = server.call()
        jobs = [caller.send(job(movie)) for _ in range(3)]
        caller.until(m.JobFinished, jobs[-1])
        told, after = [], ""
        for _ in range(3):
            part = caller.ask(m.ListJobs(after=after)).message
            assert len(part.jobs) == 1
            told.append(part.jobs[0].job_id)
            after = told[-1]
        assert told == jobs and not part.more


def test_a_failed_job_says_so_for_as_long_as_it_is_known(serve, stub, movie: Path) -> None:
    with serve(stub(fail="out_of_memory")) as server:
        caller = server.call()
        job_id = caller.send(job(movie))
        end = caller.until(m.Failed)[-1].message
    with serve(stub()) as server:
        caller = server.call()
        info = caller.ask(m.Attach((job_id,))).message.jobs[0]
        assert (info.state, info.code, info.message) == ("failed", end.code, end.message)
        assert caller.until(m.Failed)[-1].message == end


def test_an_uploaded_file_is_heard_like_any_other(serve, stub, movie: Path) -> None:
    content = movie.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    with serve(stub()) as server:
        caller = server.call()
        half = len(content) // 2

        def upload(offset: int, piece: bytes) -> m.Event:
            request = m.Upload(sha256, len(content), offset, "scene.mp4")
            caller.send_raw(*encode(Envelope(request, new_id(), parts=(piece,))))
            return caller.receive().message

        assert upload(0, b"").received_bytes == 0
        assert upload(0, content[:half]).received_bytes == half
        clip = m.Clip("scene.mp4", Fraction(0), Fraction(1), upload=sha256)
        caller.send(m.Generate(clip, m.GenerateSettings(1)))
        assert caller.until(m.Failed)[-1].message.code == "upload_failed"
        assert upload(0, content[:half]).received_bytes == half
        assert upload(half, content[half:]).received_bytes == len(content)
        assert caller.ask(m.Probe("scene.mp4", sha256)).message.width_px == 64
        caller.send(m.Generate(clip, m.GenerateSettings(1)))
        caller.until(m.JobFinished)
        wrong = m.Upload("0" * 64, 4, 0)
        caller.send_raw(*encode(Envelope(wrong, new_id(), parts=(b"abcd",))))
        assert caller.receive().message.code == "upload_failed"


def test_a_take_that_is_damaged_is_made_again(serve, stub, movie: Path) -> None:
    with serve(stub()) as server:
        first, second = server.call(), server.call()
        job_id = first.send(job(movie, takes=2))
        made = takes_of(first.until(m.JobFinished))
        server.store.takes(job_id)[0].path.write_bytes(b"damaged")
        second.send(m.Attach((job_id,)))
        told = takes_of(second.until(m.JobFinished))
        assert dict(told) == dict(made)
        assert [seed for _, seed in server.engine.made] == [1, 2, 1]


def test_a_full_disk_is_one_sentence(serve, stub, movie: Path, monkeypatch) -> None:
    from foleyline_contract.errors import StorageFailed

    def full(*_: object) -> None:
        raise StorageFailed("The disk is full.")

    with serve(stub()) as server:
        caller = server.call()
        monkeypatch.setattr(server.store, "put_take", full)
        caller.send(job(movie))
        end = caller.until(m.Failed)[-1].message
        assert (end.code, end.message) == ("storage_failed", "The disk is full.") and end.remedy
        monkeypatch.setattr(server.store, "add", full)
        refused = caller.ask(job(movie)).message
        assert (refused.code, refused.job_id) == ("storage_failed", None)
        monkeypatch.undo()
        caller.send(job(movie))
        assert caller.until(m.JobFinished)


def test_somebody_who_waits_overtakes_a_running_fill(serve, stub, movie: Path) -> None:
    with serve(stub(job_s=0.5)) as server:
        caller = server.call()
        fill = [caller.send(job(movie, seed=n, batch=True)) for n in (10, 20)]
        until_step(caller, fill[0])
        waited_for = caller.send(job(movie, seed=30))
        heard = caller.until(m.JobFinished, fill[1])
        ends = [e.reply_to for e in heard if isinstance(e.message, ENDS)]
        assert ends == [waited_for, *fill]


def test_how_the_server_is(serve, stub, movie: Path) -> None:
    with serve(stub()) as server:
        caller = server.call()
        caller.send(job(movie))
        caller.until(m.JobFinished)
        deadline = time.monotonic() + 10
        while not (status := caller.ask(m.Status()).message).stored_bytes:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert (status.running, status.queued, status.loaded) == (0, 0, ("mini",))
        assert status.stored_bytes >= status.unacknowledged_bytes >= 3 * 48000
        assert status.free_bytes > 0 and status.stored_max_bytes == 1 << 30
        assert caller.ask(m.Hello("x")).message.bundles[0].speed > 0


def test_cuts_are_found_within_a_clip(serve, stub, tmp_path: Path) -> None:
    from coded_video import steady, write_video

    levels = [20] * 30 + [120] * 20
    path = write_video(tmp_path / "film.mp4", steady(50, 25), levels=levels)
    with serve(stub()) as server:
        clip = m.Clip(str(path), Fraction(0), Fraction(2))
        found = server.call().ask(m.FindCuts(clip)).message
        assert [round(cut_s * 25) for cut_s in found.cuts_s] == [30]
        clip = m.Clip(str(tmp_path / "no.mp4"), Fraction(0), Fraction(2))
        assert server.call().ask(m.FindCuts(clip)).message.code == "file_missing"

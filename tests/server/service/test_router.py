import json
import os
import random
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
import zmq

from foleyline_contract.codec import Envelope, encode, new_id
from foleyline_contract.errors import AddressUnavailable, BundleDamaged, OutOfMemory
from foleyline_contract.messages import (
    Accepted,
    Cancel,
    Clip,
    Failed,
    Generate,
    GenerateSettings,
    Goodbye,
    Hello,
    JobCancelled,
    JobFinished,
    Ping,
    Pong,
    Probe,
    Probed,
    Progress,
    Shutdown,
    TakeFinished,
    Welcome,
)
from foleyline_contract.version import PROTOCOL_VERSION
from foleyline_server.service.router import Router

ENDS = (JobFinished, JobCancelled, Failed)


def job(movie: Path, duration_s: int = 2, **settings: object) -> Generate:
    clip = Clip(str(movie), Fraction(0), Fraction(duration_s))
    return Generate(clip, GenerateSettings(**{"seed": 1, **settings}))


def endless(movie: Path) -> Generate:
    """A job that takes minutes unless somebody stops it."""
    return job(movie, 9, bundle="busy", takes=8, steps=250)


def until_sampling(caller, job_id: str) -> None:
    while True:
        envelope = caller.receive()
        message = envelope.message
        ours = envelope.reply_to == job_id and isinstance(message, Progress)
        if ours and message.stage == "sampling" and message.step:
            return


def test_hello(server) -> None:
    answer = server.call().ask(Hello("test"))
    assert isinstance(answer.message, Welcome)
    assert answer.message.default_bundle == "tiny"
    assert [info.name for info in answer.message.bundles] == ["tiny", "busy"]
    assert {info.vocoder for info in answer.message.bundles} == {"griffin-lim"}
    pong = server.call().ask(Ping()).message
    assert pong == Pong(jobs=0, run_id=answer.message.run_id) and pong.run_id


def test_a_job_from_request_to_end(server, movie: Path) -> None:
    caller = server.call()
    job_id = caller.send(job(movie, takes=2))
    heard = caller.until(JobFinished)
    assert {envelope.reply_to for envelope in heard} == {job_id}
    messages = [envelope.message for envelope in heard]
    assert messages[0] == Accepted(job_id, 0)
    takes = [envelope for envelope in heard if isinstance(envelope.message, TakeFinished)]
    assert [(take.message.take, take.message.takes, take.message.seed) for take in takes] == [
        (0, 2, 1),
        (1, 2, 2),
    ]
    assert [len(take.parts[0]) for take in takes] == [2 * 48000 * 3] * 2
    fractions = [message.fraction for message in messages if isinstance(message, Progress)]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    assert caller.hears_nothing()


def test_jobs_run_in_order_for_whoever_asked(server, movie: Path) -> None:
    first, second = server.call(), server.call()
    blocker = first.send(endless(movie))
    until_sampling(first, blocker)
    jobs = [first.send(job(movie)), first.send(job(movie, seed=9))]
    time.sleep(0.1)
    other = second.send(job(movie))
    # The blocker, and one of the first client's: then it is the second's turn.
    assert second.receive().message == Accepted(other, 2)
    first.send(Cancel(blocker))
    ends = [e.reply_to for e in first.until(JobFinished, jobs[1]) if isinstance(e.message, ENDS)]
    assert ends == [blocker, *jobs]
    assert {envelope.reply_to for envelope in second.until(JobFinished)} == {other}


def test_cancelling_a_running_job_ends_it_once(server, movie: Path) -> None:
    caller = server.call()
    job_id = caller.send(endless(movie))
    until_sampling(caller, job_id)
    started = time.monotonic()
    caller.send(Cancel(job_id))
    heard = caller.until(JobCancelled)
    assert time.monotonic() - started < 3
    # At most the step that was under way is still reported.
    assert len([e for e in heard if isinstance(e.message, Progress)]) <= 3
    caller.send(Cancel(job_id))
    assert caller.hears_nothing()
    assert caller.ask(Ping()).message.jobs == 0


def test_cancelling_a_waiting_job_leaves_the_others(server, movie: Path) -> None:
    caller = server.call()
    running = caller.send(endless(movie))
    waiting = caller.send(job(movie))
    until_sampling(caller, running)
    caller.send(Cancel(waiting))
    assert caller.until(JobCancelled)[-1].reply_to == waiting
    assert caller.ask(Ping()).message.jobs == 1
    caller.send(Cancel(running))
    assert caller.until(JobCancelled)[-1].reply_to == running


def test_the_router_answers_while_a_job_runs(server, movie: Path) -> None:
    worker, other = server.call(), server.call()
    until_sampling(worker, worker.send(endless(movie)))
    waits = []
    for _ in range(20):
        started = time.monotonic()
        assert other.ask(Ping()).message.jobs == 1
        waits.append(time.monotonic() - started)
    assert sorted(waits)[len(waits) // 2] < 0.1


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"bundle": "nope"}, "bundle_unknown"),
        ({"sampler": "nope"}, "setting_invalid"),
        ({"vocoder": "nope"}, "setting_invalid"),
    ],
)
def test_requests_that_cannot_be_granted_are_refused_at_once(
    server, movie: Path, settings: dict[str, str], code: str
) -> None:
    caller = server.call()
    answer = caller.ask(job(movie, **settings))
    assert isinstance(answer.message, Failed)
    assert (answer.message.code, answer.message.job_id) == (code, None)
    assert isinstance(caller.ask(Ping()).message, Pong)


def test_a_vocoder_that_is_not_installed_is_refused_before_any_work(
    server, movie: Path, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    answer = server.call().ask(job(movie, vocoder="librosa")).message
    assert isinstance(answer, Failed) and answer.job_id is None
    assert 'pip install "foleyline[librosa]"' in answer.remedy


def test_a_job_for_what_is_no_file_fails(server, tmp_path: Path) -> None:
    caller = server.call()
    places = [tmp_path / "no.mp4", tmp_path]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        places.append(tmp_path / "pipe.mp4")
    for place in places:
        job_id = caller.send(job(place))
        heard = [envelope.message for envelope in caller.until(Failed)]
        assert heard[0] == Accepted(job_id, 0)
        assert (heard[-1].code, heard[-1].job_id) == ("file_missing", job_id)


def test_every_failure_of_a_job_leaves_the_server_well(
    server, movie, tmp_path, monkeypatch
) -> None:
    (tmp_path / "text.mp4").write_bytes(b"no video")
    caller = server.call()
    failing = {
        "file_unreadable": job(tmp_path / "text.mp4"),
        "span_outside": Generate(
            Clip(str(movie), Fraction(60), Fraction(1)), GenerateSettings(seed=1)
        ),
    }
    for code, request in failing.items():
        job_id = caller.send(request)
        end = caller.until(Failed)[-1].message
        assert (end.code, end.job_id) == (code, job_id)
        assert end.message and end.remedy
    for error, code in (
        (MemoryError(), "out_of_memory"),
        (OutOfMemory("full"), "out_of_memory"),
        (RuntimeError("a defect"), "server"),
        (BundleDamaged("changed"), "bundle_damaged"),
    ):

        def broken(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("foleyline_server.service.pipeline_engine.make_take", broken)
        caller.send(job(movie))
        assert caller.until(Failed)[-1].message.code == code
    monkeypatch.undo()
    caller.send(job(movie))
    assert caller.until(JobFinished)


def test_a_client_that_vanished_hurts_nobody(server, movie: Path) -> None:
    gone = server.call()
    gone.send(job(movie, takes=4))
    assert isinstance(gone.receive().message, Accepted)
    gone.socket.close(0)
    stays = server.call()
    stays.send(job(movie))
    assert stays.until(JobFinished)


def test_an_id_in_use_is_refused(server, movie: Path) -> None:
    caller = server.call()
    job_id = caller.send(endless(movie))
    until_sampling(caller, job_id)
    caller.send_raw(*encode(Envelope(job(movie), job_id)))
    assert caller.until(Failed)[-1].message.code == "message_malformed"
    assert caller.ask(Ping()).message.jobs == 1


def test_probe(server, movie: Path, tmp_path: Path) -> None:
    caller = server.call()
    seen = caller.ask(Probe(str(movie))).message
    assert isinstance(seen, Probed) and (seen.width_px, seen.height_px) == (64, 48)
    assert caller.ask(Probe(str(tmp_path / "no.mp4"))).message.code == "file_missing"


def test_another_protocol_is_told_so(server) -> None:
    caller = server.call()
    header = {"protocol": 999, "type": "from_the_future", "id": "abc", "body": {"new": 1}}
    caller.send_raw(json.dumps(header).encode())
    answer = caller.receive()
    assert (answer.reply_to, answer.message.code) == ("abc", "protocol_mismatch")
    assert "999" in answer.message.message


def test_readable_headers_are_answered_by_name(server) -> None:
    caller = server.call()
    for kind, body in (
        ("nonsense", {}),
        ("generate", {}),
        ("generate", None),
        ("pong", {"jobs": 1}),
    ):
        header = {
            "protocol": PROTOCOL_VERSION,
            "type": kind,
            "id": "q1",
            "reply_to": None,
            "body": body,
        }
        caller.send_raw(json.dumps(header).encode())
        answer = caller.receive()
        assert (answer.reply_to, answer.message.code) == ("q1", "message_malformed")


def test_garbage_never_ends_the_server(server, movie: Path) -> None:
    rng = random.Random(4)
    caller = server.call()
    sound = encode(Envelope(job(movie), new_id()))[0]
    for _ in range(300):
        parts = [bytearray(sound) for _ in range(rng.randint(1, 3))]
        for part in parts:
            for _ in range(rng.randint(1, 6)):
                part[rng.randrange(len(part))] = rng.randrange(256)
            if rng.random() < 0.3:
                del part[rng.randrange(len(part)) :]
        caller.send_raw(*map(bytes, parts))
    caller.send_raw(b"")
    caller.send_raw(*[b"x"] * 40)
    caller.send_raw(b"[" * 100_000)
    assert isinstance(server.call().ask(Ping()).message, Pong)
    assert server.thread.is_alive()


def test_a_part_that_is_too_long_costs_its_sender_the_line(server) -> None:
    server.call().send_raw(b"x" * (2 << 20))
    assert isinstance(server.call().ask(Ping()).message, Pong)


def test_shutdown_ends_no_job(server, movie: Path) -> None:
    caller = server.call()
    job_id = caller.send(endless(movie))
    until_sampling(caller, job_id)
    assert caller.ask(Shutdown(only_if_idle=True)).message.code == "server_busy"
    waiting = caller.send(job(movie))
    assert caller.until(Accepted)
    shutdown = caller.send(Shutdown())
    heard = caller.until(Goodbye)
    assert not [e for e in heard if isinstance(e.message, ENDS)]
    assert heard[-1].reply_to == shutdown
    server.thread.join(5)
    assert not server.thread.is_alive()
    unended = [(stored.id, stored.state) for stored in server.store.unended()]
    assert unended == [(job_id, "queued"), (waiting, "queued")]


def test_an_address_in_use_is_an_error(server) -> None:
    with pytest.raises(AddressUnavailable, match="cannot listen"):
        Router(server.server.address)


def test_only_two_modules_know_the_socket_library() -> None:
    folder = Path(__file__).parents[3] / "server" / "foleyline_server"
    users = {p.name for p in folder.rglob("*.py") if "import zmq" in p.read_text(encoding="utf-8")}
    assert users == {"router.py", "keys.py"}
    assert zmq.zmq_version_info() >= (4, 3)

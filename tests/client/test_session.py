"""Every state of a conversation, without a socket."""

from fractions import Fraction

import pytest

from foleyline_client.heartbeat import PING_INTERVAL_S, UNANSWERED_MAX
from foleyline_contract import messages as m
from foleyline_contract.errors import (
    Cancelled,
    FileMissing,
    MessageMalformed,
    OutOfMemory,
    ProtocolMismatch,
    ServerBusy,
    ServerLost,
    ServerUnreachable,
)

SETTINGS = m.GenerateSettings(seed=7)
WELCOME = m.Welcome("0.1.0", (), "mini", ("CPUExecutionProvider",), run_id="run1")


def finished(clip, job_id, **changes):
    values = {"take": 0, "takes": 1, "seed": 7, "sample_count": clip.sample_count}
    values |= {"peak_dbfs": -6.0, "log_p_aligned": None}
    return m.TakeFinished(job_id=job_id, **values | changes)


def failed(job_id=None, error=OutOfMemory):
    return m.Failed(error.code, "It happened.", "Do this.", job_id)


# ---- hello ---------------------------------------------------------------------------------


def test_hello(session, line):
    line.on(m.Hello, lambda _: WELCOME)
    assert session.hello() == WELCOME
    assert line.sent[0].message.client.startswith("foley ")


def test_nobody_answers(session, line):
    with pytest.raises(ServerUnreachable):
        session.hello(1.5)
    assert line.clock.now_s == pytest.approx(1.5)
    assert len(line.sent) == 1


def test_server_of_another_version_answers_in_its_own(session, line):
    line.say_header(protocol=9, type="failed", body={"anything": 1})
    with pytest.raises(ProtocolMismatch, match="9"):
        session.hello()


def test_server_refuses_our_version(session, line):
    line.on(m.Hello, lambda _: failed(error=ProtocolMismatch))
    with pytest.raises(ProtocolMismatch):
        session.hello()


def test_welcome_names_another_version(session, line):
    line.on(m.Hello, lambda _: m.Welcome("9", (), "mini", (), protocol_version=9))
    with pytest.raises(ProtocolMismatch, match="9"):
        session.hello()


def test_answer_to_an_earlier_hello_is_not_taken_for_ours(session, line):
    line.say(WELCOME, reply_to="earlier")
    with pytest.raises(ServerUnreachable):
        session.hello(1)
    assert session.poll() is None


def test_refusal_without_address_ends_the_question(session, line):
    line.say(failed(error=MessageMalformed))
    with pytest.raises(MessageMalformed):
        session.hello()


# ---- questions -----------------------------------------------------------------------------


def test_probe(session, line):
    probed = m.Probed(Fraction(5, 2), Fraction(24), 640, 360, True)
    line.on(m.Probe, lambda _: probed)
    assert session.probe("/a.mp4") == probed
    line.on(m.Probe, lambda _: failed(error=FileMissing))
    with pytest.raises(FileMissing, match="It happened"):
        session.probe("/a.mp4")


def test_find_cuts(session, line, clip):
    line.on(m.FindCuts, lambda _: m.CutsFound((Fraction(1, 200),)))
    assert session.find_cuts(clip) == (Fraction(1, 200),)
    assert line.sent[-1].message == m.FindCuts(clip)
    line.say(m.CutsFound(()), reply_to="nobody")
    assert session.poll(0.1) is None, "an answer that nobody waits for"


def test_an_answer_is_not_waited_for_when_the_line_was_lost(session, line, clip):
    line.on(m.Hello, lambda _: WELCOME)
    line.on(m.Ping, lambda _: m.Pong(0))
    session.hello()
    line.on(m.FindCuts, lambda _: line.renew())
    with pytest.raises(ServerLost, match="line"):
        session.find_cuts(clip)
    assert line.clock.now_s < 15


def test_slow_probe_waits_for_a_server_that_lives(session, line):
    line.on(m.Ping, lambda _: m.Pong(0))
    with pytest.raises(ServerLost):
        session.probe("/a.mp4", timeout_s=45)
    assert line.clock.now_s >= 45


def test_slow_probe_notices_a_server_that_died(session, line):
    with pytest.raises(ServerLost, match="stopped"):
        session.probe("/a.mp4")
    assert line.clock.now_s < 15


def test_ping_and_shutdown(session, line):
    line.on(m.Ping, lambda _: m.Pong(3))
    assert session.ping().jobs == 3
    line.on(m.Shutdown, lambda _: m.Goodbye())
    session.shutdown(only_if_idle=True)
    assert line.sent[-1].message.only_if_idle
    line.on(m.Shutdown, lambda _: failed(error=ServerBusy))
    with pytest.raises(ServerBusy):
        session.shutdown()


def test_events_that_come_while_asking_are_kept(session, line, clip):
    job = session.submit(clip, SETTINGS)
    line.say(m.Accepted(job, 0), reply_to=job)
    line.on(m.Ping, lambda _: m.Pong(1))
    session.ping()
    assert session.poll().message == m.Accepted(job, 0)
    assert session.poll() is None


# ---- jobs ----------------------------------------------------------------------------------


def test_a_job_from_start_to_end(session, line, clip):
    job = session.submit(clip, SETTINGS)
    assert line.sent[-1].id == job
    assert session.open_jobs == {job}
    pcm = bytes(3 * clip.sample_count)
    said = [m.Accepted(job, 0), m.Progress(job, "sampling", 1, 2, 0.5)]
    for event in said:
        line.say(event, reply_to=job)
    line.say(finished(clip, job), pcm, reply_to=job)
    line.say(m.JobFinished(job, 1.0), reply_to=job)
    envelopes = list(session.events(job))
    assert [envelope.message for envelope in envelopes] == [
        *said,
        finished(clip, job),
        m.JobFinished(job, 1.0),
    ]
    assert envelopes[2].parts == (pcm,)
    assert not session.open_jobs


def test_two_jobs_keep_apart(session, line, clip):
    first, second = session.submit(clip, SETTINGS), session.submit(clip, SETTINGS)
    line.say(m.Accepted(second, 1), reply_to=second)
    line.say(m.JobFinished(first, 1), reply_to=first)
    line.say(m.JobFinished(second, 1), reply_to=second)
    assert [e.message.job_id for e in session.events(first)] == [first]
    assert session.open_jobs == {second}
    assert len(list(session.events(second))) == 2


def test_an_id_of_ones_own_and_an_origin(session, line, clip):
    origin = m.Origin("film.blend", "strip1", "Door")
    assert session.submit(clip, SETTINGS, origin, batch=True, job_id="mine") == "mine"
    assert line.sent[-1].id == "mine"
    assert line.sent[-1].message == m.Generate(clip, SETTINGS, origin, batch=True)


@pytest.mark.parametrize("named_by", ["job_id", "reply_to", "nothing"])
def test_failure_raises_what_the_server_said(session, line, clip, named_by):
    job = session.submit(clip, SETTINGS)
    line.say(
        failed(job if named_by == "job_id" else None),
        reply_to=job if named_by == "reply_to" else None,
    )
    with pytest.raises(OutOfMemory, match=r"It happened\. Do this\."):
        list(session.events(job))
    assert bool(session.open_jobs) == (named_by == "nothing")


@pytest.mark.parametrize("reply_to_cancel", [True, False])
def test_cancel(session, line, clip, reply_to_cancel):
    job = session.submit(clip, SETTINGS)
    session.cancel(job)
    cancel = line.sent[-1]
    assert cancel.message == m.Cancel(job)
    line.say(m.JobCancelled(job), reply_to=cancel.id if reply_to_cancel else job)
    with pytest.raises(Cancelled):
        list(session.events(job))
    assert not session.open_jobs


def test_poll_returns_failures_as_events(session, line, clip):
    job = session.submit(clip, SETTINGS)
    line.say(failed(), reply_to=job)
    assert isinstance(session.poll().message, m.Failed)
    assert not session.open_jobs


@pytest.mark.parametrize("sizes", [[], [0], [3], [1440, 0], [1441]])
def test_take_of_the_wrong_length(session, line, clip, sizes):
    assert clip.sample_count == 480
    job = session.submit(clip, SETTINGS)
    line.say(finished(clip, job), *map(bytes, sizes), reply_to=job)
    with pytest.raises(MessageMalformed, match="length"):
        list(session.events(job))


def test_take_that_claims_another_length(session, line, clip):
    job = session.submit(clip, SETTINGS)
    line.say(finished(clip, job, sample_count=481), bytes(3 * 481), reply_to=job)
    with pytest.raises(MessageMalformed, match="length"):
        session.poll()


# ---- heartbeat -----------------------------------------------------------------------------


def test_poll_without_news_takes_its_time_and_no_more(session, line):
    assert session.poll(0) is None
    assert line.clock.now_s == 0
    assert session.poll(0.5) is None
    assert line.clock.now_s == pytest.approx(0.5)


def test_silence_is_asked_about_and_then_told(session, line, clip):
    job = session.submit(clip, SETTINGS)
    with pytest.raises(ServerLost):
        list(session.events(job))
    assert len(line.requests(m.Ping)) == UNANSWERED_MAX
    assert line.clock.now_s == pytest.approx((UNANSWERED_MAX + 1) * PING_INTERVAL_S)
    assert session.open_jobs == {job}


def test_pongs_keep_a_silent_job_alive_and_are_not_shown(session, line, clip):
    job = session.submit(clip, SETTINGS)
    line.say(m.Accepted(job, 0), reply_to=job)
    count = 0

    def pong(envelope):
        nonlocal count
        count += 1
        if count == 50:
            line.say(m.JobFinished(job, 1), reply_to=job)
        return m.Pong(1)

    line.on(m.Ping, pong)
    assert [type(e.message) for e in session.events(job)] == [m.Accepted, m.JobFinished]
    assert line.clock.now_s > 90


@pytest.mark.parametrize("accepted", [False, True])
def test_a_job_that_the_server_seems_not_to_know_is_asked_for_again(session, line, clip, accepted):
    """The server dropped what we did not read in time."""
    job = session.submit(clip, SETTINGS)
    if accepted:
        line.say(m.Accepted(job, 0), reply_to=job)
        assert session.poll(1).message == m.Accepted(job, 0)
    line.on(m.Ping, lambda _: m.Pong(0))
    assert session.poll(20) is None
    if accepted:
        assert [ask.message for ask in line.requests(m.Attach)] == [m.Attach((job,))]
        assert len(line.requests(m.Generate)) == 1
    else:
        assert [ask.id for ask in line.requests(m.Generate)] == [job, job]
        assert not line.requests(m.Attach)


def test_pongs_that_overtake_a_jobs_end_do_no_harm(session, line, clip):
    job = session.submit(clip, SETTINGS)
    line.say(m.Accepted(job, 0), reply_to=job)
    for _ in range(UNANSWERED_MAX):
        line.say(m.Pong(0))
    line.say(m.JobFinished(job, 1), reply_to=job)
    assert len(list(session.events(job))) == 2


def test_own_pause_is_not_the_servers_silence(session, line):
    """A program that slept for an hour must not find its server lost for that."""
    line.on(m.Ping, lambda _: m.Pong(0))
    for _ in range(10):
        assert session.poll(0) is None
        line.clock.now_s += 3600


def test_server_without_run_id_is_never_restarted(session, line):
    line.on(m.Hello, lambda _: WELCOME)
    session.hello()
    line.on(m.Ping, lambda _: m.Pong(0))
    assert session.poll(10) is None


# ---- what else may come --------------------------------------------------------------------


def test_unknown_events_are_ignored(session, line):
    line.say_header(type="from_the_future")
    line.say(m.Goodbye())
    assert session.poll(1).message == m.Goodbye()


@pytest.mark.parametrize("parts", [[], [b"\xff"], [b"{}"], [b"[" * 100_000]])
def test_garbage_is_told_and_survived(session, line, parts):
    line.say_raw(*parts)
    line.say(m.Goodbye())
    with pytest.raises(MessageMalformed):
        session.poll(1)
    assert session.poll(1).message == m.Goodbye()


def test_requests_from_a_server_are_refused(session, line):
    line.say_header(type="ping")
    with pytest.raises(MessageMalformed):
        session.poll(1)


def test_close(session, line):
    with session:
        pass
    assert line.closed

"""Waiting for a job while its server goes and comes."""

import io

import pytest

from foleyline_client import job_watch
from foleyline_client.job_watch import JobWatch, wait_again
from foleyline_client.progress_line import ProgressLine
from foleyline_contract import messages as m
from foleyline_contract.errors import OutOfMemory, ServerLost, ServerUnreachable

SETTINGS = m.GenerateSettings(seed=7)
WELCOME = m.Welcome("0", (), "mini", (), run_id="run1")


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def job(session, line, clip):
    line.on(m.Hello, lambda _: WELCOME)
    session.hello()
    job_id = session.submit(clip, SETTINGS)
    line.say(m.Accepted(job_id, 0), reply_to=job_id)
    return job_id


def test_a_server_that_is_lost_is_brought_back_and_the_job_goes_on(session, line, job, said):
    def bring_back(lost):
        session.hello()
        line.say(m.JobFinished(job, 1.0), reply_to=job)

    watch = JobWatch(session, bring_back, ProgressLine(said))
    assert [type(e.message) for e in watch.events(job)] == [m.Accepted, m.JobFinished]
    assert said.getvalue().count("\n") == 1
    assert "goes on when it is back" in said.getvalue()


def test_a_line_that_stands_is_waited_for_however_silent(session, line, job, said):
    watch = JobWatch(session, lambda _: pytest.fail("it stands"), ProgressLine(said))
    line.is_connected = True
    heard = watch.events(job)
    assert type(next(heard).message) is m.Accepted
    line.on(m.Ping, lambda _: late() if line.clock.now_s > 30 else None)

    def late():
        line.say(m.JobFinished(job, 1.0), reply_to=job)

    assert [type(e.message) for e in heard] == [m.JobFinished]
    assert said.getvalue() == "The server has not answered for a while. Still waiting.\n"


def test_a_line_that_came_back_by_itself_is_told_once(session, line, job, said):
    watch = JobWatch(session, lambda _: pytest.fail("nothing was lost"), ProgressLine(said))
    heard = []
    for envelope in watch.events(job):
        heard.append(type(envelope.message))
        if len(heard) == 1:
            line.renew()
            session.poll(0.1)
            line.say(m.Progress(job, "sampling", 1, 2, 0.5), reply_to=job)
            line.say(m.JobFinished(job, 1.0), reply_to=job)
    assert heard == [m.Accepted, m.Progress, m.JobFinished]
    assert said.getvalue() == "The line to the server was lost. The job goes on.\n"


@pytest.mark.parametrize("error", [ServerLost, OutOfMemory])
def test_a_job_that_failed_is_not_waited_for(session, line, job, said, error):
    """ServerLost also says that the server is there and does not know the job."""
    line.say(m.Failed(error.code, "It happened.", "Do this.", job), reply_to=job)
    watch = JobWatch(session, lambda _: pytest.fail("it ended"), ProgressLine(said))
    with pytest.raises(error, match="It happened"):
        list(watch.events(job))
    assert said.getvalue() == ""


def test_cancel_waits_for_the_end(session, line, job):
    line.on(m.Cancel, lambda ask: m.JobCancelled(ask.message.job_id))
    JobWatch(session, lambda _: None, ProgressLine(None)).cancel(job)
    assert not session.open_jobs


def test_a_far_server_is_waited_for(session, line, monkeypatch, said):
    answers = [None, None, WELCOME]
    line.on(m.Hello, lambda _: answers.pop(0))
    wait_again("tcp://far:1", ProgressLine(said))(session)
    assert answers == []
    monkeypatch.setattr(job_watch, "RETURN_S", 0.0)
    line.on(m.Hello, lambda _: None)
    with pytest.raises(ServerUnreachable, match="did not come back") as caught:
        wait_again("tcp://far:1", ProgressLine(said))(session)
    assert "foley fetch" in caught.value.remedy

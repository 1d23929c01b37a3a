import time
from fractions import Fraction

import pytest
from foleyline_addon import notices as n
from foleyline_addon.bridge import Bridge
from session import WELCOME, FakeSession

from foleyline_contract import messages as m
from foleyline_contract.errors import Cancelled, ServerLost, ServerUnreachable

CLIP = m.Clip("/m.mp4", Fraction(0), Fraction(1, 100))
SETTINGS = m.GenerateSettings(seed=7)
CONNECT = n.Connect("tcp://127.0.0.1:1")


@pytest.fixture
def session():
    return FakeSession()


@pytest.fixture
def bridge(session):
    bridge = Bridge(lambda _order, _status: (session, WELCOME))
    yield bridge
    session.say(m.JobCancelled("job1"))
    assert bridge.close()


def next_notice(bridge, kind):
    """The next notice, which must be a ``kind``; what is only said in passing is skipped."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        notice = bridge.take_notice()
        if notice is None:
            time.sleep(0.002)
        elif not isinstance(notice, n.Connecting) or kind is n.Connecting:
            assert isinstance(notice, kind), notice
            return notice
    raise AssertionError(f"no {kind.__name__} came")


def submit(bridge, session, folder):
    bridge.order(CONNECT)
    next_notice(bridge, n.Connected)
    bridge.order(n.Submit("r1", CLIP, SETTINGS, folder / "foley", "ball"))
    end = time.monotonic() + 2
    while not session.heard and time.monotonic() < end:
        time.sleep(0.002)
    assert session.heard == [("submit", (CLIP, SETTINGS))]


def finished(take=0, takes=1):
    return m.TakeFinished("job1", take, takes, 7 + take, 480, -6.0, -0.5, {"bundle": "mini"})


def test_from_click_to_file(bridge, session, tmp_path):
    submit(bridge, session, tmp_path)
    session.say(m.Accepted("job1", 2), reply_to="job1")
    assert next_notice(bridge, n.Queued) == n.Queued("r1", 2)
    session.say(m.Progress("job1", "sampling", 3, 25, 0.12))
    assert next_notice(bridge, n.Advanced) == n.Advanced("r1", "sampling", 3, 25, 0.12)
    session.say(finished(), bytes(3 * 480))
    take = next_notice(bridge, n.TakeWritten)
    assert (take.request_id, take.seed, take.path.name) == ("r1", 7, "ball_seed7.wav")
    assert take.path.read_bytes()[:4] == b"RIFF"
    session.say(m.JobFinished("job1", 1.0))
    assert next_notice(bridge, n.Ended) == n.Ended("r1")


def test_an_older_take_is_never_overwritten(bridge, session, tmp_path):
    (tmp_path / "foley").mkdir()
    (tmp_path / "foley" / "ball_seed7.wav").write_text("mine")
    submit(bridge, session, tmp_path)
    session.say(finished(), bytes(3 * 480))
    assert next_notice(bridge, n.TakeWritten).path.name == "ball_seed7-2.wav"
    assert (tmp_path / "foley" / "ball_seed7.wav").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told_before_the_work(bridge, session, tmp_path):
    (tmp_path / "foley").write_text("a file, not a folder")
    bridge.order(CONNECT)
    next_notice(bridge, n.Connected)
    bridge.order(n.Submit("r1", CLIP, SETTINGS, tmp_path / "foley", "ball"))
    assert next_notice(bridge, n.Ended).problem.code == "output_unwritable"
    assert session.heard == []


def test_a_take_that_cannot_be_written_ends_the_job(bridge, session, tmp_path):
    submit(bridge, session, tmp_path)
    (tmp_path / "foley").rmdir()
    (tmp_path / "foley").write_text("a file, not a folder")
    session.say(finished(), bytes(3 * 480))
    assert next_notice(bridge, n.Ended).problem.code == "output_unwritable"
    assert ("cancel", "job1") in session.heard


def test_cancel_reaches_the_server(bridge, session, tmp_path):
    submit(bridge, session, tmp_path)
    bridge.order(n.Withdraw("r1"))
    end = time.monotonic() + 1
    while ("cancel", "job1") not in session.heard and time.monotonic() < end:
        time.sleep(0.002)
    session.say(m.JobCancelled("job1"))
    assert next_notice(bridge, n.Ended).problem.code == "cancelled"


def test_a_failed_job_keeps_the_connection(bridge, session, tmp_path):
    submit(bridge, session, tmp_path)
    session.say(m.Failed("out_of_memory", "Too big.", "Ask for less.", "job1"))
    assert next_notice(bridge, n.Ended).problem == n.Problem(
        "out_of_memory", "Too big.", "Ask for less."
    )
    assert not session.closed


def test_a_lost_server_ends_every_job(bridge, session, tmp_path):
    submit(bridge, session, tmp_path)
    session.fail(ServerLost("The server is gone."))
    assert next_notice(bridge, n.Ended).problem.code == "server_lost"
    assert next_notice(bridge, n.Disconnected).problem.code == "server_lost"
    assert session.closed


def test_without_a_server_the_request_says_so(tmp_path):
    def refuse(_order, _status):
        raise ServerUnreachable("Nothing answers.")

    bridge = Bridge(refuse)
    bridge.order(CONNECT)
    bridge.order(n.Submit("r1", CLIP, SETTINGS, tmp_path, "ball"))
    assert next_notice(bridge, n.Disconnected).problem.code == "server_unreachable"
    assert next_notice(bridge, n.Ended).problem.message == "Nothing answers."
    assert bridge.alive
    assert bridge.close()


def test_a_connection_attempt_can_be_cancelled(tmp_path):
    def never(_order, status):
        while True:
            status("Starting server…")
            time.sleep(0.002)

    bridge = Bridge(never)
    bridge.order(CONNECT)
    bridge.order(n.Submit("r1", CLIP, SETTINGS, tmp_path, "ball"))
    assert next_notice(bridge, n.Connecting)
    bridge.order(n.Withdraw("r1"))
    assert next_notice(bridge, n.Disconnected).problem.code == Cancelled.code
    assert next_notice(bridge, n.Ended).problem.code == Cancelled.code
    assert bridge.close()


def test_closing_cancels_what_runs(bridge, session, tmp_path):
    submit(bridge, session, tmp_path)
    session.say(m.JobCancelled("job1"))
    assert bridge.close()
    assert ("cancel", "job1") in session.heard
    assert session.closed
    assert not bridge.alive

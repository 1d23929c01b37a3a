import time
from dataclasses import replace
from fractions import Fraction

import pytest
from foleyline_addon import line
from foleyline_addon import notices as n
from foleyline_addon.bridge import Bridge
from foleyline_addon.notebook import Note, Notebook, Place
from session import WELCOME, FakeSession

from foleyline_contract import messages as m
from foleyline_contract.errors import Cancelled, ServerLost, ServerUnreachable

CLIP = m.Clip("/m.mp4", Fraction(0), Fraction(1, 100))
SETTINGS = m.GenerateSettings(seed=7)
CONNECT = n.Connect("tcp://127.0.0.1:1")


class Server:
    """A server that comes and goes: a new session for every connection."""

    def __init__(self):
        self.sessions = []
        self.welcome = WELCOME
        self.refuses = False
        self.jobs = ()

    def connect(self, _order, _status):
        if self.refuses:
            raise ServerUnreachable("Nothing answers.")
        self.sessions.append(FakeSession())
        self.sessions[-1].jobs = self.jobs
        return self.sessions[-1], self.welcome

    def heard(self, what):
        return [asked for kind, asked in self.sessions[-1].heard if kind == what]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def bridge(server, tmp_path, monkeypatch):
    monkeypatch.setattr(line, "FIRST_RETRY_S", 0.01)
    bridge = Bridge(server.connect, Notebook(tmp_path / "notes"))
    yield bridge
    assert bridge.close()


def note(folder, job_id="job1"):
    place = Place("id1", "ball", "//ball.mp4", 1, 1, 25, "Scene")
    return Note(job_id, (place,), "film.blend", str(folder / "foley" / "ball_seed{seed}"))


def submit_order(folder, **changes):
    return replace(n.Submit(note(folder), CLIP, SETTINGS, m.Origin("", "id1", "ball")), **changes)


def until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def next_notice(bridge, *kinds):
    """The next notice of one of these kinds; others are passed over."""
    found = []

    def comes():
        notice = bridge.take_notice()
        if isinstance(notice, kinds):
            found.append(notice)
        return bool(found)

    until(comes)
    return found[0]


def submit(bridge, server, folder):
    bridge.order(CONNECT)
    bridge.order(submit_order(folder))
    until(lambda: server.sessions and server.heard("submit"))
    assert server.heard("submit") == [(CLIP, SETTINGS)]
    return server.sessions[-1]


def finished(take=0, takes=1):
    return m.TakeFinished("job1", take, takes, 7 + take, 480, -6.0, -0.5, {"bundle": "mini"})


def test_from_click_to_file(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    session.say(m.Accepted("job1", 2), reply_to="job1")
    assert next_notice(bridge, n.Queued) == n.Queued("job1", 2)
    session.say(m.Progress("job1", "sampling", 3, 25, 0.12))
    assert next_notice(bridge, n.Advanced) == n.Advanced("job1", "sampling", 3, 25, 0.12)
    session.say(finished(), bytes(3 * 480))
    take = next_notice(bridge, n.TakeWritten)
    assert (take.job_id, take.seed, take.path.name) == ("job1", 7, "ball_seed7.wav")
    assert take.path.read_bytes()[:4] == b"RIFF"
    session.say(m.JobFinished("job1", 1.0))
    assert next_notice(bridge, n.Ended) == n.Ended("job1")


def test_an_older_take_is_never_overwritten(bridge, server, tmp_path):
    (tmp_path / "foley").mkdir()
    (tmp_path / "foley" / "ball_seed7.wav").write_text("mine")
    session = submit(bridge, server, tmp_path)
    session.say(finished(), bytes(3 * 480))
    assert next_notice(bridge, n.TakeWritten).path.name == "ball_seed7-2.wav"
    assert (tmp_path / "foley" / "ball_seed7.wav").read_text() == "mine"


def test_a_take_that_was_fetched_before_a_crash_is_not_written_again(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    session.say(finished(), bytes(3 * 480))
    first = next_notice(bridge, n.TakeWritten).path
    session.say(finished(), bytes(3 * 480))
    assert next_notice(bridge, n.TakeWritten).path == first
    assert len(list(first.parent.glob("*.wav"))) == 1


def test_a_folder_that_cannot_be_made_is_told_before_the_work(bridge, server, tmp_path):
    (tmp_path / "foley").write_text("a file, not a folder")
    bridge.order(CONNECT)
    bridge.order(submit_order(tmp_path))
    assert next_notice(bridge, n.Ended).problem.code == "output_unwritable"
    assert server.heard("submit") == []


def test_a_take_that_cannot_be_written_ends_the_job(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    (tmp_path / "foley").rmdir()
    (tmp_path / "foley").write_text("a file, not a folder")
    session.say(finished(), bytes(3 * 480))
    assert next_notice(bridge, n.Ended).problem.code == "output_unwritable"
    assert server.heard("cancel") == ["job1"]


def test_cancel_reaches_the_server(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    bridge.order(n.Withdraw("job1"))
    until(lambda: server.heard("cancel") == ["job1"])
    session.say(m.JobCancelled("job1"))
    assert next_notice(bridge, n.Ended).problem.code == "cancelled"


def test_a_failed_job_keeps_the_connection(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    session.say(m.Failed("out_of_memory", "Too big.", "Ask for less.", "job1"))
    problem = n.Problem("out_of_memory", "Too big.", "Ask for less.")
    assert next_notice(bridge, n.Ended).problem == problem
    assert not session.closed


def test_a_lost_server_is_found_again_and_the_job_goes_on(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    session.fail(ServerLost("The server is gone."))
    lost = next_notice(bridge, n.Disconnected, n.Ended)
    assert (lost.problem.code, lost.retry_s) == ("server_lost", 0.01)
    until(lambda: len(server.sessions) == 2 and server.heard("submit"))
    server.sessions[-1].say(finished(), bytes(3 * 480))
    server.sessions[-1].say(m.JobFinished("job1", 1.0))
    assert next_notice(bridge, n.Ended) == n.Ended("job1")
    assert session.closed


def test_a_job_cancelled_without_a_server_is_cancelled_when_it_is_back(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    server.refuses = True
    session.fail(ServerLost("The server is gone."))
    next_notice(bridge, n.Disconnected)
    bridge.order(n.Withdraw("job1"))
    assert next_notice(bridge, n.Ended).problem.code == "cancelled"
    server.refuses = False
    until(lambda: len(server.sessions) == 2 and server.heard("cancel") == ["job1"])
    assert server.heard("submit") == []


def test_without_a_server_the_job_says_so(bridge, server, tmp_path):
    server.refuses = True
    bridge.order(CONNECT)
    bridge.order(submit_order(tmp_path))
    assert next_notice(bridge, n.Disconnected).retry_s is None
    assert next_notice(bridge, n.Ended).problem.message == "Nothing answers."


def test_a_connection_attempt_can_be_cancelled(tmp_path):
    def never(_order, status):
        while True:
            status("Starting server…")
            time.sleep(0.002)

    bridge = Bridge(never, Notebook(tmp_path))
    bridge.order(CONNECT)
    bridge.order(submit_order(tmp_path))
    next_notice(bridge, n.Connecting)
    bridge.order(n.Withdraw("job1", last=True))
    assert next_notice(bridge, n.Disconnected).problem.code == Cancelled.code
    assert next_notice(bridge, n.Ended).problem.code == Cancelled.code
    assert bridge.close()


def test_closing_leaves_jobs_to_the_server(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    bridge.order(n.Forget(("job0",)))
    assert bridge.close()
    assert server.heard("cancel") == []
    assert ("acknowledge", ("job0",)) in session.heard
    assert session.closed


def test_what_nobody_acknowledged_is_found_with_its_note(bridge, server, tmp_path):
    Notebook(tmp_path / "notes").write(note(tmp_path, "job9"))
    request = m.Generate(CLIP, SETTINGS, m.Origin("film.blend", "id1", "ball"))
    server.jobs = (m.JobInfo("job9", "finished", request, "mini", 1.0, 1, False, 0.0),)
    bridge.order(CONNECT)
    found = next_notice(bridge, n.Found)
    assert (found.jobs, set(found.notes)) == (server.jobs, {"job9"})
    bridge.order(n.Adopt(found.notes["job9"], found.jobs[0]))
    until(lambda: server.heard("attach") == [("job9",)])
    bridge.order(n.Forget(("job9",)))
    until(lambda: server.heard("acknowledge") == [("job9",)])
    assert Notebook(tmp_path / "notes").all() == []


def test_a_server_that_opens_no_paths_is_sent_the_file(bridge, server, tmp_path):
    server.welcome = replace(WELCOME, opens_paths=False)
    bridge.order(CONNECT)
    bridge.order(submit_order(tmp_path))
    until(lambda: server.sessions and server.heard("submit"))
    sent = server.heard("submit")[0][0]
    assert (sent.path, sent.upload) == ("m.mp4", "a" * 64)


def test_an_upload_that_the_line_was_too_slow_for_is_sent_again(
    bridge, server, tmp_path, monkeypatch
):
    server.welcome = replace(WELCOME, opens_paths=False)
    monkeypatch.setattr(FakeSession, "upload", lambda *_: fail())

    def fail():
        server.sessions[-1].is_connected = True
        monkeypatch.undo()
        raise ServerLost("The server does not answer.")

    bridge.order(CONNECT)
    bridge.order(submit_order(tmp_path))
    assert next_notice(bridge, n.Disconnected).retry_s == 0
    server.sessions[-1].say(m.Progress("job0", "sampling", 1, 2, 0.5))
    until(lambda: server.heard("submit"))
    assert len(server.sessions) == 1


def test_jobs_of_a_closed_file_are_heard_of_no_more(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    bridge.order(n.Leave(("job1",)))
    bridge.order(n.LookAround())
    next_notice(bridge, n.Found)
    next_notice(bridge, n.Found)  # the first was of the connection itself
    session.say(finished(), bytes(3 * 480))
    session.say(m.JobFinished("job1", 1.0))
    bridge.order(n.LookAround())
    assert isinstance(next_notice(bridge, n.Found, n.TakeWritten, n.Ended), n.Found)
    assert server.heard("cancel") == []


def test_when_all_is_done_the_server_is_asked_how_fast_it_was(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    next_notice(bridge, n.Connected)
    session.say(m.JobFinished("job1", 1.0))
    assert next_notice(bridge, n.Connected).bundles == WELCOME.bundles


def test_shots_are_looked_for_on_another_line(bridge, server, tmp_path):
    submit(bridge, server, tmp_path)
    bridge.order(n.FindShots((("ask1", CLIP),)))
    until(lambda: len(server.sessions) == 2)
    bridge.order(n.StopFinding())
    assert next_notice(bridge, n.ShotsFound).problem.code == "cancelled"
    assert server.sessions[1].closed and not server.sessions[0].closed


def test_without_a_server_no_shots_are_found(bridge):
    bridge.order(n.FindShots((("ask1", CLIP), ("ask2", CLIP))))
    for ask_id in ("ask1", "ask2"):
        found = next_notice(bridge, n.ShotsFound)
        assert (found.ask_id, found.problem.code) == (ask_id, "server_unreachable")


def test_a_line_that_falls_silent_is_kept(bridge, server, tmp_path):
    session = submit(bridge, server, tmp_path)
    session.is_connected = True
    session.fail(ServerLost("The server stopped answering."))
    lost = next_notice(bridge, n.Disconnected)
    assert (lost.problem.code, lost.retry_s) == ("server_lost", 0)
    session.say(finished(), bytes(3 * 480))
    assert isinstance(next_notice(bridge, n.TakeWritten, n.Connected), n.TakeWritten)
    next_notice(bridge, n.Connected)
    bridge.order(n.Withdraw("job1"))
    until(lambda: server.heard("cancel") == ["job1"])
    assert server.sessions == [session] and not session.closed

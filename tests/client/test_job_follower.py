"""Jobs that outlive the line, the server and this program."""

import pytest

from foleyline_client.job_follower import in_requests
from foleyline_contract import messages as m
from foleyline_contract.errors import MessageMalformed, ServerLost, ServerUnreachable, StorageFailed

SETTINGS = m.GenerateSettings(seed=7, takes=3)


def welcome(run_id):
    return m.Welcome("0.1.0", (), "mini", (), run_id=run_id)


def take(clip, job, number):
    return m.TakeFinished(job, number, 3, 7 + number, clip.sample_count, -6.0, None)


def info(job, clip, state="running"):
    return m.JobInfo(job, state, m.Generate(clip, SETTINGS), "mini", 0.5, 1, False, 0.0)


def send_take(line, clip, job, number):
    line.say(take(clip, job, number), bytes(3 * clip.sample_count), reply_to=job)


def takes_heard(session):
    heard = []
    while (envelope := session.poll(0.01)) is not None:
        if isinstance(envelope.message, m.TakeFinished):
            heard.append(envelope.message.take)
    return heard


@pytest.fixture
def server(line):
    """A server that welcomes, and knows the jobs in the list that this returns."""
    known = []
    line.run_id = "run1"
    line.on(m.Hello, lambda _: welcome(line.run_id))
    line.on(m.Ping, lambda _: m.Pong(1, line.run_id))
    line.on(
        m.Attach,
        lambda ask: m.JobList(tuple(i for i in known if i.job_id in ask.message.job_ids)),
    )
    return known


@pytest.fixture
def running(session, line, server, clip):
    """A job whose first take has come."""
    session.hello()
    job = session.submit(clip, SETTINGS)
    line.say(m.Accepted(job, 0), reply_to=job)
    send_take(line, clip, job, 0)
    assert takes_heard(session) == [0]
    server.append(info(job, clip))
    return job


def lose(session, line):
    line.on(m.Ping, lambda _: None)
    with pytest.raises(ServerLost):
        session.poll(60)


def test_a_take_that_comes_twice_is_heard_once(session, line, running, clip):
    for number in (0, 1, 0, 1, 2):
        send_take(line, clip, running, number)
    assert takes_heard(session) == [1, 2]


def test_what_follows_a_jobs_end_is_no_news(session, line, running, clip):
    line.say(m.JobFinished(running, 1.0), reply_to=running)
    assert isinstance(session.poll(1).message, m.JobFinished)
    send_take(line, clip, running, 1)
    line.say(m.Progress(running, "sampling", 1, 2, 0.5), reply_to=running)
    line.say(m.JobFinished(running, 1.0), reply_to=running)
    line.say(m.Failed("server", "a", "b", running), reply_to=running)
    assert [session.poll(0.1) for _ in range(4)] == [None] * 4


@pytest.mark.parametrize("how", ["hello", "pong", "renewed"])
def test_a_server_that_is_back_is_asked_for_its_jobs(session, line, running, clip, server, how):
    late = session.submit(clip, SETTINGS)
    line.run_id = "run2"
    if how == "hello":
        lose(session, line)
        session.hello()
    elif how == "pong":
        assert session.poll(5) is None
    else:
        line.renew()
        assert session.poll(0.1) is None
    assert line.requests(m.Attach)[-1].message == m.Attach((running,))
    assert line.requests(m.Generate)[-1].id == late
    assert session.open_jobs == {running, late}
    for number in (0, 1):
        send_take(line, clip, running, number)
    line.say(m.JobFinished(running, 1.0), reply_to=running)
    assert takes_heard(session) == [1]
    assert session.open_jobs == {late}


def test_a_wait_for_one_job_goes_on_after_the_server_was_lost(session, line, running, clip):
    line.on(m.Ping, lambda _: None)
    with pytest.raises(ServerLost):
        list(session.events(running))
    session.hello()
    send_take(line, clip, running, 1)
    line.say(m.JobFinished(running, 1.0), reply_to=running)
    assert [type(e.message) for e in session.events(running)] == [m.TakeFinished, m.JobFinished]


def test_a_server_that_stays_away_keeps_jobs_waiting(session, line, running):
    lose(session, line)
    line.on(m.Hello, lambda _: None)
    with pytest.raises(ServerUnreachable):
        session.hello(1)
    assert session.open_jobs == {running}


def test_a_job_that_the_server_forgot_ends(session, line, running, server):
    server.clear()
    line.renew()
    failure = session.poll(3).message
    assert (failure.code, failure.job_id) == (ServerLost.code, running)
    assert failure.remedy == "Generate once more."
    assert not session.open_jobs
    assert session.poll(0.1) is None


def test_a_cancel_that_was_lost_is_said_again(session, line, running):
    session.cancel(running)
    line.renew()
    session.poll(0.1)
    assert [ask.message for ask in line.requests(m.Cancel)] == [m.Cancel(running)] * 2
    line.say(m.JobCancelled(running), reply_to=running)
    session.poll(1)
    line.renew()
    session.poll(0.1)
    assert len(line.requests(m.Cancel)) == 2


# ---- jobs of an earlier life -----------------------------------------------------------------


def test_attach_fetches_what_was_submitted_earlier(session, line, server, clip):
    server.append(info("old", clip, "finished"))
    session.attach(["old", "gone"])
    assert session.open_jobs == {"old", "gone"}
    assert session.poll(1).message.job_id == "gone"
    send_take(line, clip, "old", 0)
    line.say(m.JobFinished("old", 1.0), reply_to="old")
    assert [type(e.message) for e in session.events("old")] == [m.TakeFinished, m.JobFinished]


def test_attached_takes_are_as_long_as_their_clip(session, line, server, clip):
    server.append(info("old", clip))
    session.attach(["old"])
    session.poll(0.1)
    line.say(m.TakeFinished("old", 0, 3, 7, 1, -6.0, None), bytes(3), reply_to="old")
    with pytest.raises(MessageMalformed, match="length"):
        session.poll(1)


def test_an_answer_that_tells_of_some_jobs_is_asked_for_the_rest(session, line, clip):
    def answer(ask):
        ids = ask.message.job_ids
        return m.JobList((info(ids[0], clip),), more=len(ids) > 1)

    line.on(m.Attach, answer)
    session.attach(["a", "b", "c"])
    assert session.poll(0.1) is None
    assert session.poll(0.1) is None
    assert session.poll(0.1) is None
    assert [ask.message.job_ids for ask in line.requests(m.Attach)] == [
        ("a", "b", "c"),
        ("b", "c"),
        ("c",),
    ]
    assert session.open_jobs == {"a", "b", "c"}


def test_a_refused_attach_ends_its_jobs(session, line):
    line.on(m.Attach, lambda _: m.Failed(StorageFailed.code, "No.", "Do this."))
    session.attach(["a", "b"])
    assert {session.poll(1).message.job_id, session.poll(1).message.job_id} == {"a", "b"}
    assert not session.open_jobs


def test_many_jobs_are_many_requests(session, line):
    assert [len(group) for group in in_requests(map(str, range(1001)))] == [500, 500, 1]
    session.attach([])
    session.acknowledge([])
    assert line.sent == []


# ---- acknowledging ---------------------------------------------------------------------------


def test_acknowledging_waits_for_nothing_and_shows_nothing(session, line):
    line.on(m.Acknowledge, lambda ask: m.Acknowledged(ask.message.job_ids))
    session.acknowledge(["a"])
    assert session.poll(0.1) is None
    line.renew()
    session.poll(0.1)
    assert len(line.requests(m.Acknowledge)) == 1


def test_a_lost_acknowledgement_is_said_again(session, line, server):
    session.hello()
    session.acknowledge(["a"])
    line.renew()
    session.poll(0.1)
    assert [ask.message for ask in line.requests(m.Acknowledge)] == [m.Acknowledge(("a",))] * 2


def test_forget_says_which(session, line):
    line.on(m.Acknowledge, lambda _: m.Acknowledged(("a",)))
    assert session.forget(["a", "b"]) == ("a",)


# ---- lists -----------------------------------------------------------------------------------


def test_all_pages_of_a_list(session, line, clip):
    infos = [info(f"j{n}", clip) for n in range(5)]

    def answer(ask):
        after = ask.message.after
        rest = infos[[i.job_id for i in infos].index(after) + 1 :] if after else infos
        return m.JobList(tuple(rest[:2]), more=len(rest) > 2)

    line.on(m.ListJobs, answer)
    assert session.all_jobs(unacknowledged=True) == tuple(infos)
    assert len(line.requests(m.ListJobs)) == 3
    assert all(ask.message.unacknowledged for ask in line.requests(m.ListJobs))


def test_status(session, line):
    status = m.ServerStatus(1, 2, 3.0, 4, 5, 6, 7, 8)
    line.on(m.Status, lambda _: status)
    assert session.status() == status

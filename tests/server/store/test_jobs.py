from dataclasses import replace

import pytest

from foleyline_contract.errors import NoPicture
from foleyline_contract.messages import ListJobs
from foleyline_server.store.store import KEEP_S


def ids(jobs):
    return [job.id for job in jobs]


def test_a_job_comes_back_as_it_was_after_a_restart(open_store, job):
    there = job("a", owner="key", strip="s", takes=3, upload="c" * 64)
    assert open_store().add(there)
    assert open_store().job("a") == there


def test_an_id_is_there_once_whoever_asks(store, job):
    assert store.add(job("a", owner="one"))
    assert not store.add(job("a", owner="two"))
    assert store.job("a").owner == "one"
    assert store.job("b") is None


def test_what_was_running_is_queued_again_in_order(open_store, job):
    store = open_store()
    for name in "cabd":
        store.add(job(name))
    store.set_running("a")
    store.end("b", "cancelled")
    assert store.job("a").state == "running"
    again = open_store().unended()
    assert ids(again) == ["c", "a", "d"]
    assert {job.state for job in again} == {"queued"}


def test_a_job_ends_once(store, job):
    store.add(job("a"))
    assert store.end("a", "failed", 2.5, NoPicture("There is no picture."))
    assert not store.end("a", "finished", 3.0)
    store.set_running("a")
    ended = store.job("a")
    assert (ended.state, ended.elapsed_s, ended.code) == ("failed", 2.5, "no_picture")
    assert ended.message == "There is no picture."
    assert ended.remedy == NoPicture.default_remedy
    assert ended.ended
    assert not store.end("unknown", "finished", 1.0)


def test_lists_are_the_owners_and_filtered(store, job):
    for name, owner, strip in (("a", "", "x"), ("b", "k", "x"), ("c", "", "y"), ("d", "", "x")):
        store.add(job(name, owner=owner, strip=strip))
    store.set_running("c")
    store.end("d", "finished", 1.0)
    store.acknowledge("", ["d"])
    assert ids(store.list("", ListJobs())) == ["a", "c", "d"]
    assert ids(store.list("k", ListJobs())) == ["b"]
    assert ids(store.list("", ListJobs(strips=("x", "z")))) == ["a", "d"]
    assert ids(store.list("", ListJobs(states=("running", "finished")))) == ["c", "d"]
    assert ids(store.list("", ListJobs(unacknowledged=True))) == ["a", "c"]


def test_a_list_goes_on_behind_a_job_and_tells_that_there_is_more(store, job):
    for number in range(7):
        store.add(job(f"j{number}"))
    first = store.list("", ListJobs(limit=3))
    assert ids(first) == ["j0", "j1", "j2", "j3"]  # one more than asked: others follow
    assert ids(store.list("", ListJobs(after="j2", limit=4))) == ["j3", "j4", "j5", "j6"]
    assert ids(store.list("", ListJobs(after="j6"))) == []
    assert len(store.list("", ListJobs(after="forgotten"))) == 7


def test_only_ones_own_ended_jobs_are_acknowledged(store, job):
    for name, owner in (("a", ""), ("b", "k"), ("c", ""), ("d", "")):
        store.add(job(name, owner=owner))
    for name in "abd":
        store.end(name, "cancelled")
    assert store.acknowledge("", ["d", "c", "b", "a", "nobody", "a"]) == ["d", "a"]
    assert store.acknowledge("", ["a"]) == ["a"]  # a lost answer is asked for again
    assert store.acknowledge("", []) == []
    assert [store.job(name).acknowledged for name in "abcd"] == [True, False, False, True]


def test_old_jobs_are_forgotten_but_none_that_has_a_take_to_fetch(open_store, job, key):
    now = [0.0]
    store = open_store(clock=lambda: now[0])
    for name in ("fetched", "unfetched", "failed", "cut short", "waiting"):
        store.add(job(name.replace(" ", "")))
    for number, name in enumerate(("fetched", "unfetched", "cutshort")):
        store.put_take(name, 0, key(number), b"pcm", {})
    store.end("fetched", "finished", 1.0)
    store.end("unfetched", "finished", 1.0)
    store.end("failed", "failed", 1.0, NoPicture("No."))
    store.end("cutshort", "cancelled", 1.0)
    store.acknowledge("", ["fetched"])
    now[0] = KEEP_S
    store.forget_old()
    assert len(store.list("", ListJobs())) == 5
    now[0] += 1
    store.forget_old()
    assert ids(store.list("", ListJobs())) == ["unfetched", "cutshort", "waiting"]


def test_what_clients_are_told(store, job, key):
    store.add(job("a", takes=2))
    store.put_take("a", 0, key(1), b"pcm", {})
    info = store.job("a").info(0.25)
    assert (info.job_id, info.state, info.fraction, info.takes_done) == ("a", "queued", 0.25, 1)
    assert (info.created_unix_s, info.elapsed_s, info.acknowledged) == (1000.5, None, False)
    assert info.request == job("a", takes=2).request


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "'; DROP TABLE jobs; --", "ß東"])
def test_any_text_of_a_client_is_only_text(store, job, text):
    assert store.add(job("a", strip=text))
    assert ids(store.list("", ListJobs(strips=(text,)))) == ["a"]
    assert store.list("", ListJobs(strips=("other",), after=text)) == []
    assert store.job(text) is None
    assert store.acknowledge("", [text]) == []
    store.end("a", "failed", 1.0, NoPicture(text))
    assert store.job("a").code == "no_picture"


def test_a_request_that_cannot_be_read_any_longer_is_left_out(store, job, caplog):
    store.add(job("a"))
    store.add(job("b"))
    with store._database.transaction() as rows:
        rows.execute("UPDATE jobs SET request = '{\"clip\": 5}' WHERE id = 'a'")
    assert ids(store.unended()) == ["b"]
    assert store.job("a") is None
    assert "job=a" in caplog.text


def test_a_state_is_one_of_those_there_are(store, job):
    import sqlite3

    with pytest.raises(sqlite3.IntegrityError):
        store.add(replace(job("a"), state="ended"))
    assert store.list("", ListJobs()) == []

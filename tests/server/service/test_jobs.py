import threading
from contextlib import nullcontext
from fractions import Fraction

import pytest

from foleyline_contract.errors import Cancelled, ServerBusy
from foleyline_contract.messages import Clip, Generate, GenerateSettings
from foleyline_server.service.jobs import LISTENERS_MAX, Job, Scheduler, Stopped


def job(name: str, batch: bool = False) -> Job:
    clip = Clip("/a.mp4", Fraction(0), Fraction(1))
    group, _, _ = name.partition("-")
    return Job(name, "", Generate(clip, GenerateSettings(1), batch=batch), group.encode())


def filled(*names: str, lanes: int = 1) -> Scheduler:
    """A queue with these jobs; a name in capitals is part of a fill."""
    scheduler = Scheduler(lanes)
    for name in names:
        scheduler.submit(job(name, name.isupper()))
    return scheduler


def order(scheduler: Scheduler) -> list[str]:
    """Run everything, one after the other."""
    found = []
    while len(scheduler):
        running = scheduler.next()
        found.append(running.id)
        scheduler.remove(running)
    return found


def test_clients_take_turns_and_each_ones_jobs_go_in_order() -> None:
    assert order(filled("a-1", "a-2", "a-3", "b-1", "c-1", "b-2")) == [
        "a-1", "b-1", "c-1", "a-2", "b-2", "a-3",
    ]  # fmt: skip


def test_what_somebody_waits_for_goes_before_a_fill() -> None:
    assert order(filled("A-1", "A-2", "b-1", "A-3", "b-2")) == ["b-1", "b-2", "A-1", "A-2", "A-3"]


def test_told_is_how_many_go_before() -> None:
    scheduler = filled("a-1", "a-2", "a-3", "A-1")
    assert scheduler.submit(job("b-1")) == 1
    assert scheduler.submit(job("a-4")) == 4
    assert scheduler.submit(job("B-1", batch=True)) == 6
    assert scheduler.next().id == "a-1"
    assert scheduler.submit(job("c-1")) == 1 + 2


def test_a_lane_each_and_no_more() -> None:
    scheduler = filled("a-1", "a-2", "a-3", lanes=2)
    scheduler.next(), scheduler.next()
    third = []
    thread = threading.Thread(target=lambda: third.append(scheduler.next()))
    thread.start()
    thread.join(0.05)
    assert not third and scheduler.running == 2
    scheduler.remove(scheduler.find("a-1"))
    thread.join(5)
    assert third[0].id == "a-3"


def test_a_fill_pauses_while_somebody_waits() -> None:
    scheduler = filled("A-1")
    fill = scheduler.next()
    scheduler.check(fill, nullcontext)
    scheduler.submit(job("b-1"))
    done = []
    asides = []

    class Aside:
        def __enter__(self) -> None:
            asides.append("in")

        def __exit__(self, *_: object) -> None:
            asides.append("out")

    thread = threading.Thread(target=lambda: done.append(scheduler.check(fill, Aside)))
    thread.start()
    waited_for = scheduler.next()
    assert waited_for.id == "b-1"
    scheduler.check(waited_for, Aside)
    thread.join(0.05)
    assert not done and asides == ["in"]
    scheduler.remove(waited_for)
    thread.join(5)
    assert done == [None] and asides == ["in", "out"] and fill.paused_s > 0


def test_stopping_reaches_running_waiting_and_paused_jobs() -> None:
    scheduler = filled("A-1", "A-2")
    running = scheduler.next()
    scheduler.submit(job("b-1"))
    raised = []

    def pause() -> None:
        with pytest.raises(Cancelled) as error:
            scheduler.check(running, nullcontext)
        raised.append(error)

    thread = threading.Thread(target=pause)
    thread.start()
    scheduler.stop("A-1", "somebody else")
    thread.join(0.05)
    assert not raised
    scheduler.stop("A-1", "")
    thread.join(5)
    assert raised
    assert scheduler.withdraw("A-1", "") is None
    assert scheduler.withdraw("A-2", "somebody else") is None
    waiting = scheduler.withdraw("A-2", "")
    assert waiting.id == "A-2" and scheduler.withdraw("A-2", "") is None
    scheduler.remove(waiting)
    scheduler.remove(running)
    assert order(scheduler) == ["b-1"]


def test_closing_interrupts_and_gives_out_nothing() -> None:
    scheduler = filled("a-1", "a-2")
    running = scheduler.next()
    scheduler.close()
    with pytest.raises(Stopped):
        scheduler.check(running, nullcontext)
    assert scheduler.next() is None
    with pytest.raises(ServerBusy, match="ending"):
        scheduler.require_room()


def test_too_many_jobs_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("foleyline_server.service.jobs.JOBS_MAX", 2)
    scheduler = filled("a-1")
    scheduler.require_room()
    scheduler.submit(job("a-2"))
    with pytest.raises(ServerBusy, match="2 jobs already"):
        scheduler.require_room()


def test_the_oldest_listener_makes_room() -> None:
    one = job("a-1")
    for number in range(LISTENERS_MAX + 2):
        one.listen(bytes([number]))
    assert list(one.listeners) == [bytes([n]) for n in range(2, LISTENERS_MAX + 2)]

import queue
from fractions import Fraction

import pytest
from foleyline_addon import notices as n
from foleyline_addon.shot_finder import ShotFinder
from session import WELCOME, FakeSession

from foleyline_contract.errors import FileUnreadable, ServerUnreachable
from foleyline_contract.messages import Clip

LINE = n.Connect("tcp://127.0.0.1:1", start=True)


class Server:
    def __init__(self):
        self.sessions = []
        self.refuses = False
        self.cuts = {"/a.mp4": (Fraction(2),), "/c.mp4": (), "/bad.mp4": FileUnreadable("Bad.")}

    def connect(self, order, _status):
        assert not order.start, "finding shots is no reason to start a server"
        if self.refuses:
            raise ServerUnreachable("Nothing answers.")
        self.sessions.append(FakeSession())
        self.sessions[-1].cuts = self.cuts
        return self.sessions[-1], WELCOME


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def said():
    return queue.SimpleQueue()


@pytest.fixture
def finder(server, said):
    finder = ShotFinder(server.connect, said.put)
    yield finder
    finder.stop()


def ask(*names):
    return n.FindShots(
        tuple((name, Clip(f"/{name}.mp4", Fraction(0), Fraction(9))) for name in names)
    )


def test_every_clip_is_answered(finder, said, server):
    finder.find(ask("a", "bad", "c"), LINE)
    answers = [said.get(timeout=5) for _ in range(3)]
    assert answers[0] == n.ShotsFound("a", (Fraction(2),))
    assert (answers[1].ask_id, answers[1].problem.code) == ("bad", "file_unreadable")
    assert answers[2] == n.ShotsFound("c", ())
    server.refuses = True
    finder.find(ask("a", "c"), LINE)
    problems = [said.get(timeout=5).problem.message for _ in range(2)]
    assert problems == ["Nothing answers."] * 2


def test_stopping_ends_the_search_and_its_line(finder, said, server):
    finder.find(ask("endless", "a"), LINE)
    while not server.sessions:
        pass
    finder.stop()
    answer = said.get(timeout=5)
    assert (answer.ask_id, answer.problem.code) == ("endless", "cancelled")
    assert server.sessions[0].closed
    finder.find(ask("a"), LINE)
    assert said.get(timeout=5) == n.ShotsFound("a", (Fraction(2),))

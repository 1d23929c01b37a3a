from fractions import Fraction

import pytest

from foleyline_contract.errors import FileMissing, ServerBusy, SettingInvalid
from foleyline_contract.messages import Clip, CutsFound, FindCuts
from foleyline_server.service.asked import Asked
from foleyline_server.service.seeker import SILENT_S, Seeker

CLIP = Clip("/film.mp4", Fraction(0), Fraction(3600))


def question(number: int = 1, client: bytes = b"me") -> Asked:
    return Asked(client, "", True, str(number), FindCuts(CLIP))


class Work:
    """A search that does something before each of its cuts."""

    def __init__(self, *steps, endless: bool = False) -> None:
        self.steps, self.endless = steps, endless
        self.now_s, self.is_ending = 0.0, False
        self.seeker = Seeker(self.find, lambda: self.is_ending, lambda: self.now_s)

    def find(self, clip, check):
        for number, step in enumerate(self.steps, 1):
            step()
            check()
            yield Fraction(number)
        while self.endless:
            yield Fraction(1)

    def ask(self, asked: Asked | None = None):
        asked = asked or question()
        self.seeker.expect(asked)
        return self.seeker.cuts(CLIP, asked)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


def test_cuts_are_told() -> None:
    work = Work(lambda: None, lambda: None)
    assert work.ask() == CutsFound((Fraction(1), Fraction(2)))
    assert work.ask() == CutsFound((Fraction(1), Fraction(2)))


def test_a_silent_clients_search_ends_without_an_answer() -> None:
    work = Work(lambda: work.wait(SILENT_S + 1))
    assert work.ask() is None


def test_a_client_that_is_heard_gets_its_answer() -> None:
    def heard() -> None:
        work.wait(SILENT_S - 1)
        work.seeker.hear(b"another")
        work.seeker.hear(b"me")

    work = Work(heard, heard, heard)
    assert work.ask() == CutsFound((Fraction(1), Fraction(2), Fraction(3)))


def test_another_question_of_the_same_client_ends_the_first() -> None:
    work = Work(lambda: work.seeker.expect(question(2)), lambda: None)
    assert work.ask() is None
    work.steps = ()
    assert work.seeker.cuts(CLIP, question(2)) == CutsFound(())


def test_another_clients_question_waits() -> None:
    work = Work(lambda: work.seeker.expect(question(2, b"another")))
    assert work.ask() == CutsFound((Fraction(1),))


def test_limits_and_errors_are_told() -> None:
    def later() -> None:
        work.wait(3601)
        work.seeker.hear(b"me")

    work = Work(later)
    with pytest.raises(ServerBusy, match="too long"):
        work.ask()
    with pytest.raises(SettingInvalid, match="10000"):
        Work(endless=True).ask()

    def gone() -> None:
        raise FileMissing("There is no file.")

    with pytest.raises(FileMissing):
        Work(gone).ask()

    def end() -> None:
        work.is_ending = True

    work = Work(end)
    with pytest.raises(ServerBusy, match="ending"):
        work.ask()

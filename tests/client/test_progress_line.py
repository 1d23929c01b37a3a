"""What a terminal and a log see of a job."""

import io

from transport import FakeClock

from foleyline_client.progress_line import ProgressLine
from foleyline_contract.messages import Progress


def show(is_terminal: bool, *points: tuple[float, str, int, float]) -> str:
    stream, clock = io.StringIO(), FakeClock()
    line = ProgressLine(stream, is_terminal=is_terminal, clock=clock)
    for at, stage, step, fraction in points:
        clock.now_s = at
        line.show(Progress("j", stage, step, 25, fraction))
    line.finish()
    return stream.getvalue()


def test_terminal_draws_one_line_and_takes_it_away():
    text = show(True, (0, "sampling", 1, 0.0), (10, "sampling", 13, 0.5))
    assert "\n" not in text
    assert "[############............] Sampling  13/25   50%  0:10 left" in text
    assert text.endswith("\r")


def test_log_gets_plain_lines_now_and_then():
    points = [(n * 0.5, "sampling", n, n / 100) for n in range(30)]
    text = show(False, *points)
    assert "\r" not in text
    assert text.splitlines()[0] == "Sampling  0/25    0%"
    assert len(text.splitlines()) == 3


def test_each_stage_is_named():
    text = show(False, (0, "loading", 0, 0.0), (0.1, "sampling", 0, 0.1))
    assert [line.split()[0] for line in text.splitlines()] == ["Loading", "Sampling"]


def test_time_in_the_queue_does_not_count():
    text = show(False, (0, "queued", 0, 0), (3600, "sampling", 0, 0), (3610, "sampling", 5, 0.5))
    assert text.splitlines()[-1].endswith("0:10 left")


def test_hours():
    assert "2:00:00 left" in show(False, (0, "sampling", 0, 0), (7200, "sampling", 1, 0.5))


def test_quiet_and_impossible_fractions():
    ProgressLine(None).show(Progress("j", "sampling", 1, 2, 0.5))
    ProgressLine(None).say("x")
    assert "100%" in show(True, (0, "sampling", 1, 7.0))


def test_the_same_note_is_written_once_in_a_log():
    stream = io.StringIO()
    line = ProgressLine(stream)
    for text in ("Waiting", "Waiting", "Starting", "Waiting"):
        line.note(text)
    assert stream.getvalue().split() == ["Waiting", "Starting", "Waiting"]

import pytest
from foleyline_addon import notices as n
from foleyline_addon import report
from foleyline_addon.board import Board, Request
from session import BUNDLE

from foleyline_contract.errors import ERRORS_BY_CODE
from foleyline_contract.messages import PROGRESS_STAGES

CONNECTED = n.Connected("tcp://127.0.0.1:1", "0.1.0", (BUNDLE,), "mini", "CPU")


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_every_error_has_words(code):
    error = ERRORS_BY_CODE[code]("Something happened.")
    advice = report.advice_for(n.Problem.of(error))
    assert advice.level in {"INFO", "WARNING", "ERROR"}
    assert advice.text
    assert (advice.operator is None) == (advice.label == "")


def test_every_stage_has_words():
    assert set(report.STAGE_TEXTS) == set(PROGRESS_STAGES)


@pytest.mark.parametrize(
    ("notices", "text"),
    [
        ([], "Not Connected"),
        ([n.Connecting("Starting server…")], "Starting server…"),
        ([CONNECTED], "Ready: mini on CPU"),
        ([n.Disconnected(n.Problem("server_lost", "Gone.", "Start it."))], "No Server"),
    ],
)
def test_link_text(notices, text):
    board = Board()
    for notice in notices:
        board.apply(notice, 0)
    assert report.link_text(board).text == text


def test_progress_texts():
    board = Board()
    board.apply(CONNECTED, 0)
    board.open("a", "ball")
    board.apply(n.Queued("a", 1), 0)
    assert report.stage_text(board) == "Waiting for 1 other job"
    board.apply(n.Advanced("a", "sampling", 1, 25, 0.03), 10)
    board.apply(n.Advanced("a", "sampling", 11, 25, 0.43), 19)
    assert report.stage_text(board) == "Making Sound 11/25"
    assert report.progress_text(board, 19) == "43 % · 12 s left"
    board.open("b", "box")
    assert report.stage_text(board) == "Strip 1 of 2: Making Sound 11/25"
    board.requests["a"].cancelling = True
    assert report.stage_text(board) == "Cancelling…"


def test_time_text():
    assert report.time_text(None) == ""
    assert report.time_text(0.2) == "1 s left"
    assert report.time_text(200) == "3 min left"


def test_remedies_have_buttons():
    assert report.advice_for(report.ONLINE_ACCESS_OFF).operator == report.PREFERENCES
    lost = report.advice_for(n.Problem("server_lost", "Gone.", "Start it."))
    assert (lost.operator, lost.start) == (report.CONNECT, True)


def take(request_id="a"):
    return n.TakeWritten(request_id, None, 0, 1, 7, 480, -6.0, None, {})


def test_outcomes():
    done = Request("a", "ball", takes=[take()], ended=True)
    failed = Request("b", "box", ended=True, problem=n.Problem("file_missing", "Gone.", "Relink."))
    stopped = Request("c", "cup", ended=True, problem=n.Problem("cancelled", "Cancelled.", ""))
    assert report.outcome([done], [], []).text == "Foley generated for 'ball', seed 7."
    both = report.outcome([done, failed], [], [])
    assert (both.level, both.text) == (
        "WARNING", "Foley generated for 1 of 2 strips. Gone. Relink."
    )  # fmt: skip
    assert report.outcome([stopped], [], []).text == "Foley generation cancelled"
    kept = report.outcome([done, stopped], [], [])
    assert kept.text == "Foley generated for 1 of 2 strips. Cancelled."
    gone = report.outcome([done], [], ["ball"])
    assert (gone.level, gone.text) == (
        "WARNING", "The strip 'ball' is gone; its take was kept on disk."
    )  # fmt: skip
    assert report.outcome([failed], [], []).text == "Gone. Relink."


def test_take_rows():
    rows = dict(report.take_rows({"seed": 7, "take": 2, "takes": 3, "cfg_scale": 4.5, "steps": 25}))
    assert rows == {"Seed": "7", "Take": "2 of 3", "Steps": "25", "Guidance": "4.5"}
    assert ("Vocoder", "griffin-lim") in report.take_rows({"vocoder": "griffin-lim"})
    # A server older than the field does not say which it has.
    assert "Vocoder" not in dict(report.take_rows({"vocoder": ""}))


def test_wrap():
    assert report.wrap("one two three", 7) == ["one two", "three"]
    assert report.wrap("incomprehensible", 5) == ["incomprehensible"]
    assert report.wrap("", 5) == []

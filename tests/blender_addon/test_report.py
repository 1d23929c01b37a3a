from dataclasses import replace

import pytest
from addon_jobs import CANCELLED, GONE, job, take
from foleyline_addon import notices as n
from foleyline_addon import report
from foleyline_addon.board import Board, Link
from foleyline_addon.jobs import State
from session import BUNDLE

from foleyline_contract.errors import ERRORS_BY_CODE
from foleyline_contract.messages import PROGRESS_STAGES

CONNECTED = n.Connected("tcp://127.0.0.1:1", "0.1.0", (BUNDLE,), "mini", "CPU")
LOST = n.Problem("server_lost", "Gone.", "Start it.")


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_every_error_has_words(code):
    error = ERRORS_BY_CODE[code]("Something happened.")
    advice = report.advice_for(n.Problem.of(error))
    assert advice.level in {"INFO", "WARNING", "ERROR"}
    assert advice.text
    assert (advice.operator is None) == (advice.label == "")


def test_every_stage_and_state_has_words():
    assert set(report.STAGE_TEXTS) == {*PROGRESS_STAGES, "uploading"}
    assert set(report.STATE_ICONS) == set(State)
    assert all(report.stage_text(job(state=state), Link.READY) for state in State)


@pytest.mark.parametrize(
    ("notices", "text"),
    [
        ([], "Not Connected"),
        ([n.Connecting("Starting server…")], "Starting server…"),
        ([CONNECTED], "Ready: mini on CPU"),
        ([replace(CONNECTED, default_bundle="")], "The server has no model"),
        ([CONNECTED, n.Disconnected(LOST, 2.0)], "Server Lost, Trying Again…"),
        ([n.Disconnected(LOST)], "No Server"),
    ],
)
def test_link_text(notices, text):
    board = Board()
    for notice in notices:
        board.apply(notice, 0)
    assert report.link_text(board).text == text


def test_what_a_job_is_at():
    made = job()
    made.hear(n.Queued("a", 1), 0)
    assert report.stage_text(made, Link.READY) == "Waiting"
    assert report.stage_text(made, Link.LOST) == "Waiting for the server"
    made.hear(n.Advanced("a", "sampling", 11, 25, 0.43), 10)
    assert report.stage_text(made, Link.READY) == "Making Sound 11/25"
    made.cancelling = True
    assert report.stage_text(made, Link.READY) == "Cancelling…"


def test_the_total_in_words():
    board = Board()
    board.open(job("a"))
    board.apply(n.Advanced("a", "loading", 0, 0, 0.0), 10)
    assert report.total_text(board, 10) == "Loading Model"
    board.apply(n.Advanced("a", "sampling", 11, 25, 0.43), 19)
    assert report.total_text(board, 19) == "43 % · 12 s left"
    board.open(job("b"))
    assert report.total_text(board, 10.5) == "0 of 2 · 21 %"
    board.apply(n.ServerLoad(5, ""), 0)
    assert report.others_text(board) == "3 other jobs on the server"


def test_durations():
    texts = [report.duration_text(s) for s in (0.2, 12, 200, 7500)]
    assert texts == ["1 s", "12 s", "3 min", "2 h 5 min"]
    assert report.time_text(None) == ""


def test_a_models_entry_tells_licence_and_speed():
    assert report.bundle_tip(BUNDLE) == (
        "For tests. Licence of the weights: CC0-1.0. 0.2 s of work for a second of picture"
    )
    assert "not measured" in report.bundle_tip(replace(BUNDLE, speed=None))


def test_remedies_have_buttons():
    assert report.advice_for(report.ONLINE_ACCESS_OFF).operator == report.PREFERENCES
    lost = report.advice_for(LOST)
    assert (lost.operator, lost.start) == (report.CONNECT, True)


def ended(job_id, label, state, problem=None, remark=""):
    made = job(job_id, label=label, state=state)
    made.problem, made.remark, made.takes = problem, remark, [take(job_id)]
    return made


def test_outcomes():
    done = ended("a", "ball", State.DONE)
    failed = ended("b", "box", State.FAILED, GONE)
    stopped = ended("c", "cup", State.CANCELLED, CANCELLED)
    assert report.outcome([done], []).text == "Foley generated for 'ball', seed 7."
    both = report.outcome([done, failed], [])
    assert (both.level, both.text) == (
        "WARNING", "Foley generated for 1 of 2 strips. Gone. Relink."
    )  # fmt: skip
    assert report.outcome([stopped], []).text == "Foley generation cancelled"
    kept = report.outcome([done, stopped], [])
    assert kept.text == "Foley generated for 1 of 2 strips. Cancelled."
    gone = report.outcome([ended("a", "ball", State.DONE, remark="'ball' is gone.")], [])
    assert (gone.level, gone.text) == ("WARNING", "'ball' is gone.")
    assert report.outcome([failed], []).text == "Gone. Relink."


def test_wrap():
    assert report.wrap("one two three", 7) == ["one two", "three"]
    assert report.wrap("incomprehensible", 5) == ["incomprehensible"]
    assert report.wrap("", 5) == []

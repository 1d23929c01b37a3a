from addon_jobs import CANCELLED, GONE, job, take
from foleyline_addon import notices as n
from foleyline_addon.board import Board, Link
from foleyline_addon.jobs import State
from session import BUNDLE

CONNECTED = n.Connected("tcp://127.0.0.1:1", "0.1.0", (BUNDLE,), "mini", "CPU")
LOST = n.Problem("server_lost", "Gone.", "Start it.")


def board_with(*jobs):
    board = Board()
    board.apply(CONNECTED, 0)
    for made in jobs:
        board.open(made)
    return board


def test_link_states():
    board = Board()
    assert board.link is Link.OFF
    board.connection_wanted()
    assert board.connecting
    board.apply(n.Connecting("Starting server…"), 0)
    assert board.link_text == "Starting server…"
    board.apply(CONNECTED, 0)
    assert (board.link, board.bundle(None)) == (Link.READY, BUNDLE)
    board.apply(n.Disconnected(LOST, 2.0), 0)
    assert (board.link, board.problem) == (Link.LOST, LOST)
    board.apply(n.Disconnected(LOST), 0)
    assert (board.link, board.problems) == (Link.FAILED, [LOST, LOST])


def test_a_cancelled_connection_is_no_problem():
    board = Board()
    board.connection_wanted()
    board.apply(n.Disconnected(CANCELLED), 0)
    assert (board.link, board.problem) == (Link.OFF, None)


def test_the_total_is_over_all_jobs_since_the_last_pause():
    board = board_with(job("a"), job("b"))
    board.apply(n.Advanced("a", "sampling", 5, 10, 0.5), 10)
    assert board.fraction == 0.25
    assert board.time_left_s(20) == 30
    board.apply(n.Ended("a"), 12)
    board.apply(n.Ended("b"), 13)
    assert (board.fraction, board.busy) == (1.0, False)
    board.open(job("c"))
    assert (board.fraction, board.began_s, len(board.burst)) == (0.0, None, 1)
    assert len(board.jobs) == 3


def test_takes_keep_it_busy_until_they_have_landed():
    board = board_with(job("a"))
    board.apply(take("a"), 1)
    board.apply(n.Ended("a"), 2)
    assert (board.busy, board.open_jobs) == (True, [])
    assert board.in_state(State.LANDING) == [board.jobs["a"]]


def test_jobs_of_others_are_what_is_left_of_the_servers():
    board = board_with(job("a"), job("b", state=State.HELD))
    board.apply(n.ServerLoad(4, ""), 0)
    assert board.others == 3
    board.apply(n.Disconnected(LOST, 1.0), 0)
    assert board.others == 0


def test_a_failure_is_shown_and_a_cancel_is_not():
    board = board_with(job("a"), job("b"))
    board.apply(n.Ended("a", CANCELLED), 1)
    assert board.problem is None
    board.apply(n.Ended("b", GONE), 1)
    assert board.problem == GONE
    board.apply(n.Ended("nobody", LOST), 3)
    assert board.problem == GONE


def test_dropped_jobs_count_no_more():
    board = board_with(job("a"), job("b"))
    board.drop({"a"})
    assert ([*board.jobs], board.burst) == (["b"], [board.jobs["b"]])


def test_a_dead_thread_ends_everything():
    board = board_with(job("a"))
    board.thread_died()
    assert not board.busy
    assert board.problem.remedy

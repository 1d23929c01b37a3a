from foleyline_addon import notices as n
from foleyline_addon.board import Board, Link
from session import BUNDLE

CONNECTED = n.Connected("tcp://127.0.0.1:1", "0.1.0", (BUNDLE,), "mini", "CPU")


def board_with(*request_ids):
    board = Board()
    board.apply(CONNECTED, 0)
    for request_id in request_ids:
        board.open(request_id, f"strip {request_id}")
    return board


def test_link_states():
    board = Board()
    assert board.link is Link.OFF
    board.connection_wanted()
    assert board.connecting
    board.apply(n.Connecting("Starting server…"), 0)
    assert board.link_text == "Starting server…"
    board.apply(CONNECTED, 0)
    assert (board.link, board.default_bundle) == (Link.READY, "mini")
    problem = n.Problem("server_lost", "Gone.", "Start it.")
    board.apply(n.Disconnected(problem), 0)
    assert (board.link, board.problem, board.bundles) == (Link.FAILED, problem, ())


def test_a_cancelled_connection_is_no_problem():
    board = Board()
    board.connection_wanted()
    board.apply(n.Disconnected(n.Problem("cancelled", "Cancelled.", "")), 0)
    assert (board.link, board.problem) == (Link.OFF, None)


def test_fraction_is_over_all_requests_and_never_falls():
    board = board_with("a", "b")
    board.apply(n.Advanced("a", "sampling", 5, 10, 0.5), 1)
    assert board.fraction == 0.25
    board.apply(n.Advanced("a", "sampling", 4, 10, 0.4), 2)
    assert board.fraction == 0.25
    board.apply(n.Ended("a"), 3)
    assert (board.fraction, board.busy, board.current.request_id) == (0.5, True, "b")
    board.apply(n.Ended("b"), 4)
    assert not board.busy


def test_time_left_waits_until_it_is_no_guess():
    board = board_with("a")
    board.apply(n.Advanced("a", "decoding", 0, 1, 0.0), 10)
    assert board.time_left_s(20) is None
    board.apply(n.Advanced("a", "sampling", 5, 20, 0.25), 13)
    assert board.time_left_s(10.5) is None
    assert board.time_left_s(13) == 9


def test_what_comes_after_the_end_is_ignored():
    board = board_with("a")
    board.apply(n.Ended("a", n.Problem("cancelled", "Cancelled.", "")), 1)
    board.apply(n.Advanced("a", "sampling", 5, 20, 0.25), 2)
    assert board.requests["a"].stage == "queued"
    board.apply(n.Ended("nobody"), 3)


def test_a_dead_thread_ends_everything():
    board = board_with("a")
    board.thread_died()
    assert not board.busy
    assert board.problem.remedy

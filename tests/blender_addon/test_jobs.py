from addon_jobs import CANCELLED, GONE, job, take
from foleyline_addon import notices as n
from foleyline_addon.jobs import State, total_fraction


def test_from_the_queue_to_the_timeline():
    made = job()
    made.hear(n.Queued("a", 2), 0)
    assert (made.state, made.ahead) == (State.WAITING, 2)
    made.hear(n.Advanced("a", "queued", 0, 0, 0.0), 1)
    assert (made.state, made.began_s) == (State.WAITING, None)
    made.hear(n.Advanced("a", "sampling", 5, 20, 0.25), 10)
    assert made.state is State.RUNNING
    made.hear(take(), 11)
    made.hear(n.Ended("a"), 12)
    assert (made.state, made.outcome, made.has_ended) == (State.LANDING, State.DONE, False)


def test_a_take_that_comes_twice_counts_once():
    made = job(takes=2)
    for number in (0, 1, 0):
        made.hear(take("a", number, 2), 0)
    assert [t.take for t in made.takes] == [0, 1]


def test_takes_of_a_failed_or_cancelled_job_land_as_well():
    for problem, outcome in ((GONE, State.FAILED), (CANCELLED, State.CANCELLED)):
        with_take, without = job(), job()
        with_take.hear(take(), 0)
        with_take.hear(n.Ended("a", problem), 1)
        without.hear(n.Ended("a", problem), 1)
        assert (with_take.state, with_take.outcome) == (State.LANDING, outcome)
        assert without.state is outcome


def test_what_comes_after_the_end_is_ignored():
    made = job()
    made.hear(n.Ended("a", CANCELLED), 1)
    made.hear(n.Advanced("a", "sampling", 5, 20, 0.25), 2)
    made.hear(take(), 2)
    assert (made.state, made.takes) == (State.CANCELLED, [])


def test_progress_never_falls_and_time_left_is_no_guess():
    made = job()
    made.hear(n.Advanced("a", "decoding", 0, 1, 0.0), 10)
    assert made.time_left_s(20) is None
    made.hear(n.Advanced("a", "sampling", 5, 20, 0.25), 13)
    made.hear(n.Advanced("a", "sampling", 4, 20, 0.2), 13)
    assert made.fraction == 0.25
    assert made.time_left_s(10.5) is None
    assert made.time_left_s(13) == 9


def test_long_jobs_count_more_in_the_total():
    long, short = job("a", frames=300), job("b", frames=100)
    long.fraction = 1.0
    assert total_fraction([long, short]) == 0.75
    assert total_fraction([]) == 0.0

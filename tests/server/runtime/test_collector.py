import threading
import time

import numpy as np
import pytest

from foleyline_contract.errors import OutOfMemory, ServerError
from foleyline_server.runtime.collector import Collector, RowLimit, SharedGraph, run_in_parts


class Double:
    """A graph: twice its input; ``sizes`` are the rows of its runs."""

    def __init__(self, rows_max: int = 100) -> None:
        self.rows_max = rows_max
        self.sizes: list[int] = []

    def __call__(self, x: np.ndarray) -> dict[str, np.ndarray]:
        if len(x) > self.rows_max:
            raise OutOfMemory("full", detail=f"{len(x)} rows")
        self.sizes.append(len(x))
        return {"y": 2 * x}


def rows(*values: float, width: int = 2) -> np.ndarray:
    return np.repeat(np.float32(values)[:, None], width, axis=1)


def together(collector: Collector, *calls) -> list[object]:
    """What every call gives or raises, each in a thread of its own that begins with the others."""
    given: list[object] = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def call(number: int) -> None:
        with collector.at_work():
            ready.wait(5)
            try:
                given[number] = calls[number]()
            except ServerError as error:
                given[number] = error

    threads = [threading.Thread(target=call, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return given


@pytest.fixture
def patient(monkeypatch) -> None:
    """Calls wait for all others, however long that takes."""
    monkeypatch.setattr("foleyline_server.runtime.collector.GATHER_S", 5.0)


def test_calls_of_one_graph_run_at_once_and_get_their_own_rows(patient) -> None:
    graph, collector = Double(), Collector(merges=True)
    shared = SharedGraph("unet", graph, collector, RowLimit(8))
    inputs = [rows(1), rows(2, 3), rows(4)]
    outputs = together(collector, *(lambda x=x: shared(x=x) for x in inputs))
    assert graph.sizes == [4]
    for x, output in zip(inputs, outputs, strict=True):
        assert np.array_equal(output["y"], 2 * x) and output["y"].base is None


def test_only_what_fits_is_merged(patient) -> None:
    collector = Collector(merges=True)
    small, other = Double(), Double()
    limited = SharedGraph("unet", small, collector, RowLimit(2))
    another = SharedGraph("unet", other, collector, RowLimit(8))
    calls = [
        lambda: limited(x=rows(1)),
        lambda: limited(x=rows(2, 3)),
        lambda: another(x=rows(4)),
        lambda: another(x=rows(5, width=3)),
    ]
    for call, output in zip(calls, together(collector, *calls), strict=True):
        assert np.array_equal(output["y"], call()["y"])
    assert sorted(small.sizes[:2]) == [1, 2] and other.sizes[:2] == [1, 1]


def test_nobody_waits_for_a_thread_that_does_something_else() -> None:
    graph, collector = Double(), Collector(merges=True)
    shared = SharedGraph("unet", graph, collector, RowLimit(8))
    begun, end = threading.Event(), threading.Event()

    def idle() -> None:
        with collector.at_work():
            begun.set()
            end.wait(10)

    thread = threading.Thread(target=idle)
    thread.start()
    begun.wait(5)
    with collector.at_work():
        assert np.array_equal(shared(x=rows(1))["y"], rows(2))
    end.set()
    thread.join(5)


def test_who_pauses_is_not_waited_for(patient) -> None:
    collector = Collector(merges=True)
    shared = SharedGraph("unet", Double(), collector, RowLimit(8))
    began = time.monotonic()
    with collector.at_work(), collector.aside(), collector.at_work():
        shared(x=rows(1))
    assert time.monotonic() - began < 5


def test_without_merging_every_call_runs_as_it_is(patient) -> None:
    graph, collector = Double(), Collector(merges=False)
    shared = SharedGraph("unet", graph, collector, RowLimit(8))
    together(collector, *(lambda: shared(x=rows(1)) for _ in range(3)))
    assert graph.sizes == [1, 1, 1]


def test_an_error_reaches_all_who_took_part(patient) -> None:
    def broken(**_: np.ndarray) -> dict[str, np.ndarray]:
        raise ServerError("refused", detail="why")

    collector = Collector(merges=True)
    shared = SharedGraph("unet", broken, collector, RowLimit(8))
    first, second = together(collector, *(lambda: shared(x=rows(1)) for _ in range(2)))
    assert first is not second
    for error in (first, second):
        assert isinstance(error, ServerError)
        assert (error.message, error.detail) == ("refused", "why")


def test_too_many_rows_are_halved_until_they_fit_and_stay_so() -> None:
    graph, limit = Double(rows_max=3), RowLimit(16)
    x = rows(*range(10))
    assert np.array_equal(run_in_parts(graph, "unet", limit, {"x": x})["y"], 2 * x)
    assert limit.rows == 2 and graph.sizes == [2] * 5
    run_in_parts(graph, "unet", limit, {"x": x})
    assert graph.sizes[5:] == [2] * 5


def test_a_row_that_does_not_fit_is_out_of_memory() -> None:
    limit = RowLimit(4)
    with pytest.raises(OutOfMemory, match="full"):
        run_in_parts(Double(rows_max=0), "unet", limit, {"x": rows(1, 2)})
    assert limit.rows == 1

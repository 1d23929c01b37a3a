import numpy as np
import pytest
from fake_library import CUDA, FakeLibrary

from foleyline_server.runtime.device_graph import Card, DeviceGraph
from foleyline_server.runtime.library import LIBRARY, LIBRARY_ERRORS, is_out_of_memory


def graph_on(library: FakeLibrary, captures: bool = False) -> DeviceGraph:
    session = library.InferenceSession("", None, [(CUDA, {})], enable_fallback=0)
    return DeviceGraph(Card(library, session, ["y"], "cuda", captures), LIBRARY_ERRORS,
                       is_out_of_memory)  # fmt: skip


def feed_of(x: float, c: float = 0.0, rows: int = 1) -> dict[str, np.ndarray]:
    return {"x": np.full((rows, 2), x, np.float32), "c": np.full((rows, 2), c, np.float32)}


def test_tensors_are_made_once_per_shape_and_written_only_when_they_change() -> None:
    library = FakeLibrary()
    graph = graph_on(library)
    for x in (1.0, 2.0, 3.0):
        assert graph(feed_of(x, 5.0))["y"].tolist() == [[2 * x + 5] * 2]
    assert [tensor.writes for tensor in library.tensors] == [3, 1]
    assert graph(feed_of(1.0, 5.0, rows=4))["y"].shape == (4, 2)
    assert len(library.tensors) == 4
    assert set(library.session.runs) == {"bound"}


def test_what_changes_its_sign_only_is_a_change_and_so_is_a_change_in_place() -> None:
    library = FakeLibrary()
    graph = graph_on(library)
    feed = feed_of(0.0)
    graph(feed)
    feed["x"][...] = -0.0
    graph(feed)
    feed["x"][0, 0] = 7
    assert graph(feed)["y"].tolist() == [[14, 0]]
    assert library.tensors[0].writes == 3


def test_results_are_the_callers_own() -> None:
    graph = graph_on(FakeLibrary())
    first = graph(feed_of(1.0))["y"]
    graph(feed_of(9.0))
    assert first.tolist() == [[2, 2]]


def test_only_so_many_shapes_are_kept() -> None:
    library = FakeLibrary()
    graph = graph_on(library)
    for rows in (*range(1, 10), 9, 2, 1):
        assert graph(feed_of(rows, rows=rows))["y"].shape == (rows, 2)
    # Nine shapes, then the first once more: it had made room for the ninth.
    assert len(library.tensors) == 2 * 10


def test_a_graph_is_recorded_at_the_second_run_compared_at_the_third_and_replayed() -> None:
    library = FakeLibrary()
    graph = graph_on(library, captures=True)
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert graph(feed_of(x))["y"].tolist() == [[2 * x] * 2]
    assert library.session.runs == ["bound", "record", "replay", "plain", "replay", "replay"]


def test_every_shape_is_recorded_under_its_own_number_and_four_at_most() -> None:
    library = FakeLibrary()
    graph = graph_on(library, captures=True)
    for _ in range(4):
        for rows in range(1, 6):
            assert graph(feed_of(rows, rows=rows))["y"].tolist() == [[2 * rows] * 2] * rows
    assert sorted(library.session.recorded) == ["1", "2", "3", "4"]


def test_a_stale_replay_is_noticed_and_never_used(caplog: pytest.LogCaptureFixture) -> None:
    library = FakeLibrary(faults={"stale": True})
    graph = graph_on(library, captures=True)
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert graph(feed_of(x))["y"].tolist() == [[2 * x] * 2]
    assert library.session.runs[2:] == ["replay", "plain", "bound", "bound"]
    assert "differ from plain runs" in caplog.text


def test_what_cannot_be_recorded_is_run_without(caplog: pytest.LogCaptureFixture) -> None:
    library = FakeLibrary(faults={"record": RuntimeError("operation not permitted")})
    graph = graph_on(library, captures=True)
    for x in (1.0, 2.0, 3.0):
        assert graph(feed_of(x))["y"].tolist() == [[2 * x] * 2]
    assert library.session.runs == ["bound", "record", "bound", "bound"]
    assert "CUDA graphs are not used" in caplog.text


def test_what_cannot_be_bound_is_run_plainly(caplog: pytest.LogCaptureFixture) -> None:
    library = FakeLibrary(faults={"tensor": RuntimeError("Unsupported device")})
    graph = graph_on(library)
    for x in (1.0, 2.0):
        assert graph(feed_of(x))["y"].tolist() == [[2 * x] * 2]
    assert library.session.runs == ["plain", "plain"]
    assert caplog.text.count("not kept on the device") == 1


def test_a_full_card_is_no_reason_to_run_plainly() -> None:
    library = FakeLibrary(faults={"bound": RuntimeError("CUDA failure 2: out of memory")})
    with pytest.raises(RuntimeError, match="out of memory"):
        graph_on(library)(feed_of(1.0))
    assert library.session.runs == ["bound"]


def test_wrong_inputs_do_not_end_the_binding() -> None:
    library = FakeLibrary()
    graph = graph_on(library)
    library.faults |= dict.fromkeys(("bound", "plain"), ValueError("wrong rank"))
    with pytest.raises(ValueError, match="wrong rank"):
        graph(feed_of(1.0))
    library.faults.clear()
    graph(feed_of(1.0))
    assert library.session.runs == ["bound", "plain", "bound"]


def test_bound_tensors_give_what_the_library_gives(tiny) -> None:
    """The real library, its tensors on the CPU: to the bit the same as a plain run."""
    session = tiny.graphs["unet"]._session
    names = [node.name for node in session.get_outputs()]
    graph = DeviceGraph(Card(LIBRARY, session, names, "cpu", False), LIBRARY_ERRORS,
                        is_out_of_memory)  # fmt: skip
    draws = np.random.default_rng(0)
    inputs = {"latent": (2, 8), "timestep": (), "condition": (8, 4)}
    for rows in (2, 5, 2, 2):
        feed = {
            name: draws.standard_normal((rows, *shape)).astype(np.float32)
            for name, shape in inputs.items()
        }
        kept = {name: value.copy() for name, value in feed.items()}
        plain = session.run(names, feed)[0]
        assert np.array_equal(graph(feed)["prediction"], plain)
        assert all(np.array_equal(feed[name], kept[name]) for name in feed)
    with pytest.raises(LIBRARY_ERRORS):
        graph({"latent": np.zeros((1, 3, 3), np.float32)})
    assert np.array_equal(graph(feed)["prediction"], plain)

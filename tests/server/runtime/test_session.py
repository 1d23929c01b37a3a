from pathlib import Path

import numpy as np
import pytest
from fake_library import CPU, CUDA, FakeLibrary

from foleyline_contract.errors import BundleDamaged, OutOfMemory, ServerError, SettingInvalid
from foleyline_server.runtime.library import LIBRARY, SMALLEST_GRAPH
from foleyline_server.runtime.providers import DIRECTML
from foleyline_server.runtime.session import GraphSession, RuntimeOptions

ON_CUDA = RuntimeOptions((CUDA, CPU))
ASKED = RuntimeOptions((CUDA, CPU), required=True)
RECORDS = {CUDA: {"device_id": "0", "enable_cuda_graph": "1"}}
ROW = np.ones((1, 2), np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "unet.onnx"
    path.write_bytes(SMALLEST_GRAPH)
    return path


def test_the_smallest_graph_runs(path: Path) -> None:
    session = GraphSession(path, RuntimeOptions((CPU,)))
    assert session(x=np.float32(3))["y"] == 3


def test_the_cpu_is_run_plainly(path: Path) -> None:
    library = FakeLibrary(starts=[CPU])
    session = GraphSession(path, RuntimeOptions((CPU,)), library=library)
    assert session(x=ROW, c=ROW)["y"].tolist() == [[3, 3]]
    assert library.session.runs == ["plain"]
    assert not library.tensors


def test_a_card_keeps_its_tensors_and_records(path: Path) -> None:
    library = FakeLibrary()
    session = GraphSession(path, ON_CUDA, RECORDS, library=library)
    assert session.providers == (CUDA, CPU)
    assert library.opened[0][1] == {**RECORDS, CPU: {}}
    assert library.opened[0][0].use_deterministic_compute is True
    for _ in range(3):
        assert session(x=ROW, c=ROW)["y"].tolist() == [[3, 3]]
    assert library.session.runs == ["bound", "record", "replay", "plain"]


def test_without_the_option_nothing_is_recorded(path: Path) -> None:
    library = FakeLibrary()
    session = GraphSession(path, ON_CUDA, library=library)
    for _ in range(3):
        session(x=ROW, c=ROW)
    assert library.session.runs == ["bound"] * 3


def test_a_graph_that_cannot_be_recorded_is_loaded_without(path: Path) -> None:
    fault = RuntimeError("all compute graph nodes have not been partitioned")
    library = FakeLibrary(faults={"enable_cuda_graph": fault})
    session = GraphSession(path, ASKED, RECORDS, library=library)
    assert library.opened[-1][1] == {CUDA: {"device_id": "0"}, CPU: {}}
    for _ in range(3):
        session(x=ROW, c=ROW)
    assert library.session.runs == ["bound"] * 3


@pytest.mark.parametrize(
    "library",
    [FakeLibrary(starts=[CPU]), FakeLibrary(faults={CUDA: RuntimeError("no device")})],
    ids=["silently", "loudly"],
)
def test_what_cuda_cannot_take_the_cpu_takes_unless_cuda_was_asked_for(
    path: Path, library: FakeLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    session = GraphSession(path, ON_CUDA, library=library)
    assert session.providers == (CPU,)
    assert session(x=ROW, c=ROW)["y"].tolist() == [[3, 3]]
    assert library.session.runs == ["plain"]
    assert "'unet' runs on the CPU" in caplog.text
    with pytest.raises(SettingInvalid, match="cannot run the graph 'unet'"):
        GraphSession(path, ASKED, library=library)


@pytest.mark.parametrize("options", [ON_CUDA, ASKED])
def test_a_damaged_graph_is_nobodys_device(path: Path, options: RuntimeOptions) -> None:
    fault = RuntimeError("Invalid model")
    with pytest.raises(BundleDamaged, match=r"unet\.onnx"):
        GraphSession(path, options, library=FakeLibrary(faults={CUDA: fault, CPU: fault}))


@pytest.mark.parametrize("options", [ON_CUDA, ASKED])
def test_a_full_card_is_said_to_be_full(path: Path, options: RuntimeOptions) -> None:
    full = RuntimeError("CUDA failure 2: out of memory ;")
    with pytest.raises(OutOfMemory):
        GraphSession(path, options, library=FakeLibrary(faults={CUDA: full}))
    session = GraphSession(path, options, library=FakeLibrary(faults={"bound": full}))
    with pytest.raises(OutOfMemory):
        session(x=ROW, c=ROW)


def test_a_run_that_fails_is_the_servers_error(path: Path) -> None:
    faults = dict.fromkeys(("bound", "plain"), RuntimeError("Non-zero status code"))
    session = GraphSession(path, ON_CUDA, library=FakeLibrary(faults=faults))
    with pytest.raises(ServerError, match="'unet'"):
        session(x=ROW, c=ROW)


def test_directml_gets_what_it_demands(path: Path) -> None:
    library = FakeLibrary(starts=[DIRECTML, CPU])
    session = GraphSession(path, RuntimeOptions((DIRECTML, CPU)), library=library)
    assert library.opened[0][0].enable_mem_pattern is False
    session(x=ROW, c=ROW)
    assert library.session.runs == ["plain"]
    # Its other demand is what the real library does unless told otherwise.
    assert LIBRARY.SessionOptions().execution_mode.name == "ORT_SEQUENTIAL"

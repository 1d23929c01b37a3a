import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foleyline_contract.messages import Hello, Welcome
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.cli import main
from foleyline_server.runtime.library import available_providers, library_version
from foleyline_server.runtime.providers import DIRECTML


def test_providers_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--providers", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "CPUExecutionProvider: used" in said
    assert "CUDAExecutionProvider: not used" in said
    assert f"ONNX Runtime {library_version()}, 1 windows per batch" in said


def test_the_batch_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--providers", "--device", "cpu", "--windows-per-batch", "4"]) == 0
    assert ", 4 windows per batch" in capsys.readouterr().out
    assert main(["--providers", "--windows-per-batch", "999"]) == 1
    assert "0 to 64" in capsys.readouterr().err


@pytest.mark.skipif(DIRECTML in available_providers(), reason="this library has DirectML")
def test_a_device_that_is_not_there_is_a_sentence_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--device", "directml"]) == 1
    assert "asked for, but DmlExecutionProvider cannot be used" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert PACKAGE_VERSION in capsys.readouterr().out


def test_a_wrong_address_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--address", "tcp://0.0.0.0:19347"]) == 1
    assert "other machines" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly(
    tiny_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    from raw_caller import Caller

    program = [sys.executable, "-m", "foleyline_server", "--address", "tcp://127.0.0.1:*"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*program, "--bundles", str(tiny_folder), "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"Foleyline server {PACKAGE_VERSION} listening on tcp://127.0.0.1:")
        caller = Caller(line.split()[-1])
        assert isinstance(caller.ask(Hello("test")).message, Welcome)
        caller.close()
        process.send_signal(number)
        assert process.wait(10) == 0

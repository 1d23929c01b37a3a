"""``foley`` as it is typed, with a fake server on a real socket."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import pytest
import soundfile

from foleyline_client import generation, launcher
from foleyline_client.audio_file import read_provenance
from foleyline_client.cli import EXIT_CODES, main
from foleyline_contract import errors
from foleyline_contract import messages as m
from foleyline_contract.errors import ERRORS_BY_CODE
from foleyline_contract.version import PACKAGE_VERSION


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 0.3)
    return tmp_path


@pytest.fixture
def foley(start_server):
    """Runs a command with a fake server; ``asked`` lists what the server heard."""
    server = start_server()

    def run(*arguments: str, code: int = 0) -> list:
        assert main([*arguments, "--server", server.address]) == code
        return server.server.asked

    return run


def clip_asked(asked: list) -> m.Clip:
    return next(message for message in asked if isinstance(message, m.Generate)).clip


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"foley {PACKAGE_VERSION}\n"


def test_one_take_of_the_whole_clip(foley, workplace, capsys):
    asked = foley("generate", "door.mp4", "--seed", "7")
    assert clip_asked(asked) == m.Clip(str(workplace / "door.mp4"), Fraction(0), Fraction(5, 4))
    assert soundfile.info(workplace / "door-foley.wav").frames == 60_000
    assert read_provenance(workplace / "door-foley.wav")["seed"] == 7
    said = capsys.readouterr()
    assert "door-foley.wav  seed 7" in said.out
    assert "Seed 7" in said.err
    foley("generate", "door.mp4", "--quiet")
    assert (workplace / "door-foley-2.wav").exists()
    assert capsys.readouterr().err == ""


def test_takes_are_numbered_and_told_as_json(foley, workplace, capsys):
    foley("generate", "a.mp4", "-o", "out.wav", "--seed", "7", "--takes", "2", "--json", "--quiet")
    said = json.loads(capsys.readouterr().out)
    assert said["seed"] == 7
    assert [take["seed"] for take in said["takes"]] == [7, 8]
    assert [take["path"] for take in said["takes"]] == [
        str(workplace / f"out-{n}.wav") for n in (1, 2)
    ]
    assert all(
        soundfile.info(take["path"]).frames == take["sample_count"] for take in said["takes"]
    )


def test_all_settings_reach_the_server(foley):
    asked = foley(
        *("generate", "a.mp4", "--seed", "3", "--takes", "2", "--bundle", "mini"),
        *("--sampler", "ddim", "--steps", "9", "--cfg-scale", "2.5", "--align-scale", "7"),
        *("--duration", "1", "--vocoder", "librosa"),
    )
    generate = next(message for message in asked if isinstance(message, m.Generate))
    assert generate.settings == m.GenerateSettings(3, 2, "mini", "ddim", 9, 2.5, 7.0, "librosa")
    assert not any(isinstance(message, m.Probe) for message in asked)


@pytest.mark.parametrize(
    ("arguments", "start_s", "duration_s"),
    [
        (["--start", "1/4"], Fraction(1, 4), Fraction(1)),
        (["--start", "0.1", "--duration", "0.2"], Fraction(1, 10), Fraction(1, 5)),
        (["--start", "0.1", "--duration", "0.2", "--fps", "24"], Fraction(2, 24), Fraction(5, 24)),
        (["--duration", "0.001", "--fps", "24"], Fraction(0), Fraction(1, 24)),
        (["--fps", "24000/1001"], Fraction(0), Fraction(29 * 1001, 24000)),
    ],
)
def test_spans(foley, arguments, start_s, duration_s):
    clip = clip_asked(foley("generate", "a.mp4", *arguments))
    assert (clip.start_s, clip.duration_s) == (start_s, duration_s)


@pytest.mark.parametrize("time", ["1e9", "-1", "x", "1/0", "1.5/2", "nan", "", "1" * 50])
def test_times_that_are_none(time, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["generate", "a.mp4", f"--duration={time}"])
    assert caught.value.code == 2


def test_random_seeds_differ_and_are_told(foley, capsys):
    seeds = set()
    for _ in range(3):
        foley("generate", "a.mp4", "--json", "--duration", "0.1")
        said = capsys.readouterr()
        seeds.add(json.loads(said.out)["seed"])
        assert f"Seed {json.loads(said.out)['seed']}" in said.err
    assert len(seeds) == 3


def test_existing_output_is_found_out_before_the_work(foley, workplace, capsys):
    (workplace / "out.wav").write_bytes(b"mine")
    assert main(["generate", "a.mp4", "-o", "out.wav", "--no-start"]) == 3
    assert "exists" in capsys.readouterr().err
    assert (workplace / "out.wav").read_bytes() == b"mine"
    foley("generate", "a.mp4", "-o", "out.wav", "--overwrite")
    assert soundfile.info(workplace / "out.wav").frames == 60_000
    assert main(["generate", "a.mp4", "-o", "none/out.wav"]) == 3
    assert "folder" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-o", "--mux"])
def test_the_clip_itself_is_never_overwritten(workplace, capsys, option):
    (workplace / "a.mp4").write_bytes(b"footage")
    (workplace / "link.mp4").symlink_to("a.mp4")
    for clip, out in (("a.mp4", "./a.mp4"), ("link.mp4", "a.mp4"), ("a.mp4", "link.mp4")):
        assert main(["generate", clip, option, out, "--overwrite", "--no-start"]) == 3
        assert "the clip itself" in capsys.readouterr().err
    assert (workplace / "a.mp4").read_bytes() == b"footage"


def test_outputs_that_cannot_be(workplace, capsys):
    (workplace / "sub").mkdir()
    assert main(["generate", "a.mp4", "-o", "sub", "--overwrite", "--no-start"]) == 3
    assert "is a folder" in capsys.readouterr().err
    assert main(["generate", "a.mp4", "-o", "b.mp4", "--mux", "b.mp4", "--no-start"]) == 3
    assert "same name" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_output_that_nobody_reads_any_longer(start_server):
    server = start_server()
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "foleyline_client.cli", "status"]
    done = subprocess.run(
        [*command, "--server", server.address], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_start_after_the_end(foley, capsys):
    foley("generate", "a.mp4", "--start", "2", code=3)
    assert "--start" in capsys.readouterr().err


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_each_error_has_words_and_exit_code(start_server, workplace, capsys, code):
    server = start_server(fail=code)
    result = main(["generate", "a.mp4", "--duration", "1", "--server", server.address])
    expected = [exit for kind, exit, _ in EXIT_CODES if issubclass(ERRORS_BY_CODE[code], kind)]
    assert result == (expected or [1])[0]
    lines = capsys.readouterr().err.splitlines()
    if code == "cancelled":
        assert lines[-1] == "Cancelled."
    else:
        assert lines[-2] == "foley: The fake server was told to fail."
        assert lines[-1] == f"  {ERRORS_BY_CODE[code].default_remedy}"
    assert list(workplace.iterdir()) == []


def test_take_that_cannot_be_kept_cancels_the_job(foley, workplace, monkeypatch):
    def refuse(*_, **__):
        raise errors.OutputUnwritable("The disk is full.")

    monkeypatch.setattr(generation, "write_take", refuse)
    asked = foley("generate", "a.mp4", code=3)
    for _ in range(200):  # the server may hear of it a moment after we have ended
        if any(isinstance(message, m.Cancel) for message in asked):
            return
        time.sleep(0.01)
    pytest.fail("the job was not cancelled")


def test_no_server(capsys):
    here = "tcp://127.0.0.1:9"
    assert main(["status", "--server", here]) == 4
    assert main(["generate", "a.mp4", "--no-start", "--server", here]) == 4
    assert "foley-server" in capsys.readouterr().err
    assert main(["stop", "--server", here]) == 0
    assert main(["status", "--server", "nonsense"]) == 3


def test_status_and_stop(foley, capsys):
    foley("status")
    said = capsys.readouterr().out
    assert "0 jobs" in said
    assert "mini" in said
    foley("status", "--json")
    assert json.loads(capsys.readouterr().out)["default_bundle"] == "mini"
    asked = foley("stop", "--if-idle")
    assert asked[-1] == m.Shutdown(only_if_idle=True)
    assert "Stopped." in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt_cancels_at_the_server(start_server, workplace):
    server = start_server(job_s=30)
    command = [sys.executable, "-m", "foleyline_client.cli", "generate", "a.mp4"]
    with subprocess.Popen(
        [*command, "--duration", "1", "--server", server.address],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stderr:
            if line.startswith("Sampling"):
                break
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        rest = process.stderr.read()
        assert process.wait(10) == 130
    assert rest.splitlines()[-1] == "Cancelled."
    assert "Traceback" not in rest
    assert time.monotonic() - began < 5
    assert any(isinstance(message, m.Cancel) for message in server.server.asked)
    assert list(workplace.iterdir()) == []


def test_mux_runs_in_its_own_process(foley, workplace, monkeypatch, capsys):
    (workplace / "muxer.py").write_text(
        "import sys; open(sys.argv[-1], 'w').write(' '.join(sys.argv[1:]))"
    )
    monkeypatch.setenv("PYTHONPATH", str(workplace), prepend=os.pathsep)
    monkeypatch.setattr(generation, "MUX_MODULE", "muxer")
    foley("generate", "a.mp4", "--start", "1/4", "-o", "o.wav", "--mux", "o.mp4", "--json")
    said = json.loads(capsys.readouterr().out)
    paths = [str(workplace / name) for name in ("a.mp4", "o.wav", "o.mp4")]
    assert (workplace / "o.mp4").read_text() == f"{paths[0]} 1/4 1 {paths[1]} {paths[2]}"
    assert said["takes"][0]["mux"] == paths[2]


def test_failing_mux_keeps_the_take(foley, workplace, monkeypatch, capsys):
    (workplace / "muxer.py").write_text("import sys; sys.exit('no such codec')")
    monkeypatch.setenv("PYTHONPATH", str(workplace), prepend=os.pathsep)
    monkeypatch.setattr(generation, "MUX_MODULE", "muxer")
    foley("generate", "a.mp4", "-o", "o.wav", "--mux", "o.mp4", code=3)
    said = capsys.readouterr().err
    assert "The take is at 'o.wav'" in said
    assert "no such codec" in said
    assert soundfile.info(workplace / "o.wav").frames == 60_000

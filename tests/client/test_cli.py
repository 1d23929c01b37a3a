"""``foley`` as it is typed, with a server that has a stub engine, on a real socket."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import soundfile
import stub_engine

from foleyline_client import generation, launcher, outputs
from foleyline_client.audio_file import read_provenance
from foleyline_client.cli import EXIT_CODES, main
from foleyline_contract import errors
from foleyline_contract import messages as m
from foleyline_contract.errors import ERRORS_BY_CODE
from foleyline_contract.version import PACKAGE_VERSION


@pytest.fixture(autouse=True)
def workplace(tmp_path, film, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 2.0)
    for name in ("a.mp4", "door.mp4"):
        (tmp_path / name).symlink_to(film)
    return tmp_path


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture
def foley(server):
    """Runs a command with a server; returns the job that it asked for last, if it has."""

    def run(*arguments: str, code: int = 0) -> m.JobInfo | None:
        assert main([*arguments, "--server", server.address]) == code
        return (server.jobs() or (None,))[-1] if arguments[0] == "generate" else None

    return run


def wavs(folder) -> list[str]:
    return sorted(path.name for path in folder.glob("*.wav"))


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"foley {PACKAGE_VERSION}\n"


@pytest.mark.parametrize(
    "command",
    ["generate", "fetch", "jobs", "cancel", "forget", "shots", "status", "stop", "doctor"],
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "--server" in said
    assert "--key" in said


def test_one_take_of_the_whole_clip(foley, workplace, capsys):
    job = foley("generate", "door.mp4", "--seed", "7")
    assert job.request.clip == m.Clip(str(workplace / "door.mp4"), Fraction(0), Fraction(5, 4))
    assert job.request.origin == m.Origin(label="door.mp4")
    assert job.acknowledged
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
    job = foley(
        *("generate", "a.mp4", "--seed", "3", "--takes", "2", "--bundle", "mini"),
        *("--sampler", "ddim", "--steps", "9", "--cfg-scale", "2.5", "--align-scale", "7"),
        *("--duration", "1", "--vocoder", "griffin-lim", "--loudness", "-23", "--batch"),
        *("--like", "5", "--variation", "0.25", "--palette", "footstep_loose"),
    )
    asked = job.request.settings
    assert asked == m.GenerateSettings(
        3, 2, "mini", "ddim", 9, 2.5, 7.0, "griffin-lim", -23.0, 5, 0.25, "footstep_loose"
    )
    assert job.request.batch


def test_the_sound_is_kept_with_the_take(foley, workplace):
    foley("generate", "a.mp4", "--palette", "wood", "-o", "wood.wav")
    assert read_provenance(workplace / "wood.wav")["palette"] == "wood"
    assert json.loads((workplace / "wood.wav.json").read_text())["palette"] == "wood"
    job = foley("generate", "a.mp4", "--palette", "auto", "-o", "auto.wav")
    assert job.request.settings.palette is None


def test_a_sound_that_the_bundle_lacks_is_refused_before_the_work(foley, server, capsys):
    assert foley("generate", "a.mp4", "--palette", "wod", code=3) is None
    said = capsys.readouterr().err
    assert "cannot be asked for 'wod', only for wood, metal, footstep_loose." in said


def test_a_server_from_before_palettes_is_not_asked_for_a_sound(foley, capsys, monkeypatch):
    """Such a server would not refuse, but leave the sound out."""
    monkeypatch.setattr(stub_engine, "BUNDLE", replace(stub_engine.BUNDLE, palette=()))
    monkeypatch.setattr(stub_engine, "require_sound", lambda *_: None)
    assert foley("generate", "a.mp4", "--palette", "wood", code=3) is None
    assert "'mini' has no sound palette" in capsys.readouterr().err
    assert foley("generate", "a.mp4", "--palette", "wood", "--bundle", "x", code=7) is None


@pytest.mark.parametrize(("word", "steps"), [("draft", 10), ("standard", 25), ("best", 50)])
def test_quality_in_a_word(foley, word, steps):
    job = foley("generate", "a.mp4", "--duration", "0.1", "--quality", word)
    assert job.request.settings.steps == steps


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--quality", "draft", "--steps", "3"], 2),
        (["--quality", "poor"], 2),
        (["--loudness", "3"], 3),
        (["--variation", "0.5"], 3),
        (["--like", "1", "--variation", "0"], 3),
        (["--detach", "-o", "a.wav"], 3),
        (["--seed", "-1"], 3),
    ],
)
def test_settings_that_will_not_do(arguments, code):
    try:
        assert main(["generate", "a.mp4", "--no-start", *arguments]) == code
    except SystemExit as ended:
        assert ended.code == code


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
    clip = foley("generate", "a.mp4", *arguments).request.clip
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
    (workplace / "a.mp4").unlink()
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
def test_output_that_nobody_reads_any_longer(server):
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
        assert lines[-2] == "foley: The stub engine was told to fail."
        assert lines[-1] == f"  {ERRORS_BY_CODE[code].default_remedy}"
    assert wavs(workplace) == []
    assert server.jobs()[-1].acknowledged, "nobody will fetch what failed"


def test_take_that_cannot_be_kept_ends_the_job_and_stays_with_the_server(
    start_server, workplace, monkeypatch, capsys
):
    server = start_server(job_s=8)
    calls = []

    def refuse(*arguments, **_):
        calls.append(arguments)
        raise errors.OutputUnwritable("The disk is full.")

    monkeypatch.setattr(generation, "write_take", refuse)
    arguments = ["a.mp4", "--duration", "0.1", "--takes", "8", "--server", server.address]
    assert main(["generate", *arguments]) == 3
    job = server.jobs()[-1]
    assert (job.state, job.acknowledged) == ("cancelled", False)
    assert job.takes_done >= 1
    assert f"foley fetch {job.job_id[:8]}" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(workplace)
    assert main(["fetch", job.job_id[:8], "--server", server.address]) == 0
    assert wavs(workplace) == [f"a-foley-{n + 1}.wav" for n in range(job.takes_done)]


def test_no_server(capsys, monkeypatch):
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 0.1)
    here = "tcp://127.0.0.1:9"
    assert main(["status", "--server", here]) == 4
    assert main(["generate", "a.mp4", "--no-start", "--server", here]) == 4
    assert "foley-server" in capsys.readouterr().err
    assert main(["stop", "--server", here]) == 0
    assert main(["status", "--server", "nonsense"]) == 3


def test_another_machine_without_a_key(capsys):
    assert main(["status", "--server", "tcp://192.0.2.1:19347"]) == 3
    said = capsys.readouterr().err
    assert "key is needed" in said
    assert "--key FILE" in said


def test_status_and_stop(foley, server, capsys):
    foley("status")
    said = capsys.readouterr().out
    assert "0 running, 0 waiting" in said
    assert "mini" in said
    assert "can be asked for wood, metal, footstep_loose" in said
    foley("status", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["bundles"][0]["palette"] == ["wood", "metal", "footstep_loose"]
    assert (said["default_bundle"], said["jobs"]) == ("mini", 0)
    foley("stop", "--if-idle")
    assert "Stopped." in capsys.readouterr().out


def test_a_server_that_has_jobs_is_not_stopped_when_it_should_be_idle(start_server, capsys):
    server = start_server(job_s=30)
    detach(server, "a.mp4")
    assert main(["stop", "--if-idle", "--server", server.address]) == 6
    assert main(["stop", "--server", server.address]) == 0


@pytest.fixture
def interruptible():
    """Programs that a shell runs in the background ignore interrupts, and so do their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.usefixtures("interruptible")
def test_interrupt_cancels_at_the_server(start_server, workplace):
    server = start_server(job_s=10)
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
        rest = process.stderr.read()
        assert process.wait(10) == 130
    assert rest.splitlines()[-1] == "Cancelled."
    assert "Traceback" not in rest
    job = server.jobs()[-1]
    assert (job.state, job.acknowledged) == ("cancelled", True)
    assert wavs(workplace) == []


def test_mux_runs_in_its_own_process(foley, workplace, monkeypatch, capsys):
    (workplace / "muxer.py").write_text(
        "import sys; open(sys.argv[-1], 'w').write(' '.join(sys.argv[1:]))"
    )
    monkeypatch.setenv("PYTHONPATH", str(workplace), prepend=os.pathsep)
    monkeypatch.setattr(outputs, "MUX_MODULE", "muxer")
    foley("generate", "a.mp4", "--start", "1/4", "-o", "o.wav", "--mux", "o.mp4", "--json")
    said = json.loads(capsys.readouterr().out)
    paths = [str(workplace / name) for name in ("a.mp4", "o.wav", "o.mp4")]
    assert (workplace / "o.mp4").read_text() == f"{paths[0]} 1/4 1 {paths[1]} {paths[2]}"
    assert said["takes"][0]["mux"] == paths[2]


def test_failing_mux_keeps_the_take(foley, workplace, monkeypatch, capsys):
    (workplace / "muxer.py").write_text("import sys; sys.exit('no such codec')")
    monkeypatch.setenv("PYTHONPATH", str(workplace), prepend=os.pathsep)
    monkeypatch.setattr(outputs, "MUX_MODULE", "muxer")
    foley("generate", "a.mp4", "-o", "o.wav", "--mux", "o.mp4", code=3)
    said = capsys.readouterr().err
    assert "The take is at 'o.wav'" in said
    assert "no such codec" in said
    assert soundfile.info(workplace / "o.wav").frames == 60_000


# ---- jobs that are left to the server ----------------------------------------------------------


def detach(server, clip: str, *arguments: str) -> str:
    command = ["generate", clip, "--duration", "1", "--detach", "--quiet", *arguments]
    assert main([*command, "--server", server.address]) == 0
    return server.jobs()[-1].job_id


def test_detach_and_fetch(foley, server, workplace, capsys):
    job_id = detach(server, "door.mp4", "--seed", "7", "--takes", "2")
    assert capsys.readouterr().out == f"{job_id}\n"
    assert wavs(workplace) == []
    (workplace / "takes").mkdir()
    foley("fetch", job_id[:6], "-o", "takes", "--json")
    assert wavs(workplace / "takes") == ["door-foley-1.wav", "door-foley-2.wav"]
    said = json.loads(capsys.readouterr().out)
    assert [(take["job_id"], take["seed"]) for take in said] == [(job_id, 7), (job_id, 8)]
    assert server.jobs()[-1].acknowledged


def test_fetch_waits_for_jobs_at_work_and_keeps_what_it_is_told_to(start_server, workplace):
    server = start_server(job_s=0.4)
    jobs = [detach(server, clip) for clip in ("a.mp4", "door.mp4")]
    assert main(["fetch", *jobs, "--keep", "--server", server.address]) == 0
    assert wavs(workplace) == ["a-foley.wav", "door-foley.wav"]
    assert not any(job.acknowledged for job in server.jobs())


@pytest.mark.parametrize("arguments", [["none"], [""], ["x", "-o", "none"]])
def test_fetch_what_is_not_there(foley, arguments):
    foley("fetch", *arguments, code=3)


def test_jobs_are_listed_until_they_are_fetched(foley, server, capsys):
    foley("jobs")
    assert capsys.readouterr().out == "No jobs.\n"
    job_id = detach(server, "door.mp4")
    capsys.readouterr()
    foley("jobs")
    headings, row = capsys.readouterr().out.splitlines()
    assert headings.split()[:3] == ["JOB", "STATE", "LABEL"]
    assert row.split()[0] == job_id[:8]
    assert "door.mp4" in row
    foley("fetch", job_id, "--quiet")
    capsys.readouterr()
    foley("jobs", "--json")
    assert json.loads(capsys.readouterr().out) == []
    foley("jobs", "--all", "--json")
    [said] = json.loads(capsys.readouterr().out)
    assert (said["job_id"], said["state"], said["acknowledged"]) == (job_id, "finished", True)


def test_cancel_one_and_all(start_server, capsys):
    server = start_server(job_s=30)
    first, second, third = (detach(server, "a.mp4") for _ in range(3))
    assert main(["cancel", second[:10], "--server", server.address]) == 0
    assert [job.state for job in server.jobs()][1] == "cancelled"
    assert f"{second[:8]} a.mp4: cancelled" in capsys.readouterr().out
    assert main(["cancel", "--all", "--server", server.address]) == 0
    assert [job.state for job in server.jobs()] == ["cancelled"] * 3
    assert main(["cancel", first, "--server", server.address]) == 0
    assert "ended already" in capsys.readouterr().out
    assert main(["cancel", "--server", server.address]) == 3
    assert main(["cancel", "--all", "--server", server.address]) == 0
    assert third


def test_forget(start_server, capsys):
    server = start_server(job_s=0.2)
    ended = detach(server, "a.mp4")
    assert main(["fetch", ended, "--keep", "--quiet", "--server", server.address]) == 0
    assert main(["forget", ended, "--server", server.address]) == 0
    assert "Forgot 1 job." in capsys.readouterr().out
    assert server.jobs()[0].acknowledged
    assert main(["forget", "--all-finished", "--server", server.address]) == 0
    assert "Forgot 0 jobs." in capsys.readouterr().out


def test_a_job_at_work_is_not_forgotten(start_server, capsys):
    server = start_server(job_s=30)
    job_id = detach(server, "a.mp4")
    assert main(["forget", job_id, "--server", server.address]) == 3
    assert "not ended" in capsys.readouterr().err
    main(["stop", "--server", server.address])


# ---- servers that go and come back -------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_server_that_is_killed_and_started_again_does_not_end_generate(workplace, capfd):
    """Killed with work in its hands; somebody starts another at the same address."""
    servers = [StubProcess(workplace, "tcp://127.0.0.1:*", "3")]
    address = servers[0].address
    command = [sys.executable, "-m", "foleyline_client.cli", "generate", "a.mp4", "--no-start"]
    arguments = ["--takes", "3", "--seed", "7", "--server", address]
    try:
        with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True) as process:
            while not (workplace / "a-foley-1.wav").exists():
                assert process.poll() is None
                time.sleep(0.02)
            servers[0].kill()
            servers.append(StubProcess(workplace, address, "0"))
            said = process.stderr.read()
            assert process.wait(30) == 0
    finally:
        for server in servers:
            server.kill()
    assert said.count("The job goes on") == 1
    assert wavs(workplace) == [f"a-foley-{n}.wav" for n in (1, 2, 3)]


class StubProcess:
    """A server with the stub engine as a process of its own, with its data in a folder."""

    def __init__(self, folder, address: str, job_s: str) -> None:
        script = Path(__file__).parents[1] / "fakes" / "stub_server.py"
        command = [sys.executable, str(script), "--address", address, "--job-s", job_s]
        self._process = subprocess.Popen(
            [*command, "--data", str(folder / "data")], stdout=subprocess.PIPE, text=True
        )
        self.address = self._process.stdout.readline().split()[-1]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._process.stdout.close()

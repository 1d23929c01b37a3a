import json
import os
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from foleyline_addon import render_job
from foleyline_addon.render_job import RenderJob, clear_leftovers, work_folder
from foleyline_addon.shot import FrameSize, Shot

from foleyline_contract.errors import Cancelled, OutputUnwritable, RenderFailed

SIZE = FrameSize(1920, 1080, 25)
SHOTS = [Shot("Edit", name, (name,), 10, 14, Fraction(24)) for name in ("ball", "door")]
HEAD = """
import json, sys, time
from pathlib import Path
job_path = Path(sys.argv[-1])
job = json.loads(job_path.read_text())
def say(*words): print("FOLEYLINE", *words, flush=True)
def make(number, content):
    (job_path.parent / f"{number}.mp4").write_text(content)
    for _ in range(4): say("frame")
    say("done", number, content * 64)
"""
"""The start of what stands in for Blender."""


@pytest.fixture
def start(tmp_path):
    def start(script, shots=SHOTS):
        program = tmp_path / "blender.py"
        program.write_text(HEAD + script)
        work = work_folder(tmp_path / "movies", "1")
        orders = [(shot, f"{shot.scene_name}.001", SIZE) for shot in shots]
        return RenderJob([sys.executable, str(program)], work, tmp_path / "movies", orders)

    return start


def outcomes_of(job):
    found = []
    while not job.ended:
        found += job.poll()
        time.sleep(0.01)
    return found


def test_movies_become_clips(start, tmp_path):
    job = start("make(0, 'a'); make(1, 'b')")
    found = outcomes_of(job)
    assert [outcome.shot for outcome in found] == SHOTS
    first = found[0].clip
    assert (first.start_s, first.duration_s, first.speed) == (0, Fraction(4, 24), 1)
    assert [Path(outcome.clip.path).read_text() for outcome in found] == ["a", "b"]
    assert job.fraction == 1
    assert [path.suffix for path in (tmp_path / "movies").iterdir()] == [".mp4", ".mp4"]


def test_what_it_is_told(start, tmp_path):
    job = start("(job_path.parents[1] / 'told').write_text(json.dumps(job['shots'][1]))")
    outcomes_of(job)
    assert json.loads((tmp_path / "movies" / "told").read_text()) == {
        "scene": "Edit.001", "strip": "door", "shown": ["door"], "first_frame": 10,
        "end_frame": 14, "width_px": 1920, "height_px": 1080, "percentage": 25,
    }  # fmt: skip


def test_the_same_picture_is_kept_once(start, tmp_path):
    found = outcomes_of(start("make(0, 'a'); make(1, 'a')"))
    assert found[0].clip.path == found[1].clip.path
    assert len(list((tmp_path / "movies").iterdir())) == 1


def test_one_that_fails_leaves_the_others(start):
    found = outcomes_of(start("say('failed', 0, 'no GPU'); make(1, 'b')"))
    assert isinstance(found[0].error, RenderFailed)
    assert "'ball'" in str(found[0].error)
    assert found[0].error.detail == "no GPU"
    assert found[1].clip


def test_a_crash_fails_what_is_left(start):
    found = outcomes_of(start("make(0, 'a'); print('Segmentation fault'); sys.exit(1)"))
    assert found[0].clip
    assert isinstance(found[1].error, RenderFailed)
    assert "Segmentation fault" in found[1].error.detail


def test_cancel_ends_it_at_once(start, tmp_path):
    job = start("time.sleep(600)")
    job.cancel()
    assert [type(outcome.error) for outcome in outcomes_of(job)] == [Cancelled, Cancelled]
    assert not list((tmp_path / "movies").iterdir())


def test_what_was_finished_before_a_cancel_counts(start, tmp_path):
    job = start("make(0, 'a'); (job_path.parents[1] / 'ready').touch(); time.sleep(600)")
    while not (tmp_path / "movies" / "ready").exists():
        time.sleep(0.01)
    job.cancel()
    found = outcomes_of(job)
    assert found[0].clip
    assert isinstance(found[1].error, Cancelled)


def test_abandoning_leaves_nothing(start, tmp_path):
    job = start("time.sleep(600)")
    job.abandon()
    assert job.ended
    assert job.poll() == []
    assert not list((tmp_path / "movies").iterdir())


def test_one_that_hangs_is_ended(start, monkeypatch):
    monkeypatch.setattr(render_job, "STALLED_S", 0.0)
    found = outcomes_of(start("time.sleep(600)"))
    assert [type(outcome.error) for outcome in found] == [RenderFailed, RenderFailed]


def test_a_blender_that_is_not_there(tmp_path):
    work = work_folder(tmp_path, "1")
    with pytest.raises(RenderFailed, match="second time"):
        RenderJob([str(tmp_path / "none")], work, tmp_path, [(SHOTS[0], "Edit", SIZE)])
    assert not work.exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "movies").write_text("a file")
    with pytest.raises(OutputUnwritable):
        work_folder(tmp_path / "movies", "1")


def test_leftovers_go_when_they_are_old(tmp_path):
    names = ("work-old", "work-new", "old.mp4", "new.mp4")
    for name in names[:2]:
        work_folder(tmp_path, name.removeprefix("work-"))
    for name in names[2:]:
        (tmp_path / name).touch()
    long_ago_s = time.time() - 40 * 24 * 3600
    for name in names[::2]:
        os.utime(tmp_path / name, (long_ago_s, long_ago_s))
    clear_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"work-new", "new.mp4"}
    clear_leftovers(tmp_path / "none")

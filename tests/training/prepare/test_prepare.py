import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import deadly
import numpy as np
import pytest
from movies import clicks, steady, write_movie

from foleyline_training.prepare import plan as planning
from foleyline_training.prepare import units, workers
from foleyline_training.prepare.clips import iter_clips
from foleyline_training.prepare.errors import PrepareError, VideoUnusable
from foleyline_training.prepare.lists import Listed
from foleyline_training.prepare.prepare import Progress, ProgressLine, Request, prepare

SECONDS = {"a.mp4": 2, "b/c.mkv": 3, "b/d.mp4": 1}
"""Good videos, in order of their names, with how many clips they have."""


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Six clips in three videos, and files of no use."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "b").mkdir()
    for name, seconds in SECONDS.items():
        sound = clicks(seconds, [0.5 + n for n in range(seconds)])
        write_movie(folder / name, steady(25 * seconds, 25), sound)
    write_movie(folder / "b" / "short.mp4", steady(5, 25), clicks(1, []))
    (folder / "notes.txt").write_text("no video")
    (folder / ".hidden.mp4").write_text("no video")
    return folder


@pytest.fixture
def asked(originals, tmp_path, spec, monkeypatch):
    monkeypatch.setattr(planning, "UNIT_FILES", 2)
    return Request(originals, tmp_path / "data", spec, shard_clips=2, workers=0)


def content(folder):
    """Every file's bytes, hashed."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def reasons(folder):
    with (folder / "skipped.csv").open(newline="") as stream:
        return {row["file"]: row["reason"] for row in csv.DictReader(stream)}


def test_shards_hold_every_clip_in_order(asked, originals, spec):
    index = prepare(asked)
    assert [shard["clips"] for shard in index["shards"]] == [2, 2, 1, 1]
    assert (index["clips"], index["files"], index["skipped"]) == (6, 5, 2)
    wanted = [clip for name in SECONDS for clip in iter_clips(originals / name, spec)]
    files = [name for name, clips in SECONDS.items() for _ in range(clips)]
    found = 0
    for shard in index["shards"]:
        folder = asked.out / shard["path"]
        pictures, sound = np.load(folder / "pictures.npy"), np.load(folder / "sound.npy")
        clips = json.loads((folder / "index.json").read_text())["clips"]
        assert len(pictures) == len(sound) == len(clips) == shard["clips"]
        for row, clip in enumerate(clips):
            assert np.array_equal(pictures[row], np.stack(wanted[found].pictures))
            assert np.array_equal(sound[row], wanted[found].sound)
            assert clip["file"] == files[found]
            assert clip["start_s"] == str(wanted[found].start_s)
            found += 1


def test_index_tells_sizes_and_hashes(asked):
    for shard in prepare(asked)["shards"]:
        folder = asked.out / shard["path"]
        assert set(shard["files"]) == {path.name for path in folder.iterdir()}
        for name, file in shard["files"].items():
            content = (folder / name).read_bytes()
            assert file["bytes"] == len(content)
            assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_useless_files_are_listed(asked):
    prepare(asked)
    told = reasons(asked.out)
    assert set(told) == {"b/short.mp4", "notes.txt"}
    assert "shorter than a clip" in told["b/short.mp4"]
    assert "movie" in told["notes.txt"]


def test_what_a_broken_video_gave_is_taken_back(asked, monkeypatch):
    whole = prepare(replace(asked, out=asked.out.with_name("whole")))

    def breaking(path, *rest):
        for number, clip in enumerate(iter_clips(path, *rest)):
            if path.name == "c.mkv" and number == 2:
                raise VideoUnusable("It breaks.")
            yield clip

    monkeypatch.setattr(units, "iter_clips", breaking)
    index = prepare(asked)
    assert reasons(asked.out)["b/c.mkv"] == "It breaks."
    assert [shard["clips"] for shard in index["shards"]] == [2, 1]
    assert index["shards"][0] == whole["shards"][0]


def test_a_killed_preparation_goes_on_to_the_same_bytes(asked, monkeypatch):
    """Stopped at its first clip, in the middle of a video, and at its last clip."""
    prepare(asked)
    wanted = content(asked.out)
    other = replace(asked, out=asked.out.with_name("again"))
    for last in (0, 3, 5):
        left = last

        def stopping(path, *rest):
            nonlocal left
            for clip in iter_clips(path, *rest):
                if not left:
                    raise KeyboardInterrupt
                left -= 1
                yield clip

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(units, "iter_clips", stopping)
            prepare(other)
    prepare(other)
    assert content(other.out) == wanted


def test_finished_units_are_not_done_again(asked, monkeypatch):
    prepare(asked)
    (asked.out / "index.json").unlink()
    monkeypatch.setattr(units, "iter_clips", None)
    assert prepare(asked)["clips"] == 6


def test_other_settings_need_another_folder(asked, spec, originals, tmp_path):
    prepare(asked)
    with pytest.raises(PrepareError, match="other videos or settings"):
        prepare(replace(asked, spec=replace(spec, duration_pictures=20)))
    moved = tmp_path / "more" / originals.name
    shutil.copytree(originals, moved)
    shutil.copy(moved / "a.mp4", moved / "z.mp4")
    with pytest.raises(PrepareError, match="other videos or settings"):
        prepare(replace(asked, folder=moved))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(PrepareError, match="not empty"):
        prepare(replace(asked, out=tmp_path / "full"))
    with pytest.raises(PrepareError, match="folder of the videos"):
        prepare(replace(asked, out=asked.folder))


def test_shards_below_the_videos_are_no_videos(asked, originals, tmp_path):
    own = shutil.copytree(originals, tmp_path / "own")
    inside = replace(asked, folder=own, out=own / "data")
    assert prepare(inside)["files"] == prepare(inside)["files"] == 5


def test_folders_without_videos_are_refused(asked, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no video")
    for name, told in (("none", "no folder"), ("empty", "none in it"), ("texts", "says why")):
        with pytest.raises(PrepareError, match=told):
            prepare(replace(asked, folder=tmp_path / name, out=tmp_path / f"{name}-data"))
    assert set(reasons(tmp_path / "texts-data")) == {"a.txt"}


def test_a_list_chooses_and_labels(asked, originals):
    listed = Listed({"a": ("drum",), "d": ("glass",), "away": ("bell",)}, frozenset({"c"}), 3)
    index = prepare(replace(asked, listed=listed))
    assert (index["clips"], index["missing"], index["unlisted"]) == (3, 1, 2)
    assert reasons(asked.out) == {"b/c.mkv": "Its list labels it Speech."}
    clips = [
        (clip["file"], clip["labels"])
        for shard in index["shards"]
        for clip in json.loads((asked.out / shard["path"] / "index.json").read_text())["clips"]
    ]
    assert clips == [("a.mp4", ["drum"])] * 2 + [("b/d.mp4", ["glass"])]


def test_large_pictures_are_jpegs(asked, originals, spec):
    size = replace(spec.picture, height_px=112, width_px=112)
    index = prepare(replace(asked, spec=replace(spec, picture=size)))
    folder = asked.out / index["shards"][0]["path"]
    spans = np.load(folder / "pictures_spans.npy")
    assert spans.shape == (2, 10, 2)
    assert not (folder / "pictures.npy").exists()
    coded = (folder / "pictures.jpegs").read_bytes()
    assert spans[-1, -1].sum() == len(coded)
    for first, length in spans.reshape(-1, 2):
        assert coded[first : first + 2] == b"\xff\xd8"
        assert coded[first + length - 2 : first + length] == b"\xff\xd9"


def test_full_disk_is_a_sentence(asked, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(units, "write_json", full)
    with pytest.raises(PrepareError, match=r"No space left on device.*goes on where it stopped"):
        prepare(asked)


def test_progress_counts_to_the_end(asked):
    seen = []
    prepare(asked, lambda progress: seen.append((progress.done, progress.clips)))
    assert seen[-1] == (5, 6)
    assert seen == sorted(seen)


def test_progress_line_is_not_written_all_the_time():
    now, written = 0.0, []
    line = ProgressLine(written.append, live=False, clock=lambda: now)
    for done in range(101):
        now = float(done)
        line(Progress(100, done, clips=2 * done, skipped=1))
    assert written == [
        "30 of 100 files, 60 clips, 1 skipped, about 1 min left\n",
        "60 of 100 files, 120 clips, 1 skipped, about 1 min left\n",
        "90 of 100 files, 180 clips, 1 skipped, about 0 min left\n",
        "100 of 100 files, 200 clips, 1 skipped\n",
    ]


@pytest.mark.slow
def test_processes_give_the_same_bytes(asked):
    prepare(asked)
    other = replace(asked, out=asked.out.with_name("parallel"), workers=2)
    prepare(other)
    assert content(other.out) == content(asked.out)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_file_that_kills_its_process_is_left_out(asked, monkeypatch):
    monkeypatch.setattr(workers, "_serve", deadly.serve)
    assert prepare(replace(asked, workers=1))["clips"] == 3
    assert reasons(asked.out)["b/c.mkv"] == "The decoder breaks down over it."


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_kill_nine_at_any_moment(tmp_path):
    """The command itself, killed with its processes again and again, then left to finish."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for number in range(5):
        write_movie(videos / f"{number}.mp4", steady(250, 25), clicks(10, [1, 2]))
    command = [sys.executable, "-m", "foleyline_training.cli", "prepare", str(videos)]
    command += ["--shard-clips", "1", "--workers", "1"]

    def start(out):
        return subprocess.Popen(
            [*command, "-o", str(out)], start_new_session=True, stderr=subprocess.DEVNULL
        )

    assert start(tmp_path / "whole").wait(60) == 0
    killed, alive_s = tmp_path / "killed", 0.3
    while (process := start(killed)) and alive_s < 60:
        try:
            assert process.wait(alive_s) == 0
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            alive_s *= 1.5
        time.sleep(0.1)
    assert content(killed) == content(tmp_path / "whole")

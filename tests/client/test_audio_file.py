"""WAVs that other programs read, written whole or not at all."""

import errno
import json
import os
import struct
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from foleyline_client import audio_file
from foleyline_client.audio_file import (
    read_provenance,
    sidecar_path,
    unique_path,
    write_take,
    write_wav,
)
from foleyline_contract.errors import FileUnreadable, OutputUnwritable
from foleyline_contract.messages import TakeFinished

PROVENANCE = {"seed": 7, "bundle": "mini", "name": "Tür ✓", "nested": {"a": [1, None]}}


def pcm(count: int) -> tuple[bytes, np.ndarray]:
    values = np.random.default_rng(count).integers(-(2**23), 2**23, count).astype("<i4")
    return values.view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), values


def chunks(path: Path) -> list[tuple[bytes, int]]:
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, at = [], 12
    while at < len(data):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        found.append((data[at : at + 4], size))
        at += 8 + size + size % 2
    assert at == len(data)
    return found


@pytest.mark.parametrize("count", [0, 1, 2, 480, 48_001])
@pytest.mark.parametrize("provenance", [None, {}, {"a": 1}, {"ab": 1}, PROVENANCE])
def test_read_by_others(tmp_path, count, provenance):
    path = tmp_path / "take.wav"
    data, values = pcm(count)
    write_wav(path, data, 48_000, provenance=provenance)
    names = [name for name, _ in chunks(path)]
    assert names == [b"fmt ", b"data"] + [b"foly"] * (provenance is not None)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (48_000, 1, "PCM_24")
    assert info.frames == count
    read, _ = soundfile.read(path, dtype="int32")
    assert (read >> 8 == values).all()
    assert read_provenance(path) == provenance
    if count:
        with av.open(str(path)) as container:
            frames = list(container.decode(audio=0))
        assert sum(frame.samples for frame in frames) == count


def test_provenance_comes_from_the_sidecar_when_a_program_dropped_the_chunk(tmp_path):
    path = tmp_path / "take.wav"
    write_wav(path, pcm(480)[0], provenance=PROVENANCE)
    assert json.loads(sidecar_path(path).read_text()) == PROVENANCE
    sound, rate = soundfile.read(path)
    soundfile.write(path, sound, rate)
    assert read_provenance(path) == PROVENANCE
    sidecar_path(path).unlink()
    assert read_provenance(path) is None


def test_take(tmp_path):
    take = TakeFinished("j", 1, 2, 8, 480, -6.0, -0.5, {"bundle": "mini", "licence": "CC0-1.0"})
    write_take(tmp_path / "take.wav", pcm(480)[0], take)
    said = read_provenance(tmp_path / "take.wav")
    assert said["bundle"] == "mini"
    assert (said["seed"], said["take"], said["takes"]) == (8, 1, 2)
    assert said["written_by"].startswith("foleyline ")


def test_half_a_sample_is_a_defect(tmp_path):
    with pytest.raises(ValueError, match="24-bit"):
        write_wav(tmp_path / "a.wav", b"ab")


def test_existing_files_are_kept_unless_asked(tmp_path):
    path = tmp_path / "take.wav"
    path.write_bytes(b"mine")
    with pytest.raises(OutputUnwritable, match=r"take\.wav"):
        write_wav(path, b"", provenance={})
    assert path.read_bytes() == b"mine"
    path.unlink()
    sidecar_path(path).write_text("mine")
    with pytest.raises(OutputUnwritable, match="json"):
        write_wav(path, b"", provenance={})
    assert [file.name for file in tmp_path.iterdir()] == ["take.wav.json"]
    assert sidecar_path(path).read_text() == "mine"
    write_wav(path, b"", provenance={"a": 1}, overwrite=True)
    assert read_provenance(path) == {"a": 1}


def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "take.wav"
    write_parts = audio_file._write_parts

    def race(temporary, parts):
        write_parts(temporary, parts)
        path.write_bytes(b"theirs")

    monkeypatch.setattr(audio_file, "_write_parts", race)
    with pytest.raises(OutputUnwritable):
        write_wav(path, b"abc", provenance={"a": 1})
    assert path.read_bytes() == b"theirs"
    assert [file.name for file in tmp_path.iterdir()] == ["take.wav"]


def test_file_systems_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    write_wav(tmp_path / "take.wav", b"abc", provenance={"a": 1})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["take.wav", "take.wav.json"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_full_disk_leaves_nothing(tmp_path, monkeypatch, overwrite):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputUnwritable) as caught:
        write_wav(tmp_path / "take.wav", b"abc", provenance={"a": 1}, overwrite=overwrite)
    assert "space" in caught.value.detail
    assert "space" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_really_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_file, "uuid4", lambda: type("U", (), {"hex": "a" * 32}))
    (tmp_path / ".foley-aaaaaaaaaaaa.part").symlink_to("/dev/full")
    with pytest.raises(OutputUnwritable):
        write_wav(tmp_path / "take.wav", b"abc" * 100_000)
    assert not (tmp_path / "take.wav").exists()


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputUnwritable):
        write_wav(tmp_path / "none" / "take.wav", b"")
    with pytest.raises(OutputUnwritable):
        write_wav(tmp_path / "a\0b.wav", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_files_have_the_users_usual_permissions(tmp_path):
    write_wav(tmp_path / "take.wav", b"abc", provenance={})
    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "take.wav").stat().st_mode == usual
    assert (tmp_path / "take.wav.json").stat().st_mode == usual


def test_unique_path(tmp_path):
    path = tmp_path / "take.wav"
    assert unique_path(path) == path
    path.touch()
    assert unique_path(path) == tmp_path / "take-2.wav"
    sidecar_path(tmp_path / "take-2.wav").touch()
    assert unique_path(path) == tmp_path / "take-3.wav"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"x" * 100,
        b"RIFF\x04\0\0\0AVI ",
    ],
)
def test_no_wav(tmp_path, data):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(FileUnreadable):
        read_provenance(path)
    with pytest.raises(FileUnreadable):
        read_provenance(tmp_path / "none.wav")


@pytest.mark.parametrize(
    "chunk",
    [
        b"foly\xff\xff\xff\xff{}",
        b"foly\x10\0\0\0{}",
        b"foly\x02\0\0\0{]",
        b"foly\x02\0\0\0[]",
        b"foly\0\0\0\0",
        b"foly\x02\0",
    ],
)
def test_damaged_chunk_says_nothing(tmp_path, chunk):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + chunk)
    assert read_provenance(path) is None

import csv
import gzip
import hashlib
import importlib.util
import io
import struct
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="needs the extra [training]: scripts/test --training")

from foleyline_training.corpus.sounds import read_table
from foleyline_training.sound_packages.convert import convert
from foleyline_training.sound_packages.debian import find_package, read_members
from foleyline_training.sound_packages.group_file import read_group
from foleyline_training.sound_packages.table import (
    COLUMNS,
    SoundPackageError,
    levels_of,
    likeness,
    pcm_sha256,
    read_sounds,
)

SCRIPT = Path(__file__).parents[3] / "scripts" / "sound_library.py"
KNOCK = "usr/share/tiny/knock.wav"
SPLASH = "Sound.ocg/Liquids.ocg/Splash.wav"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("sound_library", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wav(seed: int, rate_hz: int = 44100) -> bytes:
    noise = np.random.default_rng(seed).standard_normal(rate_hz // 4) * 0.2
    noise *= np.exp(-np.arange(noise.size) / 2000)
    file = io.BytesIO()
    silence = np.zeros(1000)
    soundfile.write(file, np.concatenate([silence, noise]), rate_hz, format="WAV")
    return file.getvalue()


def deb(path: Path, members: dict[str, bytes]) -> Path:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": data.getvalue()}
    out = b"!<arch>\n"
    for name, content in parts.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        out += content + b"\n" * (len(content) % 2)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(out)
    return path


def group(files: dict[str, tuple[bytes, bool]]) -> bytes:
    header = bytearray(204)
    header[:24] = b"RedWolf Design GrpFolder"
    struct.pack_into("<i", header, 36, len(files))
    header = bytearray(byte ^ 237 for byte in header)
    for first in range(0, 202, 3):
        header[first], header[first + 2] = header[first + 2], header[first]
    entries, body = b"", b""
    for name, (content, is_group) in files.items():
        numbers = struct.pack("<5i", 0, is_group, len(content), 0, len(body))
        entries += (name.encode().ljust(260, b"\0") + numbers).ljust(316, b"\0")
        body += content
    return bytes(header) + entries + body


def ocg(sound: bytes) -> bytes:
    inner = group({"Splash.wav": (sound, False)})
    packed = gzip.compress(group({"Liquids.ocg": (inner, True)}))
    return b"\x1e\x8c" + packed[2:]


def row(file: str, source_path: str, sound: bytes, **changes: object) -> dict[str, object]:
    pcm = convert(sound, 44100)
    return {
        "file": file, "category": file.split("/")[0], "licence": "CC0-1.0", "author": "a, b",
        "source": "apt:tiny-sounds=1.0~x-1", "source_path": source_path, "url": "",
        "duration": 0.2, "onset_s": 0.002, "n_onsets": 1, "frames": pcm.size,
        "source_sha256": hashlib.sha256(sound).hexdigest(), "pcm_sha256": pcm_sha256(pcm),
        "levels": " ".join(str(level) for level in levels_of(pcm)),
    } | changes  # fmt: skip


def write_table(path: Path, rows: list[dict[str, object]], columns=COLUMNS) -> Path:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    return path


@pytest.fixture
def tiny(tmp_path):
    """Two sounds of a package, one at 48 kHz and one in a group file, and the table of them."""
    knock, splash = wav(1, 48000), wav(2)
    members = {f"./{KNOCK}": knock, "./usr/games/Sound.ocg": ocg(splash), "./other": b"x"}
    deb(tmp_path / "debs" / "tiny-sounds_1.0~x-1_all.deb", members)
    rows = [row("wood/knock.flac", KNOCK, knock), row("water/splash.flac", SPLASH, splash)]
    write_table(tmp_path / "table.csv", rows)
    return tmp_path


def run(script, folder: Path, *more: str) -> int:
    return script.main(
        [str(folder / "lib"), "--packages-dir", str(folder / "debs"),
         "--table", str(folder / "table.csv"), *more]
    )  # fmt: skip


def test_a_package_becomes_a_folder_that_the_trainer_reads(script, tiny, capsys) -> None:
    assert run(script, tiny) == 0
    assert "2 of 2 sounds" in capsys.readouterr().out
    rows = read_table(tiny / "lib")
    assert [r.file for r in rows] == ["water/splash.flac", "wood/knock.flac"]
    assert rows[0].author == "a, b" and rows[0].single
    pcm, rate_hz = soundfile.read(tiny / "lib" / rows[0].file, dtype="int16")
    assert rate_hz == 44100 and pcm_sha256(pcm) == pcm_sha256(convert(wav(2), 44100))
    assert sorted(p.name for p in (tiny / "lib").iterdir()) == ["LICENSES.csv", "water", "wood"]


def test_a_second_run_makes_only_what_is_missing_or_damaged(script, tiny) -> None:
    run(script, tiny)
    knock, splash = tiny / "lib/wood/knock.flac", tiny / "lib/water/splash.flac"
    right, untouched = knock.read_bytes(), splash.stat().st_mtime_ns
    knock.write_bytes(right[:300])
    assert run(script, tiny) == 0
    assert knock.read_bytes() == right and splash.stat().st_mtime_ns == untouched
    next((tiny / "debs").iterdir()).unlink()
    assert run(script, tiny) == 0  # nothing is missing, so no package is


def test_a_wrong_hash_is_refused_and_named(script, tiny, capsys) -> None:
    changed = row("wood/knock.flac", KNOCK, wav(3))
    write_table(tiny / "table.csv", [changed, row("water/splash.flac", SPLASH, wav(2))])
    assert run(script, tiny) == 1
    assert "wood/knock.flac" in (error := capsys.readouterr().err) and "not what" in error
    assert not (tiny / "lib/wood/knock.flac").exists()
    assert [r.file for r in read_table(tiny / "lib")] == ["water/splash.flac"]


def test_a_sound_that_comes_out_otherwise_is_refused(script, tiny, capsys) -> None:
    knock = wav(1, 48000)
    odd = row("wood/knock.flac", KNOCK, knock, pcm_sha256="0" * 64, levels="9 9 9 9 9 9 9 9")
    write_table(tiny / "table.csv", [odd])
    assert run(script, tiny) == 1
    assert "other than the table" in capsys.readouterr().err


def test_a_note_that_starts_at_once_gets_its_lead() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.full(1000, 0.5), 44100, format="WAV")
    assert convert(file.getvalue(), 44100).size == 1000
    note = convert(file.getvalue(), 44100, note=True)
    assert note.size == 1088 and not note[:88].any() and note[88] == 16384


def test_rounding_is_no_damage() -> None:
    sound = wav(1)
    pcm = convert(sound, 44100)
    near = pcm + np.int16(1)
    (packaged,) = [_packaged(row("a/b.flac", KNOCK, sound))]
    assert likeness(packaged, pcm) == "same"
    assert likeness(packaged, near) == "close"
    assert likeness(packaged, pcm[: pcm.size // 2]) == "other"
    assert likeness(packaged, pcm // 2) == "other"


def _packaged(cells):
    from foleyline_training.sound_packages.table import _sound

    return _sound({name: str(cell) for name, cell in cells.items()}, "row 2")


def test_a_missing_sound_and_a_missing_command_are_sentences(script, tiny, capsys) -> None:
    digest = hashlib.sha256(b"RIFF").hexdigest()
    source = "apt:tiny-sounds=1.0~x-1 + fluidsynth"
    played = "Tiny.sf2 ch9 prog0 note35 vel60"
    note = row("drum/note.flac", played, wav(1), source=source, source_sha256=digest)
    deb(tiny / "debs" / "tiny-sounds_1.0~x-1_all.deb", {"./usr/Tiny.sf2": b"RIFF"})
    write_table(tiny / "table.csv", [note, row("wood/knock.flac", KNOCK, wav(1))])
    assert run(script, tiny, "--fluidsynth", "no-such-command") == 1
    error = capsys.readouterr().err
    assert "install the package fluidsynth" in error and f"has no {KNOCK}" in error


PLAYER = """#!/bin/sh
while [ $# -gt 2 ]; do [ "$1" = -F ] && out=$2; shift; done
[ "$(cat "$1")" = RIFF ] || exit 1
cp "$2" "{played}"
cp "{wav}" "$out"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for fluidsynth is a shell script")
def test_a_note_is_played_from_the_packages_soundfont(script, tiny) -> None:
    (tiny / "note.wav").write_bytes(wav(5))
    player = tiny / "player"
    player.write_text(PLAYER.format(wav=tiny / "note.wav", played=tiny / "played.mid"))
    player.chmod(0o755)
    digest = hashlib.sha256(b"RIFF").hexdigest()
    name = "Tiny.sf2 ch9 prog8 note35 vel60"
    note = row("drum/note.flac", name, wav(5), source_sha256=digest)
    deb(tiny / "debs" / "tiny-sounds_1.0~x-1_all.deb", {"./usr/Tiny.sf2": b"RIFF"})
    write_table(tiny / "table.csv", [note])
    assert run(script, tiny, "--fluidsynth", str(player)) == 0
    midi = (tiny / "played.mid").read_bytes()
    assert midi.startswith(b"MThd") and bytes([0xC9, 8, 0, 0x99, 35, 60]) in midi


@pytest.mark.parametrize("name", ["../evil.wav", "/etc/evil.wav", "./a/../../evil.wav"])
def test_a_package_whose_members_lead_outside_is_refused(script, tiny, name, capsys) -> None:
    package = deb(tiny / "debs" / "tiny-sounds_1.0~x-1_all.deb", {name: b"x"})
    with pytest.raises(SoundPackageError, match="leads outside"):
        list(read_members(package, lambda _: True))
    assert run(script, tiny) == 1
    assert "leads outside" in capsys.readouterr().err


@pytest.mark.parametrize("length", [0, 7, 40, 200, 400])
def test_a_damaged_package_is_a_sentence(tiny, length) -> None:
    package = next((tiny / "debs").iterdir())
    package.write_bytes(package.read_bytes()[:length])
    with pytest.raises(SoundPackageError, match="delete it"):
        list(read_members(package, lambda _: True))


def test_a_link_in_the_library_is_not_followed_outside(script, tiny) -> None:
    (tiny / "lib").mkdir()
    (tiny / "outside").mkdir()
    (tiny / "lib/wood").symlink_to(tiny / "outside", target_is_directory=True)
    assert run(script, tiny) == 1
    assert not list((tiny / "outside").iterdir())


def test_without_apt_the_sentence_names_the_file_to_get(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SoundPackageError, match=r"put tiny_1\.0_all\.deb .*debs"):
        find_package(tmp_path / "debs", "tiny", "1.0")


def test_damaged_groups_are_sentences() -> None:
    whole = ocg(wav(1))
    assert [name for name, _ in read_group(whole, "Sound.ocg")] == [SPLASH]
    empty = b"\x1e\x8c" + gzip.compress(b"")[2:]
    for broken in (whole[:50], b"PK" + whole, empty):
        with pytest.raises(SoundPackageError, match="download"):
            list(read_group(broken, "Sound.ocg"))


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "../out.flac"},
        {"file": "/tmp/out.flac"},
        {"file": "wood/out.py"},
        {"licence": "CC-BY-NC-3.0"},
        {"licence": "GPL-2.0"},
        {"licence": "CC-BY-SA-3.0"},
        {"source": "apt:-o=Dir=1"},
        {"source_sha256": "12"},
        {"frames": "many"},
        {"levels": "1 2"},
        {"onset_s": "soon"},
    ],
)
def test_a_row_that_is_not_allowed_is_named(tmp_path, changes) -> None:
    table = write_table(tmp_path / "t.csv", [row("wood/a.flac", KNOCK, wav(1)) | changes])
    with pytest.raises(SoundPackageError, match=r"row 2"):
        read_sounds(table)


def test_a_missing_column_is_named(tmp_path) -> None:
    with pytest.raises(SoundPackageError, match="no column levels"):
        read_sounds(write_table(tmp_path / "t.csv", [], COLUMNS[:-1]))


def test_the_committed_table() -> None:
    sounds = read_sounds()
    assert len(sounds) == len({sound.file for sound in sounds}) == 854
    assert len({(sound.package, sound.version) for sound in sounds}) == 6
    assert {sound.licence for sound in sounds} <= {
        "CC0-1.0", "public-domain", "MIT", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0",
    }  # fmt: skip

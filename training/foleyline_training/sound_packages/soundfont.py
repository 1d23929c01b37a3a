"""Notes of a soundfont, played by the command `fluidsynth` into a file."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

from .table import SoundPackageError

_NOTE = re.compile(r"(\S+\.sf2) ch(\d+) prog(\d+) note(\d+) vel(\d+)")
_TICKS_PER_BEAT, _BEAT_US = 480, 500_000
_HELD_S, _TAIL_S = 1.5, 4.0
_GAIN = 0.8
_LIMIT_S = 120


def soundfont_of(source_path: str) -> str | None:
    """Return the file name of the soundfont that a note is of; None if it is not a note."""
    note = _NOTE.fullmatch(source_path)
    return note[1] if note else None


def play_note(soundfont: Path, source_path: str, wav: Path, command: str = "fluidsynth") -> None:
    """Play the note that `source_path` names into `wav`: 16 bit, stereo, 44.1 kHz, dry.

    Raises: SoundPackageError if FluidSynth is missing or fails.
    """
    note = _NOTE.fullmatch(source_path)
    program = shutil.which(command)
    if note is None or program is None:
        raise SoundPackageError(
            "The command fluidsynth is missing: install the package fluidsynth and try again."
        )
    midi = wav.with_suffix(".mid")
    midi.write_bytes(_midi(*(int(number) for number in note.groups()[1:])))
    options = [
        "-ni", "-q", "-R", "0", "-C", "0", "-r", "44100", "-O", "s16", "-T", "wav",
        "-g", str(_GAIN), "-F", str(wav),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            [program, *options, str(soundfont), str(midi)],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SoundPackageError(f"fluidsynth did not play {source_path}: {error}.") from error
    if done.returncode or not wav.exists():
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SoundPackageError(f"fluidsynth did not play {source_path}: {last}.")


def _midi(channel: int, program: int, note: int, velocity: int) -> bytes:
    if channel > 15 or max(program, note, velocity) > 127:
        raise SoundPackageError(f"There is no note {note} on channel {channel} in MIDI.")
    ticks_per_s = _TICKS_PER_BEAT * 1_000_000 // _BEAT_US
    track = b"\0\xff\x51\x03" + _BEAT_US.to_bytes(3, "big")
    track += b"\0" + bytes([0xC0 | channel, program])
    track += b"\0" + bytes([0x90 | channel, note, velocity])
    track += _delta(round(_HELD_S * ticks_per_s)) + bytes([0x80 | channel, note, 0])
    track += _delta(round(_TAIL_S * ticks_per_s)) + b"\xff\x2f\0"
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS_PER_BEAT)
    return head + b"MTrk" + struct.pack(">I", len(track)) + track


def _delta(ticks: int) -> bytes:
    """Return MIDI's number of variable length."""
    out = [ticks & 0x7F]
    while ticks := ticks >> 7:
        out.append(0x80 | ticks & 0x7F)
    return bytes(reversed(out))

"""Where takes go: names that are free, checked before the work and not after it; films of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from foleyline_client.audio_file import sidecar_path, unique_path
from foleyline_contract.errors import Cancelled, OutputUnwritable
from foleyline_contract.messages import Clip

MUX_MODULE = "foleyline_server.media.mux"
"""Ships in the same distribution and runs in a process of its own: the client has no codecs."""


def take_paths(out: str | None, video: Path, takes: int) -> list[Path]:
    """A file for each take: as asked for, or free names in the working folder."""
    if out is not None:
        return numbered(out, takes)
    base = Path.cwd() / f"{video.stem}-foley.wav"
    if takes == 1:
        return [unique_path(base)]
    return [unique_path(path) for path in numbered(str(base), takes)]


def numbered(out: str, takes: int) -> list[Path]:
    """The file itself for one take, else ``name-1.wav`` and so on."""
    path = Path(out).absolute()
    if takes == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(1, takes + 1)]


def check_outputs(
    video: Path, sounds: Sequence[Path], pictures: Sequence[Path], *, overwrite: bool
) -> None:
    """Find out that results would have no place.

    Raises:
        OutputUnwritable: they would not.
    """
    outputs = [*sounds, *map(sidecar_path, sounds), *pictures]
    for path in outputs:
        if not path.parent.is_dir():
            raise OutputUnwritable(
                f"There is no folder {str(path.parent)!r}.", remedy="Make it, or choose another."
            )
        if path.is_dir():
            raise OutputUnwritable(f"{str(path)!r} is a folder.", remedy="Name a file in it.")
        if _are_same(path, video):
            raise OutputUnwritable(
                f"{path.name!r} is the clip itself, which is never overwritten.",
                remedy="Choose another name or folder.",
            )
        if path.exists() and not overwrite:
            raise OutputUnwritable(
                f"The file {path.name!r} exists already.",
                remedy="Choose another name, or add --overwrite.",
            )
    if len(set(outputs)) < len(outputs):
        raise OutputUnwritable(
            "Two of the results would have the same name.", remedy="Choose another name for one."
        )


def mux(video: Path, clip: Clip, sound: Path, picture: Path, *, overwrite: bool) -> None:
    """Put picture and take into one file, in a process of its own.

    Raises:
        OutputUnwritable: it did not work; the take is there all the same.
        Cancelled: it was interrupted.
    """
    command = [sys.executable, "-m", MUX_MODULE, *(["--overwrite"] if overwrite else [])]
    command += [str(video), str(clip.start_s), str(clip.duration_s), str(sound), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    if done.returncode < 0:
        raise Cancelled("Cancelled.")
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise OutputUnwritable(
        f"The take is at {sound.name!r}, but {picture.name!r} could not be made.",
        detail=said[-1] if said else "",
    )


def _are_same(path: Path, video: Path) -> bool:
    """Whether both names lead to one file, through links too."""
    try:
        return path.samefile(video)
    except OSError:
        return False  # one of them does not exist

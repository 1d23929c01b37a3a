"""A folder of sounds to train with, rebuilt from what Debian packages carry.

    python scripts/sound_library.py SOUNDS [--packages-dir DIR] [--fluidsynth COMMAND]

Downloads six packages (470 MB) with `apt-get download`, which needs no root, or takes them from
DIR; installs and runs nothing of them. The notes of the soundfont need FluidSynth
(`apt install fluidsynth`). Give the same command again after an interruption: what is there and
right is left alone. Exit status 1: some files are missing, each named with the reason.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from foleyline_training.sound_packages.build import build
from foleyline_training.sound_packages.table import TABLE, SoundPackageError, read_sounds

_NAMED = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the library and say how it went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("library", type=Path, metavar="SOUNDS")
    parser.add_argument("--packages-dir", type=Path, help="where the .deb files are or shall go")
    parser.add_argument("--fluidsynth", default="fluidsynth", help="the command to call")
    parser.add_argument("--table", type=Path, default=TABLE, help="another table of sounds")
    options = parser.parse_args(arguments)
    library: Path = options.library
    packages: Path = options.packages_dir or library.with_name(library.name + "-packages")
    try:
        sounds = read_sounds(options.table)
        report = build(
            sounds, library, packages.resolve(), lambda t: print(t, flush=True), options.fluidsynth
        )
    except (OSError, SoundPackageError) as error:
        print(f"sound_library: {error}", file=sys.stderr)
        return 1
    print(
        f"{len(report.same) + len(report.close)} of {len(sounds)} sounds are in {library}: "
        f"{len(report.same)} sample for sample, {len(report.close)} but for rounding."
    )
    by_reason: dict[str, list[str]] = {}
    for file, reason in report.failed.items():
        by_reason.setdefault(reason, []).append(file)
    for reason, files in by_reason.items():
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        print(f"Missing: {', '.join(files[:_NAMED])}{more}: {reason}", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

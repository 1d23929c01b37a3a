#!/usr/bin/env python3
"""Build the Blender extension: dist/foleyline-<version>.zip, wheels included.

    scripts/build_extension.py [--platform linux-x64 ...] [--blender PATH]
    scripts/build_extension.py --repository public/ --platform linux-x64 --platform windows-x64

Needs pip and, for pyzmq's wheels, a package index. With --blender the zip is also checked by
``blender --command extension validate``. With --repository a zip for each platform goes into a
folder that any web server can serve as an extension repository: Blender writes its index.json
and index.html, and Blenders that subscribe to index.json install from there and update by it.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDON = ROOT / "blender_addon"
PYZMQ = "pyzmq==27.3.0"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Fixed, so that the same files give the same zip."""
ABI3_PYTHONS = "cp312.cp313.cp314"
"""Blender takes a cp311 wheel for the only one and then refuses other Pythons, and does not
match abi3 beside it; under this name the stable-ABI wheel installs on each of them."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform in Blender's words and in pip's."""

    blender: str
    pip: tuple[str, ...]


PLATFORMS = {
    p.blender: p
    for p in (
        Platform("linux-x64", ("manylinux_2_28_x86_64", "manylinux2014_x86_64")),
        Platform("windows-x64", ("win_amd64",)),
        Platform("macos-arm64", ("macosx_11_0_arm64", "macosx_10_15_universal2")),
        Platform("macos-x64", ("macosx_10_15_x86_64", "macosx_10_15_universal2")),
    )
}


def pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        check=True,
    )


def build_client_wheel(folder: Path) -> None:
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT / "client"))


def fetch_pyzmq(folder: Path, platform: Platform) -> None:
    """Pyzmq for Python 3.11 (Blender 4.2 to 5.0) and, by its stable ABI, for later ones."""
    where = [f"--platform={name}" for name in platform.pip]
    for python, abi in (("3.11", "cp311"), ("3.12", "abi3")):
        pip(
            "download",
            "--no-deps",
            "--only-binary=:all:",
            f"--python-version={python}",
            f"--abi={abi}",
            *where,
            "--dest",
            str(folder),
            PYZMQ,
        )


def bundled_name(wheel_name: str) -> str:
    """The name a wheel goes by inside the extension."""
    return re.sub(r"-cp312-abi3-", f"-{ABI3_PYTHONS}-none-", wheel_name)


def manifest_text(source: str, wheels: list[str], platforms: list[str]) -> str:
    """The manifest with wheels and platforms put before its first table."""
    lines = ["platforms = [" + ", ".join(f'"{name}"' for name in platforms) + "]", "wheels = ["]
    lines += [f'  "./wheels/{name}",' for name in wheels] + ["]", ""]
    head, table, tail = source.partition("\n[permissions]")
    if not table:
        raise SystemExit("blender_manifest.toml has no [permissions]")
    return head.rstrip() + "\n" + "\n".join(lines) + table + tail


def write_zip(target: Path, wheel_files: list[Path], platforms: list[str]) -> None:
    """The extension's files and wheels; nothing else that lies about."""
    contents = {
        str(path.relative_to(ADDON)): path.read_bytes()
        for path in ADDON.rglob("*.py")
        if "__pycache__" not in path.parts
    }
    names = {bundled_name(path.name): path.read_bytes() for path in wheel_files}
    contents |= {f"wheels/{name}": data for name, data in names.items()}
    source = (ADDON / "blender_manifest.toml").read_text(encoding="utf-8")
    contents["blender_manifest.toml"] = manifest_text(source, sorted(names), platforms).encode()
    contents["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name.replace("\\", "/"), ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, contents[name])


def build(output: Path, platforms: list[str], wheels: Path | None, *, name: str) -> Path:
    """The zip for ``platforms``; ``wheels`` keeps what was fetched for the next time."""
    target = output / name
    with tempfile.TemporaryDirectory() as folder:
        own, fetched = Path(folder) / "own", wheels or Path(folder) / "fetched"
        build_client_wheel(own)
        for platform in platforms:
            if not any((fetched / platform).glob("*.whl")):
                fetch_pyzmq(fetched / platform, PLATFORMS[platform])
        files = [*own.glob("*.whl"), *(w for p in platforms for w in (fetched / p).glob("*.whl"))]
        write_zip(target, files, platforms)
    print(target)
    return target


def in_blender(blender: str, *arguments: str) -> None:
    subprocess.run([*shlex.split(blender), "--command", "extension", *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--platform", action="append", choices=sorted(PLATFORMS))
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="make or renew this one")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="keep and reuse fetched wheels")
    parser.add_argument("--blender", help="the command to validate with")
    options = parser.parse_args()
    platforms: list[str] = options.platform or ["linux-x64"]
    manifest = tomllib.loads((ADDON / "blender_manifest.toml").read_text(encoding="utf-8"))
    stem = f"{manifest['id']}-{manifest['version']}"
    blender: str = options.blender or shutil.which("blender") or ""
    if options.repository is None:
        zips = [build(options.output, platforms, options.wheels, name=f"{stem}.zip")]
    elif not blender:
        parser.error("a repository's index is written by Blender: say which with --blender")
    else:
        zips = [
            build(options.repository, [p], options.wheels, name=f"{stem}-{p.replace('-', '_')}.zip")
            for p in platforms
        ]
    for archive in zips if blender else []:
        in_blender(blender, "validate", str(archive.resolve()))
    if options.repository is not None:
        folder = str(options.repository.resolve())
        in_blender(blender, "server-generate", f"--repo-dir={folder}", "--html")


if __name__ == "__main__":
    main()

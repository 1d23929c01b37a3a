"""Debian packages: downloaded by apt-get, and read as what they are, an ar file with a tar in it.

Nothing is installed, run or unpacked to disk: members are read into memory by name.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from .table import SoundPackageError

Reader = Callable[[str], bool]
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60
_MEMBER_MAX_BYTES = 512 << 20


def find_package(folder: Path, package: str, version: str) -> Path:
    """Return the package's .deb in `folder`, downloading it there if there is none.

    Raises: SoundPackageError that says which file to put where, if it cannot be downloaded.
    """
    found = sorted(folder.glob(f"{package}_*.deb"))
    exact = [path for path in found if path.name.startswith(f"{package}_{version}_")]
    if exact or found:
        return (exact or found)[-1]
    folder.mkdir(parents=True, exist_ok=True)
    apt = shutil.which("apt-get")
    # Other releases of Debian have other versions, often of the same sounds.
    for wanted in (f"{package}={version}", package) if apt else ():
        subprocess.run([str(apt), "download", wanted], cwd=folder, capture_output=True, check=False)
        found = sorted(folder.glob(f"{package}_*.deb"))
        if found:
            return found[-1]
    reason = "apt-get could not download it" if apt else "there is no apt-get here"
    raise SoundPackageError(
        f"The package {package} is missing and {reason}: "
        f"put {package}_{version}_all.deb of Debian 12 into {folder}."
    )


def read_members(deb: Path, wanted: Reader) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the package's regular files for whose name `wanted` is true.

    Raises: SoundPackageError for a file that is not a package, is damaged or has a member
    whose name leads outside.
    """
    try:
        with deb.open("rb") as file:
            _seek_data(file, deb)
            with tarfile.open(fileobj=file, mode="r|*") as archive:
                for member in archive:
                    name = _checked_name(member.name, deb)
                    if not (member.isfile() and wanted(name)):
                        continue
                    content = archive.extractfile(member)
                    if content is None or member.size > _MEMBER_MAX_BYTES:
                        raise SoundPackageError(f"{deb.name}: {name} is too large.")
                    yield name, content.read()
    except (OSError, EOFError, ValueError, tarfile.TarError) as error:
        raise SoundPackageError(
            f"{deb.name} is damaged or not a package that Python can read ({error}): "
            "delete it and try again."
        ) from error


def _seek_data(file: IO[bytes], deb: Path) -> None:
    """Leave `file` at the start of the member data.tar.*."""
    if file.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise ValueError("no ar file")
    while header := file.read(_AR_HEADER_BYTES):
        if len(header) < _AR_HEADER_BYTES:
            break
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        if name.startswith("data.tar"):
            if name.endswith(".zst"):
                raise SoundPackageError(
                    f"{deb.name} is packed with zstd: take Debian's own package, packed with xz."
                )
            return
        file.seek(size + size % 2, 1)
    raise ValueError("no data.tar")


def _checked_name(name: str, deb: Path) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise SoundPackageError(f"{deb.name} is refused: its member {name!r} leads outside.")
    return str(path)

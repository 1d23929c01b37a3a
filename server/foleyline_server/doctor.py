"""``foley-server doctor``: whether this installation can serve, and what to do if not."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from foleyline_contract.bundle import MANIFEST_NAME, read_manifest, verify_files
from foleyline_contract.check import OK, PROBLEM, WARNING, Check, said_of
from foleyline_contract.errors import BundleError, FoleyError
from foleyline_contract.fields import to_json
from foleyline_contract.palette import palette_text
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES
from foleyline_server.runtime.library import (
    available_providers,
    device_name,
    library_version,
    provider_fault,
)
from foleyline_server.runtime.providers import CPU, choose_providers
from foleyline_server.service.keys import SERVER_KEY_NAME, load_server_keys, read_authorized
from foleyline_server.settings import Settings, load_settings

_DISK_LOW_BYTES = 2 * 10**9


def check_all(settings: Settings) -> Iterator[Check]:
    """Look at everything that a server with these settings needs."""
    yield Check(
        "server package", OK, f"foley-server {PACKAGE_VERSION}, Python {platform.python_version()}"
    )
    yield from _device(settings)
    yield from _bundles((*settings.bundles, PACKAGED_BUNDLES))
    yield from _data(settings.folder(os.environ, Path.home()))
    if settings.keys is not None:
        yield from _keys(settings.keys)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``foley-server doctor``; returns the exit status, 1 with a problem."""
    parser = argparse.ArgumentParser(
        prog="foley-server doctor",
        description="Checks what the server computes on, its bundles, its folder and its keys, "
        "as the environment and the settings file have them. 'foley doctor' runs this too.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        checks = list(check_all(load_settings({}, os.environ, options.config)))
    except FoleyError as error:
        checks = [Check("settings", PROBLEM, error.message, error.remedy)]
    text = json.dumps([to_json(c) for c in checks]) if options.json else "\n".join(said_of(checks))
    sys.stdout.write(f"{text}\n")
    return int(any(check.state == PROBLEM for check in checks))


def _device(settings: Settings) -> Iterator[Check]:
    try:
        choice = choose_providers(available_providers(), settings.device, fault_of=provider_fault)
    except FoleyError as error:
        yield Check("device", PROBLEM, error.message, error.remedy)
        return
    first = choice.providers[0]
    name = "" if first == CPU else device_name(first)
    said = f"ONNX Runtime {library_version()} on {first}{f', {name}' if name else ''}"
    yield Check("device", OK, said)
    for reason in choice.reasons[1:]:
        yield Check("device", OK, reason)


def _bundles(folders: Sequence[Path]) -> Iterator[Check]:
    seen: set[str] = set()
    for folder in folders:
        if not folder.is_dir():
            yield Check(
                "bundles",
                WARNING,
                f"There is no folder {folder}.",
                "Correct --bundles, or make it.",
            )
        for bundle in _candidates(folder):
            yield _bundle(bundle, seen)
    if not seen:
        yield Check(
            "bundles", PROBLEM, "There is no bundle that can be used.",
            "Install the server again: one comes with it.",
        )  # fmt: skip


def _candidates(folder: Path) -> list[Path]:
    if (folder / MANIFEST_NAME).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST_NAME}"))


def _bundle(folder: Path, seen: set[str]) -> Check:
    try:
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
    except BundleError as error:
        return Check("bundle", PROBLEM, f"{folder}: {error.message}", error.remedy)
    if manifest.name in seen:
        return Check(
            "bundle", WARNING, f"{folder} is hidden by an earlier bundle of the same name.",
            "Remove one of them, or change its name.",
        )  # fmt: skip
    seen.add(manifest.name)
    said = f"{manifest.name} {manifest.version}: all files as they should be"
    return Check("bundle", OK, f"{said}; it {palette_text(manifest.model.palette)}")


def _data(folder: Path) -> Iterator[Check]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        yield Check(
            "data folder", PROBLEM, f"{folder} cannot be written to: {error.strerror}.",
            "Check who owns it and whether its disk is full, or choose another with --data.",
        )  # fmt: skip
        return
    if free_bytes < _DISK_LOW_BYTES:
        yield Check(
            "data folder", WARNING, f"{folder}: only {free_bytes / 1e6:,.0f} MB left on its disk",
            "Free some space, or choose another disk with --data.",
        )  # fmt: skip
    else:
        yield Check("data folder", OK, f"{folder}: {free_bytes / 1e9:,.0f} GB left on its disk")


def _keys(folder: Path) -> Iterator[Check]:
    try:
        keys = load_server_keys(folder)
    except FoleyError as error:
        yield Check("keys", PROBLEM, error.message, error.remedy)
        return
    path = folder / SERVER_KEY_NAME
    if sys.platform != "win32" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Check("keys", WARNING, f"{path} can be read by others.", f"Run: chmod 600 {path}")
    try:
        clients = read_authorized(keys.authorized.read_text("utf-8", "replace"))
    except OSError:
        clients = {}
    if clients:
        yield Check("keys", OK, f"{folder}: {len(clients)} clients may connect")
    else:
        yield Check(
            "keys", WARNING, f"{folder}: no client may connect.",
            f"Run 'foley-server keygen {folder} --client NAME'.",
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

"""The server's settings: defaults < TOML file < environment < flags."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from foleyline_contract.address import DEFAULT_ADDRESS, is_loopback
from foleyline_contract.errors import SettingInvalid
from foleyline_server.log import FORMATS
from foleyline_server.runtime.providers import DEVICES

ENVIRONMENT_PREFIX = "FOLEYLINE_"
LOG_LEVELS = ("debug", "info", "warning", "error")
_RANGES = {
    "threads": (0, 1024),
    "windows_per_batch": (0, 64),
    "unload_after_s": (1, 365 * 24 * 60 * 60),
    "data_max_gib": (1, 1_000_000),
    "upload_max_gib": (1, 1_000_000),
}
_CHOICES = {"device": DEVICES, "log_level": LOG_LEVELS, "log_format": FORMATS}
_FOLDERS = ("data", "keys")
_OTHERS = ("key",)
"""Variables of other parts of Foleyline."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a server; a Settings that exists is a sound one.

    Attributes:
        address: where to listen; beyond loopback only with ``keys``. Port ``*`` takes a free one.
        bundles: folders to look for bundles in, before the packaged one.
        default_bundle: used when a request names none; empty means the first found.
        threads: compute threads; 0 lets the inference library decide.
        device: one of ``DEVICES``.
        windows_per_batch: windows of a take that are computed at once; 0 suits the device.
        unload_after_s: a model that nobody used for so long leaves the memory.
        data: the folder of jobs, takes and uploads; empty means the user's own, see ``folder``.
        data_max_gib: what takes, features and uploads may hold.
        upload_max_gib: largest file that a client may upload.
        keys: the folder that 'foley-server keygen' made; empty for none.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.

    Raises:
        SettingInvalid: a value cannot be used.
    """

    address: str = DEFAULT_ADDRESS
    bundles: tuple[Path, ...] = ()
    default_bundle: str = ""
    threads: int = 0
    device: str = "auto"
    windows_per_batch: int = 0
    unload_after_s: int = 900
    data: Path | None = None
    data_max_gib: int = 20
    upload_max_gib: int = 4
    keys: Path | None = None
    log_level: str = "info"
    log_format: str = "text"

    def __post_init__(self) -> None:
        if self.keys is None and not is_loopback(self.address):
            raise SettingInvalid(
                f"The address {self.address!r} can be reached from other machines, so it needs "
                "keys.",
                remedy="Run 'foley-server keygen FOLDER' and start with '--keys FOLDER', or use "
                f"an address on this machine, such as {DEFAULT_ADDRESS}.",
            )
        for name, (low, high) in _RANGES.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise SettingInvalid(f"{name} is {value}, but must be {low} to {high}.")
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise SettingInvalid(
                    f"{name} is {value!r}, but must be one of {', '.join(choices)}."
                )

    def folder(self, environment: Mapping[str, str], home: Path) -> Path:
        """Where jobs, takes and uploads are kept: ``data``, or the user's own data folder."""
        return self.data or user_data(environment, home)


_NAMES = tuple(item.name for item in fields(Settings))


def user_data(environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """The folder for what Foleyline keeps for this user."""
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData/Local") / "Foleyline"
    if platform == "darwin":
        return home / "Library/Application Support/Foleyline"
    return Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "foleyline"


def load_settings(
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    config: Path | None = None,
) -> Settings:
    """Settings from all sources; a flag of None was not given.

    Raises:
        SettingInvalid: a value cannot be used, a key of the file is unknown, or the file
            cannot be read.
    """
    values: dict[str, object] = {} if config is None else _from_file(config)
    values.update(_from_environment(environment))
    values.update({name: value for name, value in flags.items() if value is not None})
    return Settings(**cast("dict[str, Any]", {k: _typed(k, v) for k, v in values.items()}))


def _from_file(config: Path) -> dict[str, object]:
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingInvalid(
            f"The settings file {config.name!r} cannot be read.", detail=str(error)
        ) from error
    if unknown := sorted(set(values) - set(_NAMES)):
        raise SettingInvalid(
            f"The settings file {config.name!r} has unknown keys: {', '.join(unknown)}.",
            remedy=f"The keys are {', '.join(_NAMES)}.",
        )
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    """FOLEYLINE_ADDRESS and so on; FOLEYLINE_BUNDLES is a list like PATH."""
    values: dict[str, object] = {}
    for key, text in environment.items():
        name = key.removeprefix(ENVIRONMENT_PREFIX).lower()
        if not key.startswith(ENVIRONMENT_PREFIX) or not text:
            continue
        if name in _OTHERS:
            continue
        if name not in _NAMES:
            # Other parts of Foleyline have variables too, so this is no error.
            _log.warning("The variable %s is not a setting of the server.", key)
        elif name == "bundles":
            values[name] = [part for part in text.split(os.pathsep) if part]
        elif name in _RANGES:
            values[name] = int(text) if text.isascii() and text.isdecimal() else text
        else:
            values[name] = text
    return values


def _typed(name: str, value: object) -> object:
    if name == "bundles":
        entries = cast("list[object]", list(value)) if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownArgumentType]
        if not all(isinstance(entry, str | Path) for entry in entries):
            raise SettingInvalid("bundles must be a list of folders.")
        return tuple(Path(str(entry)).expanduser() for entry in entries)
    if name in _FOLDERS and isinstance(value, str | Path) and str(value):
        return Path(value).expanduser()
    kind = int if name in _RANGES else str
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SettingInvalid(f"{name} is {value!r}, but must be of type {kind.__name__}.")
    return value

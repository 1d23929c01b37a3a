"""The server's settings: defaults < TOML file < environment < flags."""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from foleyline_contract.address import DEFAULT_ADDRESS, is_loopback
from foleyline_contract.errors import SettingInvalid
from foleyline_server.runtime.providers import DEVICES

ENVIRONMENT_PREFIX = "FOLEYLINE_"
LOG_LEVELS = ("debug", "info", "warning", "error")
_THREADS_MAX, _WINDOWS_MAX = 1024, 64
_NUMBERS = ("threads", "windows_per_batch")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a server; a Settings that exists is a sound one.

    Attributes:
        address: where to listen; loopback only in this release. Port ``*`` takes a free one.
        bundles: folders to look for bundles in, before the packaged one.
        default_bundle: used when a request names none; empty means the first found.
        threads: compute threads; 0 lets the inference library decide.
        device: one of ``DEVICES``.
        windows_per_batch: windows of a take that are computed at once; 0 suits the device.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.

    Raises:
        SettingInvalid: a value cannot be used.
    """

    address: str = DEFAULT_ADDRESS
    bundles: tuple[Path, ...] = ()
    default_bundle: str = ""
    threads: int = 0
    device: str = "auto"
    windows_per_batch: int = 0
    log_level: str = "info"

    def __post_init__(self) -> None:
        if not is_loopback(self.address):
            raise SettingInvalid(
                f"The address {self.address!r} can be reached from other machines, which this "
                "release does not allow.",
                remedy=f"Use an address on this machine, such as {DEFAULT_ADDRESS}.",
            )
        if not 0 <= self.threads <= _THREADS_MAX:
            raise SettingInvalid(f"threads is {self.threads}, but must be 0 to {_THREADS_MAX}.")
        if self.device not in DEVICES:
            raise SettingInvalid(f"device is {self.device!r}, but must be one of {DEVICES}.")
        if not 0 <= self.windows_per_batch <= _WINDOWS_MAX:
            raise SettingInvalid(
                f"windows_per_batch is {self.windows_per_batch}, but must be 0 to {_WINDOWS_MAX}."
            )
        if self.log_level not in LOG_LEVELS:
            raise SettingInvalid(f"log_level is {self.log_level!r}, not one of {LOG_LEVELS}.")


_NAMES = tuple(item.name for item in fields(Settings))


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
        if name not in _NAMES:
            # Other parts of Foleyline have variables too, so this is no error.
            _log.warning("The variable %s is not a setting of the server.", key)
        elif name == "bundles":
            values[name] = [part for part in text.split(os.pathsep) if part]
        elif name in _NUMBERS:
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
    kind = int if name in _NUMBERS else str
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SettingInvalid(f"{name} is {value!r}, but must be of type {kind.__name__}.")
    return value

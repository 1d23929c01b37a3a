"""``foley-server``: settings from the command line, then the service until it is told to end."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from foleyline_contract.address import DEFAULT_ADDRESS
from foleyline_contract.errors import FoleyError
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server import doctor, keygen, log
from foleyline_server.log import FORMATS
from foleyline_server.media.decoders import Decoders
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf
from foleyline_server.runtime.collector import Collector
from foleyline_server.runtime.library import (
    available_providers,
    device_name,
    library_version,
    provider_fault,
)
from foleyline_server.runtime.provider_options import BundleFacts, tuning
from foleyline_server.runtime.providers import (
    CPU,
    DEVICES,
    ProviderChoice,
    choose_providers,
    windows_per_batch,
)
from foleyline_server.runtime.session import RuntimeOptions
from foleyline_server.service.keys import Guard, load_server_keys
from foleyline_server.service.pipeline_engine import PipelineEngine
from foleyline_server.service.server import Limits, Server
from foleyline_server.settings import LOG_LEVELS, Settings, load_settings
from foleyline_server.store.store import Store

_FLAGS = (
    "address",
    "bundles",
    "default_bundle",
    "threads",
    "device",
    "windows_per_batch",
    "unload_after_s",
    "data",
    "data_max_gib",
    "upload_max_gib",
    "keys",
    "log_level",
    "log_format",
)
_GIB = 1 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``foley-server``; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for name, command in (("keygen", keygen.main), ("doctor", doctor.main)):
        if arguments[:1] == [name]:
            return command(arguments[1:])
    parsed = _parser().parse_args(arguments)
    flags = {name: getattr(parsed, name) for name in _FLAGS}
    try:
        settings = load_settings(flags, os.environ, parsed.config)
        log.configure(settings.log_level, settings.log_format)
        if parsed.providers:
            return _print_providers(settings)
        return _serve(settings)
    except FoleyError as error:
        print(f"foley-server: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="foley-server",
        description="Makes synchronised Foley for clients on this machine, or on others with keys.",
        epilog="'foley-server keygen FOLDER' makes keys for other machines, 'foley-server doctor' "
        "checks this one; see their --help.",
    )
    parser.add_argument("--address", help=f"where to listen, default {DEFAULT_ADDRESS}")
    parser.add_argument(
        "--bundles", action="append", metavar="DIR", help="folder of model bundles; repeatable"
    )
    parser.add_argument("--default-bundle", metavar="NAME", help="used when a request names none")
    parser.add_argument("--threads", type=int, metavar="N", help="compute threads, 0 for automatic")
    parser.add_argument("--device", choices=DEVICES, help="what to compute on, default auto")
    parser.add_argument(
        "--windows-per-batch", type=int, metavar="N", help="computed at once, 0 for automatic"
    )
    parser.add_argument(
        "--unload-after-s", type=int, metavar="S", help="unused models leave the memory after S"
    )
    parser.add_argument("--data", metavar="DIR", help="where jobs, takes and uploads are kept")
    parser.add_argument("--data-max-gib", type=int, metavar="N", help="what they may hold")
    parser.add_argument("--upload-max-gib", type=int, metavar="N", help="largest upload")
    parser.add_argument(
        "--keys", metavar="DIR", help="made by 'foley-server keygen'; for other machines"
    )
    parser.add_argument("--log-format", choices=FORMATS, help="default text")
    parser.add_argument("--log-level", choices=LOG_LEVELS, help="default info")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument(
        "--providers", action="store_true", help="print what would compute, and why; then end"
    )
    parser.add_argument("--version", action="version", version=f"foley-server {PACKAGE_VERSION}")
    return parser


def _choose(settings: Settings) -> ProviderChoice:
    return choose_providers(available_providers(), settings.device, fault_of=provider_fault)


def _shelf(settings: Settings, choice: ProviderChoice) -> BundleShelf:
    options = RuntimeOptions(
        choice.providers,
        settings.threads,
        required=settings.device != "auto",
        windows_per_batch=settings.windows_per_batch,
    )
    folders = (*settings.bundles, PACKAGED_BUNDLES)
    return BundleShelf(folders, options, settings.default_bundle or None)


def _print_providers(settings: Settings) -> int:
    """What would compute, why, on which device, and what it would be told."""
    choice = _choose(settings)
    batch = windows_per_batch(settings.windows_per_batch, choice.providers)
    print(f"ONNX Runtime {library_version()}, {batch} windows per batch")
    for reason in choice.reasons:
        print(reason)
    if choice.providers[0] != CPU:
        print(f"device: {device_name(choice.providers[0]) or 'it does not say its name'}")
    shelf = _shelf(settings, choice)
    if not shelf.infos():
        return 0
    manifest = shelf.find(None).manifest
    for provider in available_providers():
        batch = windows_per_batch(settings.windows_per_batch, [provider])
        facts = BundleFacts(manifest, batch, None, library_version())
        for options in tuning([provider], "unet", facts).values():
            pairs = " ".join(f"{name}={value}" for name, value in options.items())
            print(f"{provider} would be told for the unet of {manifest.name!r}: {pairs}")
    return 0


def _serve(settings: Settings) -> int:
    choice = _choose(settings)
    shelf = _shelf(settings, choice)
    limits = Limits(settings.data_max_gib * _GIB, settings.upload_max_gib * _GIB)
    guard = None
    if settings.keys is not None:
        guard = partial(Guard, keys=load_server_keys(settings.keys))
    windows = windows_per_batch(settings.windows_per_batch, choice.providers)
    collector = Collector(merges=windows > 1)
    folder = settings.folder(os.environ, Path.home())
    with Decoders() as decoders, closing(_store(folder, limits)) as store:
        engine = PipelineEngine(shelf, collector, decoders.pictures, settings.unload_after_s)
        decoders.warm()
        with Server(settings.address, engine, store, decoders, limits, guard) as server:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda _number, _frame: server.stop())
            print(f"Foleyline server {PACKAGE_VERSION} listening on {server.address}", flush=True)
            server.run()
        engine.close()
    return 0


def _store(folder: Path, limits: Limits) -> Store:
    return Store(folder, limits.stored_max_bytes, upload_max_bytes=limits.upload_max_bytes)

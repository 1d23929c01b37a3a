"""``foley-server``: settings from the command line, then the service until it is told to end."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from foleyline_contract.address import DEFAULT_ADDRESS
from foleyline_contract.errors import FoleyError
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf
from foleyline_server.runtime.providers import DEVICES, choose_providers
from foleyline_server.runtime.session import RuntimeOptions, available_providers, library_version
from foleyline_server.service.router import Router
from foleyline_server.settings import LOG_LEVELS, Settings, load_settings

_FLAGS = ("address", "bundles", "default_bundle", "threads", "device", "log_level")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``foley-server``; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    flags = {name: getattr(parsed, name) for name in _FLAGS}
    try:
        settings = load_settings(flags, os.environ, parsed.config)
        logging.basicConfig(
            level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
        )
        if parsed.providers:
            return _print_providers(settings)
        return _serve(settings)
    except FoleyError as error:
        print(f"foley-server: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="foley-server", description="Makes synchronised Foley for clients on this machine."
    )
    parser.add_argument("--address", help=f"where to listen, default {DEFAULT_ADDRESS}")
    parser.add_argument(
        "--bundles", action="append", metavar="DIR", help="folder of model bundles; repeatable"
    )
    parser.add_argument("--default-bundle", metavar="NAME", help="used when a request names none")
    parser.add_argument("--threads", type=int, metavar="N", help="compute threads, 0 for automatic")
    parser.add_argument("--device", choices=DEVICES, help="what to compute on, default auto")
    parser.add_argument("--log-level", choices=LOG_LEVELS, help="default info")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument(
        "--providers", action="store_true", help="print what would compute, and why; then end"
    )
    parser.add_argument("--version", action="version", version=f"foley-server {PACKAGE_VERSION}")
    return parser


def _print_providers(settings: Settings) -> int:
    choice = choose_providers(available_providers(), settings.device)
    print(f"ONNX Runtime {library_version()}")
    for reason in choice.reasons:
        print(reason)
    return 0


def _serve(settings: Settings) -> int:
    choice = choose_providers(available_providers(), settings.device)
    options = RuntimeOptions(choice.providers, settings.threads)
    folders = (*settings.bundles, PACKAGED_BUNDLES)
    shelf = BundleShelf(folders, options, settings.default_bundle or None)
    with Router(settings.address, shelf, choice.providers) as router:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: router.stop())
        print(f"Foleyline server {PACKAGE_VERSION} listening on {router.address}", flush=True)
        router.run()
    return 0

"""The real server with the stub engine; for tests of clients and of the service.

    python tests/fakes/stub_server.py --address tcp://127.0.0.1:* --job-s 2 [--data DIR]

Prints ``LISTENING <address>``. Without ``--data`` its jobs and takes go when it ends.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stub_engine import StubEngine

from foleyline_contract import messages as m
from foleyline_contract.errors import ERRORS_BY_CODE, FoleyError
from foleyline_server import log
from foleyline_server.media.decoders import Decoders
from foleyline_server.service.server import Limits, Server
from foleyline_server.store.store import Store

LIMITS = Limits(stored_max_bytes=4 << 30, upload_max_bytes=1 << 30)


@contextmanager
def stub_server(
    engine: StubEngine,
    address: str = "tcp://127.0.0.1:*",
    folder: Path | None = None,
    limits: Limits = LIMITS,
    **options,
) -> Iterator[Server]:
    """A server that has yet to be ``run``, with a store in ``folder`` or one that goes."""
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        store = Store(folder, limits.stored_max_bytes, upload_max_bytes=limits.upload_max_bytes)
        stack.callback(store.close)
        decoders = stack.enter_context(Decoders())
        yield stack.enter_context(Server(address, engine, store, decoders, limits, **options))


def end(server: Server) -> None:
    """Stop a server that another thread runs, at once.

    ``stop`` only raises a flag, as a signal handler may do no more; the router sees it when
    it wakes up, a tenth of a second later, and hundreds of tests end a server.
    """
    server.stop()
    server._router.outbox.tell(b"nobody", m.Goodbye(), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="tcp://127.0.0.1:*")
    parser.add_argument("--job-s", type=float, default=2.0)
    parser.add_argument("--fail", choices=sorted(ERRORS_BY_CODE))
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--data", type=Path, help="where jobs and takes are kept")
    parser.add_argument("--data-max-bytes", type=int, default=LIMITS.stored_max_bytes)
    parser.add_argument("--keys", type=Path, help="as for foley-server")
    parser.add_argument("--log-level", default="warning")
    options = parser.parse_args()
    log.configure(options.log_level, "text")
    engine = StubEngine(options.job_s, options.fail, options.lanes, options.steps)
    limits = Limits(options.data_max_bytes, min(options.data_max_bytes, LIMITS.upload_max_bytes))
    guard = None
    if options.keys is not None:
        from foleyline_server.service.keys import Guard, load_server_keys

        keys = load_server_keys(options.keys)

        def guard(context):
            return Guard(context, keys)

    try:
        with stub_server(engine, options.address, options.data, limits, guard=guard) as server:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda _number, _frame: server.stop())
            print("LISTENING", server.address, flush=True)
            server.run()
    except FoleyError as error:
        print(f"stub_server: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

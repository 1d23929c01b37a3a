"""The server's socket and its loop; the only importer of zmq. It never computes.

Clients speak to a ROUTER socket. Other threads put their events into the outbox, which
wakes the loop through a pair of in-process sockets.
"""

from __future__ import annotations

import logging
import time
from threading import Event as Flag
from types import TracebackType

import zmq

from foleyline_contract.codec import HEADER_MAX_BYTES, Envelope, decode, encode, new_id, read_header
from foleyline_contract.errors import AddressUnavailable, FoleyError, MessageMalformed, ServerError
from foleyline_contract.messages import Event, Failed, Goodbye
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.service.handlers import Asked, Desk, handle
from foleyline_server.service.jobs import JobQueue
from foleyline_server.service.outbox import Outbox
from foleyline_server.service.prober import Prober
from foleyline_server.service.worker import Worker

_log = logging.getLogger(__name__)
_POLL_MS, _ENDING_POLL_MS = 100, 10
_LINGER_MS = 2000
_SEND_QUEUE_MAX = 100_000
"""Messages kept for a client that does not read; then its newest are dropped."""
_BATCH = 100
"""Requests answered in a row before the outbox is looked at again."""
_HEARTBEAT_MS, _HEARTBEAT_TIMEOUT_MS = 5_000, 30_000
_END_S = 10.0
"""Longest wait for the worker when the server ends."""


class Router:
    """A server at an address: socket, jobs, worker.

    Args:
        address: ``tcp://127.0.0.1:PORT``; port ``*`` takes a free one, see ``address``.
        shelf: the bundles.
        providers: told to clients.

    Raises:
        AddressUnavailable: nobody can listen there.
    """

    def __init__(self, address: str, shelf: BundleShelf, providers: tuple[str, ...]) -> None:
        self._stop = Flag()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._bind(address)
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._waker = self._context.socket(zmq.PAIR)
        self._woken = self._context.socket(zmq.PAIR)
        self._woken.bind("inproc://wake")
        self._waker.connect("inproc://wake")
        self._outbox = Outbox(self._wake)
        jobs = JobQueue(self._outbox)
        self._desk = Desk(jobs, shelf, Prober(self._outbox), providers)
        self._worker = Worker(jobs, shelf)

    def run(self) -> None:
        """Serve until told to stop by ``stop`` or by a client."""
        self._worker.start()
        self._desk.prober.start()
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._woken, zmq.POLLIN)
        end_s: float | None = None
        while True:
            poller.poll(_POLL_MS if end_s is None else _ENDING_POLL_MS)
            try:
                self._turn()
            except Exception:  # noqa: BLE001 - one client's message must not end the others'
                _log.exception("the router met a defect")
            if end_s is None and (self._stop.is_set() or self._desk.ending_for is not None):
                end_s = time.monotonic() + _END_S
                self._desk.jobs.close()
                self._desk.prober.close()
            if end_s is not None and (not self._worker.is_alive() or time.monotonic() > end_s):
                break
        self._say_goodbye()

    def stop(self) -> None:
        """Ask ``run`` to end; may be called from a signal handler or another thread."""
        self._stop.set()

    def close(self) -> None:
        """Give up the address."""
        for socket in (self._waker, self._woken, self._socket):
            socket.close(_LINGER_MS)
        self._context.term()

    def __enter__(self) -> Router:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside --------------------------------------------------------------------------

    def _bind(self, address: str) -> None:
        options = {
            zmq.MAXMSGSIZE: HEADER_MAX_BYTES,
            zmq.SNDHWM: _SEND_QUEUE_MAX,
            zmq.HEARTBEAT_IVL: _HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: _HEARTBEAT_TIMEOUT_MS,
            zmq.IPV6: int("[" in address),
        }
        for option, value in options.items():
            self._socket.setsockopt(option, value)
        try:
            self._socket.bind(address.replace("localhost", "127.0.0.1"))
        except zmq.ZMQError as error:
            self._socket.close(0)
            self._context.term()
            raise AddressUnavailable(
                f"The server cannot listen at {address!r}: {error.strerror}."
            ) from error

    def _wake(self) -> None:
        """Wake the loop; called under the outbox's lock, so by one thread at a time."""
        try:
            self._waker.send(b"", zmq.NOBLOCK)
        except zmq.ZMQError:
            # Full of earlier calls, or the server ends: the loop comes by anyway.
            return

    def _turn(self) -> None:
        """Answer waiting requests, then send waiting events."""
        for _ in range(_BATCH):
            try:
                client, *parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._answer(client, parts)
        while self._woken.poll(0):
            self._woken.recv(zmq.NOBLOCK)
        self._send_waiting()

    def _send_waiting(self) -> None:
        for outgoing in self._outbox.take_all():
            self._send(outgoing.client, outgoing.envelope)

    def _answer(self, client: bytes, parts: list[bytes]) -> None:
        """Answer one request; what is no request is answered with Failed, or dropped."""
        try:
            request_id: str = read_header(parts)["id"]
        except MessageMalformed as error:
            _log.info("dropped what is no message: %s", error.message)
            self._reply(client, None, _failed(error))
            return
        try:
            envelope = decode(parts)
            answer = handle(Asked(client, request_id, envelope.message), self._desk)
        except FoleyError as error:
            _log.info("request %s refused: %s %s", request_id, error.code, error.detail)
            answer = _failed(error)
        except Exception:  # noqa: BLE001 - a defect in one handler must not end the server
            _log.exception("request %s met a defect", request_id)
            answer = _failed(ServerError("The server made a mistake."))
        if answer is not None:
            self._reply(client, request_id, answer)

    def _reply(self, client: bytes, request_id: str | None, answer: Event) -> None:
        self._send(client, Envelope(answer, new_id(), reply_to=request_id))

    def _send(self, client: bytes, envelope: Envelope) -> None:
        try:
            parts = encode(envelope)
        except (TypeError, ValueError):
            # The messages behind this one must still be sent.
            _log.exception("a message could not be written")
            return
        try:
            self._socket.send_multipart([client, *parts], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            _log.info("a client takes no more messages: %s", error.strerror)

    def _say_goodbye(self) -> None:
        self._send_waiting()
        asked = self._desk.ending_for
        if asked is not None:
            self._reply(asked.client, asked.request_id, Goodbye())


def _failed(error: FoleyError) -> Failed:
    return Failed(error.code, error.message, error.remedy)

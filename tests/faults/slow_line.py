"""A line to a server that is slow, late, or cut: a forwarder of TCP connections."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Event, Thread

PIECE_BYTES = 4096


class SlowLine:
    """Forwards to ``address``; what comes back from there comes late and slowly.

    Args:
        address: ``tcp://127.0.0.1:PORT`` of the server.
        bytes_per_s: of the way back.
        delay_s: before each piece, both ways.
    """

    def __init__(self, address: str, bytes_per_s: float, delay_s: float = 0.0) -> None:
        self._port = int(address.rpartition(":")[2])
        self._bytes_per_s = bytes_per_s
        self._delay_s = delay_s
        self.connections = 0
        """How often a client connected."""
        self._ended = Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections; new ones are taken."""
        sockets, self._sockets = self._sockets, []
        for end in sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._ended.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                continue
            self.connections += 1
            self._sockets += [client, server]
            Thread(target=self._forward, args=(client, server, 0.0), daemon=True).start()
            pace_s = PIECE_BYTES / self._bytes_per_s
            Thread(target=self._forward, args=(server, client, pace_s), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, pace_s: float) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                time.sleep(self._delay_s + pace_s * len(piece) / PIECE_BYTES)
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

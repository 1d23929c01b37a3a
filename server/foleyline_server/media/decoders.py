"""Decoding for the whole server: pictures and probes from processes that files may wreck.

The parent imports no PyAV; a process is kept warm, used again after a clean answer and replaced
after any other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from threading import Lock
from types import TracebackType

from foleyline_contract.errors import ServerBusy
from foleyline_contract.messages import Clip, Probed
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.decoder_line import COMMAND, PATIENCE, Patience
from foleyline_server.media.decoder_process import DecoderProcess
from foleyline_server.media.pictures import Pixels

_IDLE_MAX = 2
"""Kept when they have nothing to do: one for a job, one for a probe; 55 MB each."""
_QUESTIONS_MAX = 200
"""A process's life: what libraries leak must not add up to its memory's limit."""


class Decoders:
    """The server's decoder processes; safe to use from any thread, each use has its own process.

    Args:
        command: that starts one.
        patience: with each file.
    """

    def __init__(self, command: Sequence[str] = COMMAND, patience: Patience = PATIENCE) -> None:
        self._command, self._patience = command, patience
        self._lock = Lock()
        self._all: set[DecoderProcess] = set()
        self._idle: list[DecoderProcess] = []
        self._closed = False

    def warm(self) -> None:
        """Have a process ready, or on its way: starting takes a quarter of a second.

        Raises:
            ServerError: it cannot be started.
        """
        with self._lock:
            if not self._closed and not self._idle:
                self._idle.append(self._started())

    def pictures(
        self,
        clip: Clip,
        spec: PictureSpec,
        times_s: Iterable[Fraction],
        check: Callable[[], None] = lambda: None,
        /,
    ) -> Iterator[Pixels]:
        """Yield the picture of each moment; as ``frames.iter_pictures``, in a process.

        ``check`` is called for every picture and twenty times a second in between; when it raises,
        the process is ended. Moments are taken a few dozen ahead of their pictures.

        Raises:
            FileMissing, NoPicture, FileUnreadable: the file cannot be used.
            SpanOutside: the clip reaches outside the file's picture.
            ServerError, ServerBusy: there is no decoder.
        """
        with self._borrowed() as decoder:
            yield from decoder.pictures(clip, spec, times_s, check)

    def probe(self, path: str, check: Callable[[], None] = lambda: None) -> Probed:
        """What a file shows, and for how long.

        Raises:
            FileMissing, NoPicture, FileUnreadable: the file cannot be used, or breaks off before
                the end it declares.
            ServerError, ServerBusy: there is no decoder.
        """
        with self._borrowed() as decoder:
            return decoder.probe(path, check)

    def cuts(self, clip: Clip, check: Callable[[], None] = lambda: None) -> Iterator[Fraction]:
        """Yield where other shots begin within a clip; as ``cuts.find_cuts``, in a process.

        Raises:
            as ``pictures``.
        """
        with self._borrowed() as decoder:
            yield from decoder.cuts(clip, check)

    def close(self) -> None:
        """End all processes, those at work too."""
        with self._lock:
            self._closed = True
            for decoder in self._all:
                decoder.close()
            self._all.clear()
            self._idle.clear()

    def __enter__(self) -> Decoders:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside --------------------------------------------------------------------------

    @contextmanager
    def _borrowed(self) -> Generator[DecoderProcess]:
        decoder = self._take()
        try:
            yield decoder
        finally:
            self._give_back(decoder)

    def _take(self) -> DecoderProcess:
        with self._lock:
            if self._closed:
                raise ServerBusy("The server is ending.", remedy="Start it again.")
            while self._idle:
                decoder = self._idle.pop()
                if decoder.alive:
                    return decoder
                self._end(decoder)
            return self._started()

    def _give_back(self, decoder: DecoderProcess) -> None:
        with self._lock:
            if self._closed:
                return
            room = len(self._idle) < _IDLE_MAX
            if decoder.at_rest and room and decoder.questions < _QUESTIONS_MAX:
                self._idle.append(decoder)
                return
            self._end(decoder)
            if not self._idle:
                self._idle.append(self._started())

    def _started(self) -> DecoderProcess:
        decoder = DecoderProcess(self._command, self._patience)
        self._all.add(decoder)
        return decoder

    def _end(self, decoder: DecoderProcess) -> None:
        decoder.close()
        self._all.discard(decoder)

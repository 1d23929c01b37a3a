"""Jobs in processes that may die: of a file that breaks the decoder, or of the machine.

Whoever dies over a file twice has that file condemned, and goes on without it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread

from foleyline_training.prepare.errors import PrepareError
from foleyline_training.prepare.plan import Unit
from foleyline_training.prepare.units import Heard, Job, write_unit

STALL_MAX_S = 600.0
"""A process that makes no clip and ends no file for so long is taken for dead."""
_DEATHS_MAX = 2
CONDEMNED = "The decoder breaks down over it."


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    unit: Unit | None = None
    file: str | None = None
    heard_at: float = field(default_factory=time.monotonic)


def do_units(
    units: Sequence[Unit],
    job_for: Callable[[Unit], Job],
    workers: int,
    heard: Callable[[Heard], None],
    condemn: Callable[[str], None],
) -> None:
    """Do all units, in ``workers`` processes, or in this one if that is 0.

    Args:
        job_for: makes a unit's job at the time when it is begun.
        heard: is told what happens.
        condemn: is told of a file over which processes died.

    Raises:
        PrepareError: it cannot go on.
    """
    if workers == 0:
        for unit in units:
            try:
                write_unit(job_for(unit), heard)
            except OSError as error:
                raise PrepareError(_sentence(error)) from error
        return
    crew = _Crew(units, job_for, heard, condemn)
    try:
        crew.work(min(workers, len(units)))
    finally:
        crew.dismiss()


class _Crew:
    """The processes, and what each has in hand."""

    def __init__(
        self,
        units: Sequence[Unit],
        job_for: Callable[[Unit], Job],
        heard: Callable[[Heard], None],
        condemn: Callable[[str], None],
    ) -> None:
        self._waiting = deque(units)
        self._job_for, self._heard, self._condemn = job_for, heard, condemn
        self._deaths: Counter[str] = Counter()
        self._workers: list[_Worker] = []

    def work(self, count: int) -> None:
        self._workers = [_start() for _ in range(count)]
        while True:
            for worker in self._workers:
                if worker.unit is None and self._waiting:
                    self._hand_out(worker)
            busy = {worker.pipe: worker for worker in self._workers if worker.unit is not None}
            if not busy:
                return
            for pipe in wait(list(busy), timeout=1.0):
                self._listen(busy[pipe])  # pyright: ignore[reportArgumentType]
            for worker in busy.values():
                if worker.unit and time.monotonic() - worker.heard_at > STALL_MAX_S:
                    self._bury(worker)

    def dismiss(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()

    def _hand_out(self, worker: _Worker) -> None:
        worker.unit, worker.file = self._waiting.popleft(), None
        worker.heard_at = time.monotonic()
        try:
            worker.pipe.send(self._job_for(worker.unit))
        except OSError:
            self._bury(worker)

    def _listen(self, worker: _Worker) -> None:
        try:
            said: Heard | str = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if isinstance(said, str):
            raise PrepareError(said)
        worker.heard_at, worker.file = time.monotonic(), said.file
        if said.file is None:
            worker.unit = None
        self._heard(said)

    def _bury(self, worker: _Worker) -> None:
        """Put another process in a dead one's place; its unit begins anew."""
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        file = worker.file or ""
        self._deaths[file] += 1
        if self._deaths[file] >= _DEATHS_MAX:
            if not file:
                raise PrepareError(
                    "The processes that read the videos end at once: is there enough memory? "
                    "Try fewer with --workers."
                )
            self._condemn(file)
        if worker.unit is not None:
            self._waiting.appendleft(worker.unit)
        self._workers[self._workers.index(worker)] = _start()


def _start() -> _Worker:
    # A forked child would inherit the decoders' threads dead and wait for them for ever.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(pipe: Connection) -> None:
    """What a worker does: one job after the other, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job: Job = pipe.recv()
            write_unit(job, pipe.send)
        except EOFError:
            return
        except OSError as error:
            pipe.send(_sentence(error))
            return


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _sentence(error: OSError) -> str:
    return (
        f"The shards cannot be written: {error.strerror or error}. Make room or choose another "
        "place; the same command goes on where it stopped."
    )

"""Jobs as the client thread has them, and their takes on the way to files. No bpy here."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foleyline_client.audio_file import read_provenance, unique_path, write_wav
from foleyline_contract import messages as m
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import Cancelled, FoleyError, OutputUnwritable

from . import notices as n
from .naming import take_path

log = logging.getLogger(__name__)

JOB_KEY = "job"
"""In a WAV's provenance, beside ``take``: which job made it."""


@dataclass(slots=True)
class Errand:
    """One job that has not ended, as it was ordered."""

    order: n.Submit | n.Adopt
    clip: m.Clip
    """With the upload that stands for its file, once there is one."""
    sent: bool = False
    """Whether it went over the line that stands."""

    @property
    def job_id(self) -> str:
        return self.order.note.job_id


class Deliveries:
    """The open jobs; hears events and passes notices on."""

    def __init__(self, put: Callable[[n.Notice], None]) -> None:
        self._put = put
        self.open: dict[str, Errand] = {}

    def add(self, order: n.Submit | n.Adopt) -> Errand:
        clip = order.clip if isinstance(order, n.Submit) else order.info.request.clip
        self.open[order.note.job_id] = Errand(order, clip)
        return self.open[order.note.job_id]

    def leave(self, job_ids: tuple[str, ...]) -> None:
        """Forget jobs without a word: their file is closed."""
        for job_id in job_ids:
            self.open.pop(job_id, None)

    def end(self, job_id: str, problem: n.Problem | None) -> None:
        """Tell that a job has ended; once."""
        if self.open.pop(job_id, None) is not None:
            log.info("job %s: %s", job_id, "finished" if problem is None else problem.code)
            self._put(n.Ended(job_id, problem))

    def end_all(self, problem: n.Problem) -> None:
        for job_id in list(self.open):
            self.end(job_id, problem)

    def hear(self, envelope: Envelope) -> None:
        """Take in what the server said.

        Raises:
            OutputUnwritable: a take cannot be written; its job is to be cancelled.
        """
        match envelope.message:
            case m.Accepted(job_id=job_id, ahead=ahead) if job_id in self.open:
                self._put(n.Queued(job_id, ahead))
            case m.Progress(job_id=job_id) as event if job_id in self.open:
                self._put(n.Advanced(job_id, event.stage, event.step, event.steps, event.fraction))
            case m.TakeFinished(job_id=job_id) as event if job_id in self.open:
                self._write(self.open[job_id].order.note.target, event, envelope.parts[0])
            case m.JobFinished(job_id=job_id):
                self.end(job_id, None)
            case m.JobCancelled(job_id=job_id):
                self.end(job_id, cancelled())
            case m.Failed() as event:
                job_id = event.job_id or envelope.reply_to or ""
                self.end(job_id, n.Problem(event.code, event.message, event.remedy))
            case _:
                log.debug("ignored %s", type(envelope.message).__name__)

    def _write(self, target: str, event: m.TakeFinished, pcm: bytes) -> None:
        path = take_path(target, event.seed, event.take, event.takes)
        check_folder(path.parent)  # it may be gone by now
        provenance = {**event.provenance, JOB_KEY: event.job_id, "take": event.take}
        there = _written_before(path, event)
        if there is None:
            there = unique_path(path)
            write_wav(there, pcm, provenance=provenance)
        log.info("job %s: take %d of %d written", event.job_id, event.take + 1, event.takes)
        self._put(
            n.TakeWritten(
                event.job_id,
                there,
                event.take,
                event.takes,
                event.seed,
                event.sample_count,
                event.peak_dbfs,
                event.log_p_aligned,
                event.provenance,
                event.loudness_lufs,
                event.flags,
            )
        )


def cancelled() -> n.Problem:
    return n.Problem.of(Cancelled("Cancelled."))


def check_folder(folder: Path) -> None:
    """Make the takes' folder, before an hour's work rather than after it.

    Raises:
        OutputUnwritable: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
    except OSError as error:
        raise OutputUnwritable(
            f"The takes folder {str(folder)!r} cannot be written to.", detail=str(error)
        ) from error


def _written_before(path: Path, event: m.TakeFinished) -> Path | None:
    """The file that holds this very take: it was fetched, and Blender ended before it was saved."""
    for candidate in sorted(path.parent.iterdir()):
        if candidate.suffix != ".wav" or not candidate.name.startswith(path.stem):
            continue
        try:
            found = read_provenance(candidate) or {}
        except FoleyError:
            continue
        if (found.get(JOB_KEY), found.get("take")) == (event.job_id, event.take):
            return candidate
    return None

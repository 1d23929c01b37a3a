"""``foley generate``: a clip in, takes out."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from argparse import Namespace
from fractions import Fraction
from pathlib import Path
from typing import Any

from foleyline_client.audio_file import sidecar_path, unique_path, write_take
from foleyline_client.bundle_choice import BundleChoice
from foleyline_client.launcher import connect, connect_or_start
from foleyline_client.progress_line import ProgressLine
from foleyline_client.session import Session
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import (
    Cancelled,
    FoleyError,
    OutputUnwritable,
    ServerError,
    SpanOutside,
)
from foleyline_contract.messages import (
    SEED_MAX,
    Accepted,
    Clip,
    Failed,
    GenerateSettings,
    JobCancelled,
    JobFinished,
    Progress,
    TakeFinished,
)

MUX_MODULE = "foleyline_server.media.mux"
"""Ships in the same distribution and runs in a process of its own: the client has no codecs."""
_CANCEL_S = 3.0


def generate(options: Namespace, line: ProgressLine) -> dict[str, Any]:
    """Do what the command's options ask for.

    Returns:
        What ``--json`` prints: job, seed, time taken, and every take's file and measures.
    """
    seed = secrets.randbelow(SEED_MAX + 1) if options.seed is None else options.seed
    bundle = BundleChoice.of(options.bundle)
    settings = GenerateSettings(
        seed=seed,
        takes=options.takes,
        bundle=bundle.name,
        sampler=options.sampler,
        steps=options.steps,
        cfg_scale=options.cfg_scale,
        align_scale=options.align_scale,
        vocoder=options.vocoder,
    )
    video = Path(options.clip).absolute()
    sounds = _take_paths(options.out, video, settings.takes)
    pictures = _numbered(options.mux, settings.takes) if options.mux else []
    _check_outputs(video, sounds, pictures, overwrite=options.overwrite)
    try:
        session, welcome = (
            connect(options.server)
            if options.no_start
            else connect_or_start(
                options.server, command=bundle.server_command(), on_status=line.note
            )
        )
        with session:
            bundle.require(welcome)
            clip = _clip(session, video, options)
            line.finish()
            line.say(f"Seed {seed}")
            job = _Job(session, clip, settings, sounds, line, overwrite=options.overwrite)
            summary = job.run()
    finally:
        line.finish()
    for take, sound, picture in zip(summary["takes"], sounds, pictures, strict=False):
        _mux(clip, sound, picture, overwrite=options.overwrite)
        take["mux"] = str(picture)
    return summary


class _Job:
    """One job from submission to its last written take."""

    def __init__(
        self,
        session: Session,
        clip: Clip,
        settings: GenerateSettings,
        sounds: list[Path],
        line: ProgressLine,
        *,
        overwrite: bool,
    ) -> None:
        self._session = session
        self._clip = clip
        self._settings = settings
        self._sounds = sounds
        self._line = line
        self._overwrite = overwrite
        self._summary: dict[str, Any] = {"seed": settings.seed, "takes": []}

    def run(self) -> dict[str, Any]:
        """Generate; interrupting it, or a take that cannot be kept, cancels the job.

        Returns:
            What ``--json`` prints.
        """
        job_id = self._session.submit(self._clip, self._settings)
        self._summary["job_id"] = job_id
        try:
            for envelope in self._session.events(job_id):
                self._hear(envelope)
        except (KeyboardInterrupt, OutputUnwritable):
            if job_id in self._session.open_jobs:
                self._cancel(job_id)
            raise
        return self._summary

    def _hear(self, envelope: Envelope) -> None:
        message = envelope.message
        if isinstance(message, Accepted) and message.ahead:
            self._line.note(f"Waiting for {message.ahead} jobs before this one…")
        if isinstance(message, Progress):
            self._line.show(message)
        if isinstance(message, JobFinished):
            self._summary["elapsed_s"] = message.elapsed_s
        if isinstance(message, TakeFinished):
            if not 0 <= message.take < len(self._sounds):
                raise ServerError("The server sent a take that was not asked for.")
            path = self._sounds[message.take]
            write_take(path, envelope.parts[0], message, overwrite=self._overwrite)
            self._summary["takes"].append(
                {
                    "path": str(path),
                    "take": message.take,
                    "seed": message.seed,
                    "sample_count": message.sample_count,
                    "peak_dbfs": message.peak_dbfs,
                    "log_p_aligned": message.log_p_aligned,
                }
            )

    def _cancel(self, job_id: str) -> None:
        try:
            self._session.cancel(job_id)
            end = time.monotonic() + _CANCEL_S
            while time.monotonic() < end:
                envelope = self._session.poll(0.1)
                ended = JobCancelled | JobFinished | Failed
                if envelope is not None and isinstance(envelope.message, ended):
                    return
        except FoleyError:
            return  # a lost server needs no cancelling


def _clip(session: Session, video: Path, options: Namespace) -> Clip:
    """The asked stretch of picture; what was left out comes from the file itself."""
    start_s: Fraction = options.start
    duration_s: Fraction | None = options.duration
    fps: Fraction | None = options.fps
    if fps is not None:
        start_s = round(start_s * fps) / fps
    if duration_s is not None:
        if fps is not None:
            duration_s = max(1, round(duration_s * fps)) / fps
        return Clip(path=str(video), start_s=start_s, duration_s=duration_s)
    picture_s = session.probe(str(video)).duration_s
    if start_s >= picture_s:
        raise SpanOutside(
            f"The start, {float(start_s):.3f} s, lies after the end of the picture of "
            f"{video.name!r}, {float(picture_s):.3f} s.",
            remedy="Choose an earlier --start.",
        )
    duration_s = picture_s - start_s
    if fps is not None:
        duration_s = max(1, int(duration_s * fps)) / fps
    return Clip(path=str(video), start_s=start_s, duration_s=duration_s)


def _take_paths(out: str | None, video: Path, takes: int) -> list[Path]:
    if out is not None:
        return _numbered(out, takes)
    base = Path.cwd() / f"{video.stem}-foley.wav"
    if takes == 1:
        return [unique_path(base)]
    return [unique_path(path) for path in _numbered(str(base), takes)]


def _numbered(out: str, takes: int) -> list[Path]:
    path = Path(out).absolute()
    if takes == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(1, takes + 1)]


def _check_outputs(
    video: Path, sounds: list[Path], pictures: list[Path], *, overwrite: bool
) -> None:
    """Find out before the work, not after it, that its result would have no place."""
    outputs = [*sounds, *map(sidecar_path, sounds), *pictures]
    for path in outputs:
        if not path.parent.is_dir():
            raise OutputUnwritable(
                f"There is no folder {str(path.parent)!r}.", remedy="Make it, or choose another."
            )
        if path.is_dir():
            raise OutputUnwritable(f"{str(path)!r} is a folder.", remedy="Name a file in it.")
        if _are_same(path, video):
            raise OutputUnwritable(
                f"{path.name!r} is the clip itself, which is never overwritten.",
                remedy="Choose another name or folder.",
            )
        if path.exists() and not overwrite:
            raise OutputUnwritable(
                f"The file {path.name!r} exists already.",
                remedy="Choose another name, or add --overwrite.",
            )
    if len(set(outputs)) < len(outputs):
        raise OutputUnwritable(
            "Two of the results would have the same name.", remedy="Choose another name for one."
        )


def _are_same(path: Path, video: Path) -> bool:
    """Whether both names lead to one file, through links too."""
    try:
        return path.samefile(video)
    except OSError:
        return False  # one of them does not exist


def _mux(clip: Clip, sound: Path, picture: Path, *, overwrite: bool) -> None:
    """Put picture and take into one file, in a process of its own."""
    command = [sys.executable, "-m", MUX_MODULE, *(["--overwrite"] if overwrite else [])]
    command += [clip.path, str(clip.start_s), str(clip.duration_s), str(sound), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    if done.returncode < 0:
        raise Cancelled("Cancelled.")
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise OutputUnwritable(
        f"The take is at {sound.name!r}, but {picture.name!r} could not be made.",
        detail=said[-1] if said else "",
    )

"""``foley generate``: a clip in, takes out."""

from __future__ import annotations

import secrets
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from foleyline_client.audio_file import write_take
from foleyline_client.bundle_choice import BundleChoice
from foleyline_client.clip_span import Span
from foleyline_client.connection import Connection
from foleyline_client.job_watch import JobWatch, start_again, wait_again
from foleyline_client.outputs import check_outputs, mux, numbered, take_paths
from foleyline_client.progress_line import ProgressLine
from foleyline_client.session import Session
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import (
    BundleUnknown,
    FoleyError,
    OutputUnwritable,
    ServerError,
    SettingInvalid,
)
from foleyline_contract.messages import (
    NAME_MAX_CHARS,
    SEED_MAX,
    VARIATION,
    Accepted,
    BundleInfo,
    Clip,
    GenerateSettings,
    JobFinished,
    Origin,
    Progress,
    TakeFinished,
    Welcome,
)
from foleyline_contract.palette import PALETTE_AUTO, require_sound
from foleyline_contract.quality import steps_for


def generate(options: Namespace, line: ProgressLine) -> dict[str, Any]:
    """Do what the command's options ask for.

    Returns:
        What ``--json`` prints: job, seed, time taken, and every take's file and measures.
    """
    bundle = BundleChoice.of(options.bundle)
    settings = _settings(options, bundle.name)
    video = Path(options.clip).absolute()
    sounds, pictures = _outputs(options, video, settings.takes)
    connection = Connection.of(options)
    try:
        if options.no_start:
            session, welcome = connection.open_welcomed()
        else:
            session, welcome = connection.open_or_start(bundle.server_command(), line.note)
        with session:
            bundle.require(welcome)
            _require_sound(settings, welcome)
            settings = _with_quality(settings, options.quality, welcome)
            clip = clip_of(session, welcome, video, options, line)
            line.finish()
            line.say(f"Seed {settings.seed}")
            origin = Origin(label=video.name[:NAME_MAX_CHARS])
            job_id = session.submit(clip, settings, origin, batch=options.batch)
            if options.detach:
                return _detached(session, job_id, settings)
            if options.no_start or connection.is_far:
                again = wait_again(connection.address, line)
            else:
                again = start_again(connection.address, bundle.server_command(), line)
            job = TakeWriter(sounds, line, overwrite=options.overwrite)
            _run(session, JobWatch(session, again, line), job_id, job)
    finally:
        line.finish()
    for take, sound, picture in zip(job.takes, sounds, pictures, strict=False):
        mux(video, clip, sound, picture, overwrite=options.overwrite)
        take["mux"] = str(picture)
    return {"seed": settings.seed, "takes": job.takes, "job_id": job_id, "elapsed_s": job.elapsed_s}


class TakeWriter:
    """Hears a job's events, shows how far it is and writes its takes."""

    def __init__(self, sounds: Sequence[Path], line: ProgressLine, *, overwrite: bool) -> None:
        self._sounds = sounds
        self._line = line
        self._overwrite = overwrite
        self.takes: list[dict[str, Any]] = []
        self.elapsed_s = 0.0

    def hear(self, envelope: Envelope) -> None:
        """Do what an event asks for.

        Raises:
            OutputUnwritable: a take cannot be kept.
        """
        message = envelope.message
        if isinstance(message, Accepted) and message.ahead:
            self._line.note(f"Waiting for {message.ahead} jobs before this one…")
        if isinstance(message, Progress):
            self._line.show(message)
        if isinstance(message, JobFinished):
            self.elapsed_s = message.elapsed_s
        if isinstance(message, TakeFinished):
            if not 0 <= message.take < len(self._sounds):
                raise ServerError("The server sent a take that was not asked for.")
            path = self._sounds[message.take]
            write_take(path, envelope.parts[0], message, overwrite=self._overwrite)
            self.takes.append(
                {
                    "path": str(path),
                    "take": message.take,
                    "seed": message.seed,
                    "sample_count": message.sample_count,
                    "peak_dbfs": message.peak_dbfs,
                    "loudness_lufs": message.loudness_lufs,
                    "log_p_aligned": message.log_p_aligned,
                    "flags": list(message.flags),
                }
            )


def _run(session: Session, watch: JobWatch, job_id: str, writer: TakeWriter) -> None:
    """Wait for the job; interrupting it, or a take that cannot be kept, cancels it."""
    try:
        for envelope in watch.events(job_id):
            writer.hear(envelope)
    except KeyboardInterrupt:
        watch.cancel(job_id)
        _let_go(session, job_id)
        raise
    except FoleyError as error:
        if isinstance(error, OutputUnwritable) and job_id in session.open_jobs:
            watch.cancel(job_id)
            remedy = f"{error.remedy} Then 'foley fetch {job_id[:8]}' gets what was finished."
            raise OutputUnwritable(error.message, remedy=remedy, detail=error.detail) from error
        _let_go(session, job_id)
        raise
    _let_go(session, job_id)


def _let_go(session: Session, job_id: str) -> None:
    """The server need not keep an ended job's takes any longer."""
    if job_id not in session.open_jobs:
        with suppress(FoleyError):  # it then keeps them; nothing is lost
            session.forget([job_id])


def _detached(session: Session, job_id: str, settings: GenerateSettings) -> dict[str, Any]:
    for envelope in session.events(job_id):
        if isinstance(envelope.message, Accepted):
            break
    return {"seed": settings.seed, "takes": [], "job_id": job_id}


def _settings(options: Namespace, bundle: str | None) -> GenerateSettings:
    if options.variation is not None and options.like is None:
        raise SettingInvalid(
            "--variation says how far from a take to go, but not from which.",
            remedy="Add --like SEED with that take's seed.",
        )
    seed = secrets.randbelow(SEED_MAX + 1) if options.seed is None else options.seed
    return GenerateSettings(
        seed=seed,
        takes=options.takes,
        bundle=bundle,
        sampler=options.sampler,
        steps=options.steps,
        cfg_scale=options.cfg_scale,
        align_scale=options.align_scale,
        vocoder=options.vocoder,
        loudness_lufs=options.loudness,
        seed_family=options.like,
        variation=VARIATION if options.variation is None else options.variation,
        palette=None if options.palette == PALETTE_AUTO else options.palette,
    )


def _require_sound(settings: GenerateSettings, welcome: Welcome) -> None:
    """Before anything is sent; and a server from before palettes would not refuse."""
    if settings.palette is not None:
        info = _bundle_info(settings, welcome)
        require_sound(settings.palette, info.palette, info.name)


def _with_quality(
    settings: GenerateSettings, quality: str | None, welcome: Welcome
) -> GenerateSettings:
    if quality is None:
        return settings
    return replace(settings, steps=steps_for(quality, _bundle_info(settings, welcome).steps))


def _bundle_info(settings: GenerateSettings, welcome: Welcome) -> BundleInfo:
    name = settings.bundle or welcome.default_bundle
    for info in welcome.bundles:
        if info.name == name:
            return info
    raise BundleUnknown(f"The server has no bundle {name!r}.")


def _outputs(options: Namespace, video: Path, takes: int) -> tuple[list[Path], list[Path]]:
    if options.detach:
        if options.out or options.mux:
            raise SettingInvalid(
                "--detach leaves the takes with the server, so --out and --mux have nothing to do.",
                remedy="Leave them out; 'foley fetch' writes the takes.",
            )
        return [], []
    sounds = take_paths(options.out, video, takes)
    pictures = numbered(options.mux, takes) if options.mux else []
    check_outputs(video, sounds, pictures, overwrite=options.overwrite)
    return sounds, pictures


def clip_of(
    session: Session, welcome: Welcome, video: Path, options: Namespace, line: ProgressLine
) -> Clip:
    """The clip that the options mean; a server that opens no paths is sent the file."""
    upload = None
    if not welcome.opens_paths:
        upload = session.upload(
            video, lambda done, whole: line.note(f"Sending {video.name}: {done / whole:4.0%}")
        )
    return Span(options.start, options.duration, options.fps).clip(session, video, upload)

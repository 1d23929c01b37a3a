"""A video's sound as mono samples, placed by its own time stamps on the picture's time.

Sample k is heard k / rate_hz after the file's first picture. Gaps in the track are silence, what
lies before the first picture is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av.error
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from foleyline_training.prepare.errors import VideoUnusable
from foleyline_training.prepare.videos import open_movie

Samples = NDArray[np.float32]

_JITTER_MAX_S = Fraction(1, 50)
"""Time stamps may be off by this much, by rounding, before samples are moved."""
_GAP_MAX_S = Fraction(1, 2)
"""Undecodable stretches up to this long are silence; longer ones are damage."""
_SILENCE_BLOCK = 1 << 16
"""Silence is made in pieces of so many samples: a stamp may lie, memory must not."""
_PEAK = 32767.0


class SoundReader:
    """A file's first sound track; a context manager.

    Args:
        origin_s: time stamp of the first picture: time zero.

    Raises:
        VideoUnusable: there is no sound that can be read.
    """

    def __init__(self, path: Path, rate_hz: int, origin_s: Fraction) -> None:
        self.rate_hz, self.origin_s = rate_hz, origin_s
        self._container = open_movie(path)
        try:
            self._stream = self._find_stream()
            self._blocks = self._resampled()
        except BaseException:
            self._container.close()
            raise
        self._kept: list[Samples] = []
        self._kept_count = 0
        self._given = 0

    def __enter__(self) -> SoundReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    def read(self, stop: int, *, lacking_max: int) -> NDArray[np.int16] | None:
        """The samples from where the last call ended up to ``stop``, counted from time zero.

        Returns:
            int16 (samples,); the last ``lacking_max`` may be silence where the track has ended.
            None: the track ended earlier than that.

        Raises:
            VideoUnusable: the track is damaged.
        """
        wanted = stop - self._given
        while self._kept_count < wanted:
            block = next(self._blocks, None)
            if block is None:
                break
            self._kept.append(block)
            self._kept_count += len(block)
        if self._kept_count < wanted - lacking_max:
            return None
        lacking = np.zeros(max(0, wanted - self._kept_count), np.float32)
        kept = np.concatenate([*self._kept, lacking])
        self._kept = [kept[wanted:]]
        self._kept_count = len(self._kept[0])
        self._given = stop
        return np.rint(kept[:wanted].clip(-1, 1) * _PEAK).astype(np.int16)

    # ---- inside --------------------------------------------------------------------------

    def _find_stream(self) -> AudioStream:
        for stream in self._container.streams.audio:
            if cast("object | None", stream.codec_context) is None:
                raise VideoUnusable("Its sound is coded in an unknown way.")
            return stream
        raise VideoUnusable("It has no sound track, and training needs one.")

    def _resampled(self) -> Iterator[Samples]:
        """Mono at ``rate_hz``, from time zero on."""
        resampler: soxr.ResampleStream | None = None
        own_hz = 0
        for block, own_hz in self._placed():
            if resampler is None and own_hz != self.rate_hz:
                resampler = soxr.ResampleStream(own_hz, self.rate_hz, 1, dtype="float32")
            yield block if resampler is None else resampler.resample_chunk(block)
        if resampler is not None:
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    def _placed(self) -> Iterator[tuple[Samples, int]]:
        """Mono at the track's own rate without holes, from time zero on, with that rate."""
        position = 0  # the next sample's number, counted from time zero
        rate_hz, broken = 0, False
        for frame in self._frames():
            if frame is None:
                broken = True
                continue
            if frame.sample_rate != (rate_hz := rate_hz or frame.sample_rate):
                raise VideoUnusable("Its sound changes its rate midway.")
            heard = frame.to_ndarray().mean(axis=0, dtype=np.float32)
            start = self._start(frame, position)
            if broken and start - position > _GAP_MAX_S * rate_hz:
                raise VideoUnusable(
                    f"Its sound is damaged {position / rate_hz:.2f} s after its start."
                )
            broken = False
            for first in range(position, start, _SILENCE_BLOCK):
                silence = np.zeros(min(_SILENCE_BLOCK, start - first), np.float32)
                yield silence, rate_hz
            heard = heard[max(0, position - start) :]
            position = max(position, start) + len(heard)
            if len(heard):
                yield heard, rate_hz

    def _start(self, frame: AudioFrame, position: int) -> int:
        """The number of the frame's first sample: what follows, unless its stamp says else."""
        if frame.pts is None or frame.time_base is None:
            return position
        stamped = (frame.pts * Fraction(frame.time_base) - self.origin_s) * frame.sample_rate
        near = abs(stamped - position) <= _JITTER_MAX_S * frame.sample_rate
        return position if near and position else round(stamped)

    def _frames(self) -> Iterator[AudioFrame | None]:
        """Decoded frames, planar floats of one rate; None stands for a damaged packet."""
        same = AudioResampler(format="fltp")
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                for frame in packet.decode():
                    yield from same.resample(frame)
            except (av.error.EOFError, StopIteration):
                return
            except av.error.InvalidDataError:
                yield None
            except (av.error.FFmpegError, OSError) as error:
                raise VideoUnusable("Its sound cannot be read to its end.") from error
            except ValueError as error:
                raise VideoUnusable("Its sound changes its rate or its channels midway.") from error

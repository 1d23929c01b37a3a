"""How far a job is, and whether it should stop: one object that every loop asks."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str, int, int, float], None]
"""Called with stage, step, steps and the fraction of the whole job."""

_LOADING_END = 0.02
_DECODING_END = 0.03
_ENCODING_END = 0.12
_VOCODING_SHARE = 0.2
"""Of a take's time on a CPU with the small bundle; sampling has the rest."""


class Meter:
    """Turns steps within stages into one fraction that never falls.

    Args:
        takes: of the job.
        report: told of every step.
        check: raises Cancelled when the job should stop; called at every step and between.
    """

    def __init__(self, takes: int, report: Report, check: Callable[[], None]) -> None:
        self._takes = takes
        self._report = report
        self._fraction = 0.0
        self.check = check

    def loading(self) -> None:
        """The bundle is being loaded."""
        self._tell("loading", 0, 1, 0.0)

    def decoding(self) -> None:
        """The first pictures are being decoded."""
        self._tell("decoding", 0, 1, _LOADING_END)

    def encoding(self, done: int, windows: int) -> None:
        """The pictures of ``done`` of the clip's windows are decoded and encoded."""
        share = (_ENCODING_END - _DECODING_END) * done / windows
        self._tell("encoding", done, windows, _DECODING_END + share)

    def sampling(self, take: int, step: int, steps: int) -> None:
        """``step`` of a take's sampling steps are done."""
        self._in_take(take, "sampling", step, steps, (1 - _VOCODING_SHARE) * step / steps)

    def vocoding(self, take: int, step: int, steps: int) -> None:
        """``step`` of the vocoder's steps for a take are done."""
        share = 1 - _VOCODING_SHARE + _VOCODING_SHARE * step / steps
        self._in_take(take, "vocoding", step, steps, share)

    def _in_take(self, take: int, stage: str, step: int, steps: int, share: float) -> None:
        whole = (take + share) / self._takes
        self._tell(stage, step, steps, _ENCODING_END + (1 - _ENCODING_END) * whole)

    def _tell(self, stage: str, step: int, steps: int, fraction: float) -> None:
        self.check()
        self._fraction = max(self._fraction, min(1.0, fraction))
        self._report(stage, step, steps, self._fraction)

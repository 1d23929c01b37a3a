"""What can go wrong while videos are prepared."""

from __future__ import annotations


class PrepareError(Exception):
    """The whole preparation cannot go on; the text says why and what to do."""


class VideoUnusable(Exception):
    """One file cannot be used; the text is its sentence in ``skipped.csv``."""

"""What a corpus is for, and what of it no other split has."""

from __future__ import annotations

from enum import StrEnum


class Split(StrEnum):
    """The part a scene belongs to; all parts have scenes of their own."""

    TRAINING = "training"
    HELD_OUT = "held_out"
    """Other scenes and other recordings, but looks and actions that training has, too."""
    UNSEEN = "unseen"
    """Other scenes, recordings, looks and things that happen."""

    @property
    def stream(self) -> int:
        """Number that tells this part's random streams from the others'."""
        return {Split.TRAINING: 0x5CE7E, Split.HELD_OUT: 0x4E1D0, Split.UNSEEN: 0x0DD11}[self]

    @property
    def new_sounds(self) -> bool:
        """Whether its sounds come from families that training never hears."""
        return self is not Split.TRAINING

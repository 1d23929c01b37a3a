"""Vocoders by the name that bundles and requests use."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.vocoders import librosa_inverse
from foleyline_server.pipeline.vocoders.base import Floats, Vocoder
from foleyline_server.pipeline.vocoders.griffin_lim import GriffinLim
from foleyline_server.pipeline.vocoders.librosa_inverse import LibrosaInverse

MakeVocoder = Callable[[MelSpec, Floats], Vocoder]
"""Called with a bundle's mel and its filters (bands, n_fft // 2 + 1)."""


@dataclass(frozen=True, slots=True)
class VocoderKind:
    """How a vocoder is made, and which optional package it needs, if any."""

    make: MakeVocoder
    package: str | None = None
    remedy: str = ""


VOCODERS: dict[str, VocoderKind] = {
    "griffin-lim": VocoderKind(GriffinLim),
    "librosa": VocoderKind(
        lambda spec, _filters: LibrosaInverse(spec), librosa_inverse.PACKAGE, librosa_inverse.REMEDY
    ),
}


def vocoder_named(name: str) -> MakeVocoder:
    """What makes the vocoder of that name; nothing is imported for it yet.

    Raises:
        SettingInvalid: there is none, and its text lists those there are; or the package that
            it needs is not installed.
    """
    kind = VOCODERS.get(name)
    if kind is None:
        known = ", ".join(VOCODERS)
        raise SettingInvalid(f"There is no vocoder {name!r}; choose one of {known}.")
    if kind.package is not None and importlib.util.find_spec(kind.package) is None:
        raise SettingInvalid(
            f"The vocoder {name!r} needs the package {kind.package}, which is not installed.",
            remedy=kind.remedy,
        )
    return kind.make

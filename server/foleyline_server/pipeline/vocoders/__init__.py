"""Vocoders by the name that bundles and requests use."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from foleyline_contract.bundle import NEURAL_VOCODER, VOCODER_GRAPH
from foleyline_contract.errors import SettingInvalid
from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.vocoders import librosa_inverse
from foleyline_server.pipeline.vocoders.base import Floats, Vocoder
from foleyline_server.pipeline.vocoders.griffin_lim import GriffinLim
from foleyline_server.pipeline.vocoders.librosa_inverse import LibrosaInverse
from foleyline_server.pipeline.vocoders.neural import Neural
from foleyline_server.runtime.bundles import Graph

MakeVocoder = Callable[[MelSpec, Floats, Mapping[str, Graph]], Vocoder]
"""Called with a bundle's mel, its filters (bands, n_fft // 2 + 1) and its graphs by name."""


@dataclass(frozen=True, slots=True)
class VocoderKind:
    """How a vocoder is made, and which optional package or graph it needs, if any."""

    make: MakeVocoder
    package: str | None = None
    remedy: str = ""
    graph: str | None = None


VOCODERS: dict[str, VocoderKind] = {
    "griffin-lim": VocoderKind(lambda spec, filters, _graphs: GriffinLim(spec, filters)),
    NEURAL_VOCODER: VocoderKind(
        lambda spec, filters, graphs: Neural(spec, filters, graphs[VOCODER_GRAPH]),
        graph=VOCODER_GRAPH,
        remedy="Choose griffin-lim, or a bundle that has one.",
    ),
    "librosa": VocoderKind(
        lambda spec, _filters, _graphs: LibrosaInverse(spec),
        librosa_inverse.PACKAGE,
        librosa_inverse.REMEDY,
    ),
}


def vocoder_named(name: str, graphs: Collection[str]) -> MakeVocoder:
    """What makes the vocoder of that name; nothing is imported for it yet.

    Args:
        graphs: those that the bundle has.

    Raises:
        SettingInvalid: there is none, and its text lists those there are; or the package that
            it needs is not installed, or the bundle lacks the graph that it needs.
    """
    kind = VOCODERS.get(name)
    if kind is None:
        known = ", ".join(VOCODERS)
        raise SettingInvalid(f"There is no vocoder {name!r}; choose one of {known}.")
    if kind.graph is not None and kind.graph not in graphs:
        raise SettingInvalid(f"This bundle has no {name} vocoder.", remedy=kind.remedy)
    if kind.package is not None and importlib.util.find_spec(kind.package) is None:
        raise SettingInvalid(
            f"The vocoder {name!r} needs the package {kind.package}, which is not installed.",
            remedy=kind.remedy,
        )
    return kind.make

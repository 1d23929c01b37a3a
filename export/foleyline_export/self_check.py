"""Our networks against the official code, on this machine, with these versions of everything.

Weights for this follow from a rule, so it says that the networks are the official ones, not
anything about the checkpoint that is being exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from foleyline_export.reference.checks import REDUCED, TOLERANCE, check_golden, golden_names
from foleyline_export.reference.rule import rule_networks
from foleyline_export.reference.torch_subject import torch_subject
from foleyline_export.verify import ValueMismatch
from foleyline_training.models.diff_foley.spec import RELEASED

RECORDINGS = Path(__file__).parent / "reference" / "recordings"
_OF_GRAPH = {
    "cavp_video": "video_encoder",
    "cavp_spec": "spectrogram_encoder",
    "cond_stage": "condition_encoder",
    "unet": "unet",
    "vae": "latent_decoder",
    "classifier": "aligner",
}
"""Start of a recording's name to the graph it is mostly about."""
_TOO_LARGE = frozenset({"unet"})
"""At released size; at the reduced one it is checked."""
Measured = Mapping[str, Mapping[str, float]]


def self_check(aligner_condition: str) -> dict[str, Measured]:
    """Compare with the recordings that come with the package.

    Returns:
        Graph name to array name to its difference.

    Raises:
        ValueMismatch: a network is not the official one.
    """
    found: dict[str, Measured] = {}
    for sizes in (REDUCED, RELEASED):
        networks = rule_networks(sizes, aligner_condition)
        subject = torch_subject(networks)
        graphs = frozenset(networks.names) - (_TOO_LARGE if sizes == RELEASED else frozenset())
        for name in golden_names(RECORDINGS, graphs, sizes):
            differences = check_golden(RECORDINGS, name, subject)
            for array, difference in differences.items():
                if not difference.relative_l2 <= TOLERANCE:
                    raise ValueMismatch(
                        f"{name}: {array} differs from the official code's by "
                        f"{difference.relative_l2:.1e} (relative L2), more than {TOLERANCE:.0e}; "
                        "the installed torch or diffusers computes something else"
                    )
            graph = next(g for start, g in _OF_GRAPH.items() if name.startswith(start))
            by_name = {f"{name}/{key}": asdict(value) for key, value in differences.items()}
            found[graph] = {**found.get(graph, {}), **by_name}
    return found

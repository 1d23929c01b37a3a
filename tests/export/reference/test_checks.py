import json
from pathlib import Path

import numpy as np
import pytest

from foleyline_export.reference.checks import (
    REDUCED,
    TOLERANCE,
    Subject,
    check_golden,
    golden_names,
    sizes_of,
)
from foleyline_export.reference.goldens import GoldenError, read_golden
from foleyline_export.reference.rule import rule_networks
from foleyline_export.reference.torch_subject import OUTPUTS, torch_subject
from foleyline_training.models.diff_foley.spec import RELEASED

GOLDEN = Path(__file__).parents[4] / "shared" / "reference" / "golden"
GRAPHS = frozenset(OUTPUTS)
INPUTS = {"sigma_tc", "t_input_tc"}
"""Arrays of a recording that are not outputs of a network."""
OFFICIAL_LOGITS = {
    "raw": {1.0: -0.10268178582191467, 958.96: -0.046822816133499146},
    "encoded": {1.0: -0.0966608077287674, 958.96: -0.03903413563966751},
}
"""Of classifier_reduced: float32 numbers from the official code."""

at_hand = pytest.mark.skipif(not GOLDEN.exists(), reason="the recordings are not at hand")


@pytest.fixture
def recordings(tmp_path):
    """Writes recordings of a made-up system whose graphs add up their inputs."""

    def write(name, note, arrays):
        facts = {
            key: {"shape": list(a.shape), "stride": 1, "std": 1.0, "l2": 1.0}
            for key, a in arrays.items()
        }
        (tmp_path / f"{name}.json").write_text(json.dumps({"note": note, "arrays": facts}))
        np.savez(tmp_path / f"{name}.npz", **arrays)
        return tmp_path

    return write


def test_parameters_come_from_names_and_notes(recordings):
    asked = []

    def run(graph, inputs):
        asked.append((graph, {k: v.ravel()[0] for k, v in inputs.items()}))
        if graph == "condition_encoder":
            return {"condition": inputs["features"] + 1}
        return {"prediction": inputs["latent"] + inputs["timestep"][:, None]}

    recordings("cond_stage", "feat=l2normalize(normal('input:other',(1,2,4)),axis=-1)", {})
    note = (
        "z=normal('input:zz',(1,3)); c=emb. eps_tfrac: float t=12.5. eps_b2: batch [z, "
        "normal('input:zb')] with t=[7.,8.5], c=[zeros, emb]. c=normal('input:ctx',(1,2,4))"
    )
    keys = ("eps_t3", "eps_uncond_t77.5", "eps_ctx_t5", "eps_tfrac")
    arrays = {key: np.zeros((1, 3), "f4") for key in keys} | {"eps_b2": np.zeros((2, 3), "f4")}
    folder = recordings("unet", note, arrays)
    found = check_golden(folder, "unet", Subject(run))
    assert found.keys() == arrays.keys()
    times = [inputs["timestep"] for graph, inputs in asked if graph == "unet"]
    assert times == [3, 77.5, 5, 12.5, 7]
    conditions = [inputs["condition"] for graph, inputs in asked if graph == "unet"]
    assert conditions[1] == conditions[4] == 0
    assert conditions[0] == conditions[3] != conditions[2]


def test_differences_are_found(recordings):
    folder = recordings(
        "cond_stage",
        "feat=l2normalize(normal('input:cavp_feat',(1,2,4)),axis=-1)",
        {"emb_zero_feat": np.ones((1, 2, 4), "f4")},
    )
    right = check_golden(
        folder, "cond_stage", Subject(lambda _, inputs: {"condition": inputs["features"] + 1})
    )
    assert right["emb_zero_feat"].relative_l2 == 0
    wrong = check_golden(
        folder, "cond_stage", Subject(lambda _, inputs: {"condition": inputs["features"] + 1.5})
    )
    assert wrong["emb_zero_feat"].relative_l2 == pytest.approx(0.5)


def test_unknown_recordings(recordings):
    folder = recordings("sampler", "", {})
    with pytest.raises(GoldenError, match="no check for sampler"):
        check_golden(folder, "sampler", Subject(lambda *_: {}))


def test_recordings_are_chosen_by_graphs_and_sizes(recordings):
    for name in ("unet", "unet_reduced", "cavp_video_T32", "sampler"):
        folder = recordings(name, "", {})
    assert golden_names(folder, GRAPHS) == ["cavp_video_T32", "unet"]
    assert golden_names(folder, frozenset({"video_encoder", "unet"})) == ["cavp_video_T32"]
    assert golden_names(folder, GRAPHS, REDUCED) == ["unet_reduced"]
    assert sizes_of("unet") == RELEASED


@pytest.mark.parametrize("condition", ["raw", "encoded"])
def test_official_numbers_without_the_recordings(condition):
    """The classifier has every kind of layer that the UNet has but the doubling."""
    from foleyline_export.reference.notes import Draw

    run = torch_subject(rule_networks(REDUCED, condition)).run
    latent = Draw("input:z", (1, 4, 16, 64)).values()
    features = Draw("input:cavp_feat", (1, 32, 512), "unit").values()
    for time, official in OFFICIAL_LOGITS[condition].items():
        timestep = np.array([time], "f4")
        inputs = {"latent": latent, "timestep": timestep, "features": features}
        log_prob = float(run("aligner", inputs)["log_prob"][0])
        assert log_prob - np.log(-np.expm1(log_prob)) == pytest.approx(official, abs=2e-6)


@at_hand
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name", golden_names(GOLDEN, GRAPHS, REDUCED) + golden_names(GOLDEN, GRAPHS)
)
def test_torch_networks_are_the_official_ones(name):
    covered = set()
    conditions = ("raw", "encoded") if name.startswith("classifier") else ("raw",)
    for condition in conditions:
        subject = torch_subject(rule_networks(sizes_of(name), condition))
        found = check_golden(GOLDEN, name, subject)
        assert all(d.relative_l2 <= TOLERANCE for d in found.values()), found
        covered |= {key.removesuffix("[:, 0]") for key in found}
    outputs = {
        key
        for key in read_golden(GOLDEN, name).arrays
        if not any(key.startswith(given) for given in INPUTS)
    }
    assert covered == outputs

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from foleyline_export.official_file import OfficialFile
from foleyline_training.models.diff_foley.aligner import Aligner
from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder
from foleyline_training.models.diff_foley.unet import Unet
from foleyline_training.models.diff_foley.video_encoder import VideoEncoder
from foleyline_training.weights_file import CheckpointMismatch

BIAS = "cond_model.embedder.0.bias"
CAVP_BIAS = "video_project_head.bias"


@pytest.fixture
def changed(released, sizes, tmp_path):
    """A file of the kind after ``change`` had its way with the tensors."""

    def write(kind, change):
        tensors = torch.load(released[kind], weights_only=True)["state_dict"]
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
        change(tensors)
        torch.save({"state_dict": tensors}, tmp_path / "changed.ckpt")
        return OfficialFile(kind, tmp_path / "changed.ckpt", sizes)

    return write


def mismatch(changed, kind, change, what):
    with pytest.raises(CheckpointMismatch, match=what) as caught:
        changed(kind, change)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["cavp", "ldm", "classifier", "evaluation"])
def test_files_like_the_released_ones(released, sizes, kind):
    OfficialFile(kind, released[kind], sizes)


@pytest.mark.parametrize(
    ("kind", "leftover"),
    [
        ("ldm", "model_ema.diffusion_modelinput_blocks00weight"),
        ("ldm", "first_stage_model.loss.discriminator.main.0.weight"),
        ("ldm", "cond_stage_model.transformer.text_model.final_layer_norm.bias"),
        ("ldm", "lvlb_weights"),
        ("classifier", "first_stage_model.encoder.conv_in.weight"),
        ("evaluation", "logvar"),
        ("cavp", "spec_project_head.weight"),
    ],
)
def test_known_leftovers_are_ignored(changed, kind, leftover):
    changed(kind, lambda tensors: tensors.update({leftover: torch.tensor([float("nan")])}))


@pytest.mark.parametrize(
    ("kind", "stranger"),
    [
        ("ldm", "cond_stage_model.embedder.1.weight"),
        ("cavp", "model_ema"),
        ("cavp", "first_stage_model.loss.weight"),
        ("classifier", "model.classifier.weight.old"),
    ],
)
def test_anything_else_is_refused_by_name(changed, kind, stranger):
    text = mismatch(changed, kind, lambda t: t.update({stranger: torch.ones(1)}), "not belong")
    assert stranger in text


def test_missing_ones_are_named_and_counted(changed):
    def drop(tensors):
        for name in [name for name in tensors if name.startswith("model.middle_block.")]:
            del tensors[name]

    text = mismatch(changed, "classifier", drop, "lacks: model.middle_block")
    assert text.count("middle_block") == 10
    assert "and 36 more" in text


def test_the_wrong_file_is_recognised(released, sizes):
    with pytest.raises(CheckpointMismatch, match="looks like the file of cavp"):
        OfficialFile("ldm", released["cavp"], sizes)


def test_another_shape_is_named(changed):
    def widen(tensors):
        tensors[BIAS] = torch.ones(513)

    mismatch(changed, "classifier", widen, rf"{BIAS} \(513,\), not \(512,\)")


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.bool])
def test_other_kinds_of_numbers(changed, dtype):
    def convert(tensors):
        tensors[BIAS] = tensors[BIAS].to(dtype)

    mismatch(changed, "classifier", convert, f"not plain numbers: {BIAS}")


def test_sparse_weights(changed):
    def convert(tensors):
        tensors[BIAS] = tensors[BIAS].to_sparse()

    mismatch(changed, "classifier", convert, f"not plain numbers: {BIAS}")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_broken_values_are_named_when_they_are_used(changed, sizes, value):
    def spoil(tensors):
        tensors[CAVP_BIAS][3] = value

    file = changed("cavp", spoil)
    with pytest.raises(CheckpointMismatch, match=f"not finite: {CAVP_BIAS}"):
        file.load(VideoEncoder(sizes))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_single(changed, sizes, dtype):
    def convert(tensors):
        for name, tensor in tensors.items():
            tensors[name] = tensor.to(dtype)

    network = Aligner(sizes, "encoded")
    changed("classifier", convert).load(network)
    assert {weight.dtype for weight in network.state_dict().values()} == {torch.float32}
    assert network.cond_model is not None
    assert network.cond_model.embedder[0].bias.any()


def test_training_without_batch_counters(changed, sizes):
    def drop(tensors):
        for name in [name for name in tensors if name.endswith("num_batches_tracked")]:
            del tensors[name]

    with torch.device("meta"):
        network = VideoEncoder(sizes)
    changed("cavp", drop).load(network)
    assert network.video_encoder.conv1.bn.num_batches_tracked.item() == 0


def test_another_schedule_is_refused(changed):
    def linear(tensors):
        tensors["betas"] = torch.linspace(0.00085, 0.012, 1000)

    mismatch(changed, "ldm", linear, "other numbers than Diff-Foley's: betas")


def test_another_latent_scale_is_refused(changed):
    def scale(tensors):
        tensors["scale_factor"] = torch.tensor(0.13025)

    mismatch(changed, "evaluation", scale, "scale_factor")


def test_schedule_and_scale_may_be_absent(changed):
    def drop(tensors):
        for name in ("betas", "alphas_cumprod", "scale_factor"):
            del tensors[name]

    changed("classifier", drop)


def test_safetensors_do_as_well(released, sizes, tmp_path):
    tensors = torch.load(released["ldm"], weights_only=True)["state_dict"]
    save_file(tensors, tmp_path / "ldm.safetensors")
    network = ConditionEncoder(sizes)
    OfficialFile("ldm", tmp_path / "ldm.safetensors", sizes).load(network)
    wanted = tensors["cond_stage_model.pos_emb.weight"]
    np.testing.assert_array_equal(network.pos_emb.weight.detach(), wanted)


def test_a_network_on_no_device_is_filled(released, sizes):
    with torch.device("meta"):
        network = Unet(sizes)
    OfficialFile("ldm", released["ldm"], sizes).load(network)
    assert {weight.device.type for weight in network.parameters()} == {"cpu"}

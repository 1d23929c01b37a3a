import numpy as np
import pytest
import torch

from foleyline_export.reference.rule import (
    normal,
    rule_networks,
    rule_tensor,
    write_rule_checkpoint,
)
from foleyline_training.models.diff_foley.layout import file_layout

AGREED = {
    "model.diffusion_model.input_blocks.0.0.weight": (
        (320, 4, 3, 3),
        [0.08273151516914368, -0.252981036901474, 0.08000366389751434, 0.06227439269423485],
    ),
    "model.diffusion_model.input_blocks.1.0.in_layers.0.weight": (
        (320,),
        [0.9614205360412598, 1.0897029638290405, 1.0629669427871704, 0.9724476933479309],
    ),
    "model.diffusion_model.time_embed.0.bias": (
        (1280,),
        [-0.007381729315966368, 0.007937302812933922, -0.014897279441356659, 0.0026420955546200275],
    ),
    "cond_stage_model.pos_emb.weight": (
        (40, 768),
        [-0.055327028036117554, -0.06458669155836105, -0.006114820949733257, -0.014211216941475868],
    ),
    "video_encoder.conv1.bn.running_var": (
        (64,),
        [1.1285042762756348, 1.1047463417053223, 1.0666983127593994, 1.1190438270568848],
    ),
    "video_encoder.conv1.bn.running_mean": (
        (64,),
        [-0.04136870428919792, -0.06979375332593918, 0.013437958434224129, 0.008937559090554714],
    ),
}
"""The values that were agreed on with whoever ran the official code."""


@pytest.mark.parametrize("name", AGREED)
def test_agreed_weights(name):
    shape, first = AGREED[name]
    weight = rule_tensor(name, shape)
    assert weight.shape == shape
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight.ravel()[:4], np.array(first, np.float32))


def test_agreed_inputs():
    first = [-1.2869075536727905, 0.3406755328178406, -0.06815452128648758, 0.02279280498623848]
    np.testing.assert_array_equal(
        normal("input:z", (1, 4, 16, 64)).ravel()[:4], np.array(first, np.float32)
    )


def test_what_has_a_value_of_its_own():
    assert rule_tensor("logit_scale", ()) == pytest.approx(np.log(1 / 0.07))
    assert rule_tensor("scale_factor", ()) == np.float32(0.18215)
    assert rule_tensor("betas", (1000,))[0] == pytest.approx(0.00085)
    assert rule_tensor("bn.num_batches_tracked", ()) == np.int64(0)


def test_a_name_the_rule_says_nothing_about():
    with pytest.raises(KeyError, match="gain"):
        rule_tensor("layer.gain", (4,))


def test_networks_and_files_have_the_same_weights(sizes, tmp_path):
    write_rule_checkpoint(tmp_path / "file", "classifier", sizes)
    stored = torch.load(tmp_path / "file", weights_only=True)["state_dict"]
    assert {n: tuple(t.shape) for n, t in stored.items()} == file_layout("classifier", sizes)
    network = rule_networks(sizes, "encoded").build("aligner")
    torch.testing.assert_close(
        network.state_dict()["model.conv_in.weight"], stored["model.input_blocks.0.0.weight"]
    )


def test_cavp_is_written_as_parallel_training_writes_it(released):
    names = torch.load(released["cavp"], weights_only=True)["state_dict"]
    assert all(name.startswith("module.") for name in names)

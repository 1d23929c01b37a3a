import json
from pathlib import Path

import pytest
import torch

from foleyline_training.models.diff_foley.aligner import Aligner
from foleyline_training.models.diff_foley.autoencoder import LatentDecoder
from foleyline_training.models.diff_foley.cavp import Cavp
from foleyline_training.models.diff_foley.layout import (
    file_layout,
    load_official,
    official_names,
)
from foleyline_training.models.diff_foley.unet import Unet

TABLES = Path(__file__).parents[5] / "shared" / "reference" / "state_dicts"
FILES = {
    "cavp": "cavp",
    "ldm": "ldm",
    "classifier": "double_guidance_classifier",
    "evaluation": "align_metric_classifier",
}


@pytest.mark.slow
@pytest.mark.skipif(not TABLES.exists(), reason="the official tables are not at hand")
@pytest.mark.parametrize(("kind", "table"), FILES.items())
def test_released_files_hold_exactly_this(kind, table):
    keys = json.loads((TABLES / f"{table}.json").read_text("utf-8"))["keys"]
    assert file_layout(kind) == {name: tuple(shape) for name, shape, *_ in keys}


@pytest.mark.parametrize(
    ("kind", "count"), [("cavp", 402), ("ldm", 949), ("classifier", 162), ("evaluation", 410)]
)
def test_released_files_hold_so_many(kind, count):
    assert len(file_layout(kind)) == count


def test_cavp_is_named_as_it_was_released(sizes):
    network = Cavp(sizes)
    assert official_names(network, sizes) == {name: name for name in network.state_dict()}


@pytest.mark.parametrize("kind", [Unet, Aligner, LatentDecoder])
def test_no_two_weights_have_one_name(kind, sizes):
    network = kind(sizes)
    names = official_names(network, sizes)
    assert len(set(names.values())) == len(names) == len(network.state_dict())


def official_tensors(network, sizes):
    names = official_names(network, sizes)
    return {names[ours]: tensor for ours, tensor in network.state_dict().items()}


def test_weights_are_taken_not_copied(busy, sizes):
    original = busy(Aligner(sizes, "raw")).requires_grad_(False)
    with torch.device("meta"):
        network = Aligner(sizes, "raw")
    tensors = official_tensors(original, sizes)
    load_official(network, tensors, sizes)
    shared = network.model.conv_in.weight.data_ptr()
    assert shared == tensors["model.input_blocks.0.0.weight"].data_ptr()
    inputs = torch.randn(1, 4, 8, 8), torch.tensor([3.7]), torch.randn(1, 5, 512)
    torch.testing.assert_close(network.eval()(*inputs), original(*inputs), rtol=0, atol=0)


def test_attention_stored_as_convolutions_fits(busy, sizes):
    original = busy(LatentDecoder(sizes)).requires_grad_(False)
    tensors = official_tensors(original, sizes)
    query = "first_stage_model.decoder.mid.attn_1.q.weight"
    tensors[query] = tensors[query][..., None, None]
    network = LatentDecoder(sizes)
    load_official(network, tensors, sizes)
    latent = torch.randn(1, 4, 4, 4)
    torch.testing.assert_close(network.eval()(latent), original(latent), rtol=0, atol=0)


def test_a_missing_weight(sizes):
    network = LatentDecoder(sizes)
    tensors = official_tensors(network, sizes)
    del tensors["first_stage_model.post_quant_conv.bias"]
    with pytest.raises(KeyError, match="post_quant_conv"):
        load_official(network, tensors, sizes)

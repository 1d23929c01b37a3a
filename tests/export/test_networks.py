import pytest
import torch

from foleyline_export.networks import load_networks
from foleyline_export.reference.rule import rule_networks
from foleyline_training.weights_file import CheckpointMismatch, CheckpointUnreadable

NEEDED = ("video_encoder", "condition_encoder", "unet", "aligner", "latent_decoder")
MEASURING = ("spectrogram_encoder", "latent_encoder")


def test_every_graph_has_its_network(released, sizes):
    networks = load_networks(**released, sizes=sizes)
    assert networks.names == (*NEEDED, *MEASURING, "evaluation_classifier")
    exact = rule_networks(sizes)
    for name in networks.names:
        network = networks.build(name)
        assert not network.training
        assert not [weight for weight in network.parameters() if weight.requires_grad]
        torch.testing.assert_close(
            network.state_dict(), exact.build(name).state_dict(), rtol=0, atol=0
        )


def test_without_the_evaluation_file(released, sizes):
    paths = {kind: path for kind, path in released.items() if kind != "evaluation"}
    networks = load_networks(**paths, sizes=sizes)
    assert networks.names == (*NEEDED, *MEASURING)
    with pytest.raises(KeyError):
        networks.build("evaluation_classifier")


@pytest.mark.parametrize("condition", ["raw", "encoded"])
def test_what_the_aligner_reads(released, sizes, condition):
    networks = load_networks(**released, sizes=sizes, aligner_condition=condition)
    assert networks.aligner_condition == condition
    assert (networks.build("aligner").cond_model is not None) == (condition == "encoded")


def test_networks_are_not_kept(released, sizes):
    networks = load_networks(**released, sizes=sizes)
    assert networks.build("condition_encoder") is not networks.build("condition_encoder")


def test_files_are_checked_before_anything_is_built(released, sizes, tmp_path):
    with pytest.raises(CheckpointUnreadable, match="missing"):
        load_networks(**(released | {"ldm": tmp_path / "missing"}), sizes=sizes)
    with pytest.raises(CheckpointMismatch, match="lacks"):
        load_networks(**(released | {"ldm": released["cavp"]}), sizes=sizes)


def test_a_file_that_changes_later_is_noticed(released, sizes, tmp_path):
    path = tmp_path / "cavp.ckpt"
    path.write_bytes(released["cavp"].read_bytes())
    networks = load_networks(**(released | {"cavp": path}), sizes=sizes)
    path.write_bytes(b"gone")
    with pytest.raises(CheckpointUnreadable):
        networks.build("video_encoder")

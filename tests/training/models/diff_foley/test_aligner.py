import pytest
import torch

from foleyline_training.models.diff_foley.aligner import Aligner


@pytest.fixture(scope="module")
def encoded(busy, sizes):
    return busy(Aligner(sizes, "encoded")).requires_grad_(False)


@pytest.fixture(scope="module")
def raw(encoded, sizes):
    """The same weights, fed as the published sampler does."""
    aligner = Aligner(sizes, "raw")
    aligner.model.load_state_dict(encoded.model.state_dict())
    return aligner.eval().requires_grad_(False)


def inputs(batch, features=5):
    latent, timestep = torch.randn(batch, 4, 8, 8), torch.linspace(3.7, 999, batch)
    return latent, timestep, torch.randn(batch, features, 512)


def test_rows_do_not_see_each_other(raw):
    """The exported gradient of the rows' sum relies on this."""
    latent, timestep, features = inputs(3)
    latent.requires_grad_(True)
    logits = raw(latent, timestep, features)
    assert logits.shape == (3,)
    (gradient,) = torch.autograd.grad(logits[1], latent)
    assert gradient[1].any()
    assert not gradient[[0, 2]].any()


def test_raw_takes_any_number_of_features(raw):
    assert raw(*inputs(1, 33)).shape == raw(*inputs(1, 1)).shape == (1,)


def test_conditions_differ_by_the_condition_encoder_only(raw, encoded):
    latent, timestep, features = inputs(2)
    logits = encoded(latent, timestep, features)
    torch.testing.assert_close(raw(latent, timestep, encoded.cond_model(features)), logits)
    assert (raw(latent, timestep, features) - logits).abs().max() > 1e-4


def test_raw_has_no_condition_encoder(raw):
    assert not [name for name in raw.state_dict() if name.startswith("cond_model")]


def test_another_condition_is_refused(sizes):
    with pytest.raises(ValueError, match="'both'"):
        Aligner(sizes, "both")

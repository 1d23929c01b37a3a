import pytest


@pytest.fixture
def run_folder(tiny, corpus, tmp_path, busy):
    """A run whose first two stages have ended."""
    from foleyline_training.checkpoints import save_checkpoint
    from foleyline_training.stages.networks import make_autoencoder, make_cavp

    for name, network in (
        ("cavp", make_cavp(tiny, len(corpus.materials))),
        ("autoencoder", make_autoencoder(tiny)),
    ):
        save_checkpoint(tmp_path / f"{name}.pt", {"weights": busy(network).state_dict()})
    return tmp_path


@pytest.fixture
def data(tiny, corpus, run_folder):
    from foleyline_training.stages.conditioned import ConditionedData

    return ConditionedData(tiny, corpus, run_folder)

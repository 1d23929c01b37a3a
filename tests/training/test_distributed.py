from dataclasses import replace

import pytest
import torch
from torch import nn

from foleyline_contract.errors import SettingInvalid
from foleyline_training import distributed
from foleyline_training.distributed import ALONE, Processes, joined
from foleyline_training.stage_config import StageConfig

CONFIG = StageConfig(
    seconds=1.0, batch=8, learning_rate=1e-3, weight_decay=0.0, ema=0.9, device="cpu"
)


@pytest.mark.parametrize("environment", [{}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_without_a_launcher_there_is_one(environment):
    with joined(environment) as processes:
        assert processes == ALONE
        assert processes.is_first
        assert processes.mean(3.0, 4.0) == [3.0, 4.0]


@pytest.mark.parametrize(
    "environment",
    [{"WORLD_SIZE": "2"}, {"WORLD_SIZE": "two"}, {"WORLD_SIZE": "2", "RANK": "0"}],
)
def test_half_an_environment_is_refused(environment):
    with pytest.raises(SettingInvalid, match="but not which one this is"), joined(environment):
        pass


def test_alone_nothing_is_changed():
    network = nn.Linear(2, 2)
    network(torch.ones(1, 2)).sum().backward()
    assert network.weight.grad is not None
    before = network.weight.grad.clone()
    ALONE.average_gradients(list(network.parameters()))
    assert torch.equal(network.weight.grad, before)
    rows = torch.ones(2)
    assert ALONE.gathered(rows) is rows


def test_share_is_that_of_the_process():
    share = Processes(rank=1, world=2).share(replace(CONFIG, accumulate=2))
    assert (share.rank, share.world, share.parts) == (1, 2, 2)


@pytest.mark.parametrize(("world", "parts"), [(3, 1), (4, 4)])
def test_batch_that_cannot_be_shared_out(world, parts):
    config = replace(CONFIG, accumulate=parts)
    with pytest.raises(SettingInvalid, match="8 cannot be shared out evenly among"):
        Processes(world=world).share(config)


def test_gradients_travel_in_pieces(monkeypatch):
    monkeypatch.setattr(distributed, "BUCKET_VALUES", 10)
    parameters = [nn.Parameter(torch.zeros(n)) for n in (4, 4, 4, 30, 1)]
    sizes = [[len(p) for p in bucket] for bucket in distributed._buckets(parameters)]
    assert sizes == [[4, 4, 4], [30], [1]]

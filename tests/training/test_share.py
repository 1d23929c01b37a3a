from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from foleyline_contract.errors import SettingInvalid
from foleyline_training.share import WHOLE, Share, whole_share
from foleyline_training.stage_config import StageConfig

CONFIG = StageConfig(seconds=1.0, batch=8, learning_rate=1e-3, weight_decay=0.0, ema=0.9)
no_card = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card")


def shares(world, parts):
    return [Share(rank, world, part, parts) for rank in range(world) for part in range(parts)]


@pytest.mark.parametrize(("world", "parts"), [(1, 1), (2, 1), (1, 4), (3, 2)])
def test_every_row_is_in_one_share(world, parts):
    rows = list(range(24))
    assert sorted(row for share in shares(world, parts) for row in share.of(rows)) == rows
    assert len({len(share.of(rows)) for share in shares(world, parts)}) == 1


def test_ordered_rows_are_mixed():
    for share in shares(2, 2):
        assert np.mean(share.of(np.arange(100))) == pytest.approx(49.5, abs=2)


def test_rows_that_cannot_be_shared_out_evenly():
    with pytest.raises(ValueError, match="9 rows"):
        Share(world=2).of(range(9))


def test_draws_do_not_depend_on_the_share():
    after = np.random.default_rng(5)
    whole, next_draw = WHOLE.normal(after, (8, 3)), after.random()
    for share in shares(2, 2):
        rng = np.random.default_rng(5)
        assert torch.equal(share.normal(rng, (8, 3)), share.of(whole))
        assert rng.random() == next_draw


def test_networks_compute_in_the_precision_asked_for():
    network, x = nn.Linear(4, 4), torch.ones(2, 4)
    with Share(dtype=torch.bfloat16).mixed():
        assert network(x).dtype == torch.bfloat16
    with WHOLE.mixed():
        assert network(x).dtype == torch.float32
    assert network.weight.dtype == torch.float32


def test_configuration_becomes_a_share():
    config = replace(CONFIG, device="cpu", precision="bfloat16", accumulate=4)
    share = whole_share(config)
    assert (share.device.type, share.dtype, share.parts) == ("cpu", torch.bfloat16, 4)


def test_float16_on_a_processor_is_refused():
    with pytest.raises(SettingInvalid, match="float16 needs a graphics card"):
        whole_share(replace(CONFIG, device="cpu", precision="float16"))


@no_card
def test_a_graphics_card_that_is_not_there_is_refused():
    with pytest.raises(SettingInvalid, match="finds none"):
        whole_share(replace(CONFIG, device="cuda"))
    assert whole_share(CONFIG).device.type == "cpu"

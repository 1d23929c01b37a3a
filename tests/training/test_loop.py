import json
import signal
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.specs import MelSpec
from foleyline_training import loop, training_log
from foleyline_training.board import Preview
from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.interrupts import Interrupted
from foleyline_training.learning_rate import FINAL_LEARNING_RATE
from foleyline_training.loop import train
from foleyline_training.stage_config import StageConfig

CONFIG = StageConfig(seconds=120.0, batch=8, learning_rate=0.05, weight_decay=0.01, ema=0.9)
"""With a clock that ticks once a reading, a step takes 1 s; a checkpoint comes every 21 steps."""


SPEC = MelSpec(8000, 256, 64, 4, 40.0, 4000.0, 1e-5, 20.0, -80.0, 100.0)


class Killed(Exception):
    """Stands for the end of the process."""


class ToyStage:
    """Learns y = 3 x - 1 from noisy draws; dies before ``die_at``, if told to."""

    name = "toy"

    def __init__(self, die_at: int | None = None) -> None:
        torch.manual_seed(1)
        self.network = nn.Linear(1, 1)
        self.die_at, self.calls, self.draws = die_at, 0, []

    def loss(self, rng, share):
        if self.calls == self.die_at:
            raise Killed
        self.calls += 1
        self.draws.append(rng.random())
        x = torch.from_numpy(rng.standard_normal((CONFIG.batch, 1)).astype("f4"))
        error = self.network(x) - (3 * x - 1 + 0.1 * torch.randn_like(x))
        return error.square().mean(), {"bias": self.network.bias.item()}

    def extra_state(self):
        return {"answer": 42}


def ticking():
    return count().__next__


def run(stage, folder, config=CONFIG, seed=5):
    return train(stage, config, folder, seed, clock=ticking())


def figures(folder):
    lines = (folder / "toy.jsonl").read_text().splitlines()
    return {row["step"]: row for row in map(json.loads, lines)}


def test_learns(tmp_path):
    long = replace(CONFIG, seconds=300.0, learning_rate=0.2)
    weights = load_checkpoint(run(ToyStage(), tmp_path, long))["weights"]
    assert weights["weight"].item() == pytest.approx(3, abs=0.2)
    assert weights["bias"].item() == pytest.approx(-1, abs=0.2)
    logged = figures(tmp_path)
    assert logged[max(logged)]["loss"] < 0.1 * logged[min(logged)]["loss"]


def test_finished_file_holds_weights_extra_and_steps(tmp_path):
    state = load_checkpoint(run(ToyStage(), tmp_path))
    assert state["extra"] == {"answer": 42}
    assert state["steps"] == 120
    assert not (tmp_path / "toy.resume.pt").exists()


def test_stops_when_its_time_is_up(tmp_path):
    run(ToyStage(), tmp_path, replace(CONFIG, seconds=50.0))
    assert max(figures(tmp_path)) == 40  # every 20th step of 50 is logged


@pytest.mark.parametrize("steps", [21, 50, 100])
def test_killed_and_resumed_equals_unbroken(tmp_path, steps):
    whole = load_checkpoint(run(ToyStage(), tmp_path / "whole"))
    with pytest.raises(Killed):
        run(ToyStage(die_at=steps), tmp_path / "broken")
    torch.manual_seed(99)  # Another process would not have this one's random state.
    resumed = load_checkpoint(run(ToyStage(), tmp_path / "broken"))
    assert torch.equal(resumed["weights"]["weight"], whole["weights"]["weight"])
    assert figures(tmp_path / "broken") == figures(tmp_path / "whole")


def test_resuming_does_only_what_is_left(tmp_path):
    with pytest.raises(Killed):
        run(ToyStage(die_at=100), tmp_path)
    stage = ToyStage()
    run(stage, tmp_path)
    assert 20 <= stage.calls < 60


def test_seed_changes_the_draws(tmp_path):
    one, two = (run(ToyStage(), tmp_path / str(seed), seed=seed) for seed in (1, 2))
    weights = [load_checkpoint(path)["weights"]["weight"] for path in (one, two)]
    assert not torch.equal(*weights)


def test_every_step_draws_anew(tmp_path):
    stage = ToyStage()
    run(stage, tmp_path)
    assert len(set(stage.draws)) == 120


def test_done_stage_is_not_trained_again(tmp_path):
    before = run(ToyStage(), tmp_path).read_bytes()
    stage = ToyStage(die_at=0)
    assert run(stage, tmp_path).read_bytes() == before


def test_nan_stops_with_the_name_of_the_stage(tmp_path):
    stage = ToyStage()
    nn.init.constant_(stage.network.weight, float("nan"))
    with pytest.raises(FloatingPointError, match="toy: the loss is nan"):
        run(stage, tmp_path)
    assert not (tmp_path / "toy.pt").exists()


def test_learning_rate_warms_up_and_decays(tmp_path):
    run(ToyStage(), tmp_path, replace(CONFIG, seconds=300.0))
    rates = {step: row["learning_rate"] for step, row in figures(tmp_path).items()}
    assert rates[20] == pytest.approx(0.2 * CONFIG.learning_rate, rel=0.02)
    assert max(rates.values()) <= CONFIG.learning_rate
    assert rates[300] == pytest.approx(FINAL_LEARNING_RATE * CONFIG.learning_rate, rel=0.02)


def test_stops_after_its_steps_even_if_time_is_left(tmp_path):
    limited = replace(CONFIG, steps=45)
    assert load_checkpoint(run(ToyStage(), tmp_path / "whole", limited))["steps"] == 45
    with pytest.raises(Killed):
        run(ToyStage(die_at=30), tmp_path / "broken", limited)
    assert load_checkpoint(run(ToyStage(), tmp_path / "broken", limited))["steps"] == 45
    in_time = replace(CONFIG, steps=1000)
    assert load_checkpoint(run(ToyStage(), tmp_path / "timed", in_time))["steps"] == 120


def test_learning_rate_follows_the_stages_schedule(tmp_path):
    cosine = replace(CONFIG, schedule="cosine", warm_up_steps=40, steps=100)
    run(ToyStage(), tmp_path, cosine)
    rates = {step: row["learning_rate"] for step, row in figures(tmp_path).items()}
    # The step that is logged as the 20th is step 19.
    assert rates[20] == pytest.approx(CONFIG.learning_rate / 2)
    assert rates[40] == pytest.approx(CONFIG.learning_rate)
    assert 0 < rates[100] < 1e-3 * CONFIG.learning_rate


def test_kept_weights_are_the_average(tmp_path):
    stage = ToyStage()
    slow = replace(CONFIG, seconds=3.0, ema=0.999)
    start = stage.network.weight.item()
    kept = load_checkpoint(run(stage, tmp_path, slow))["weights"]["weight"].item()
    assert kept != start
    assert stage.network.weight.item() == kept


def test_parts_of_a_step_add_up_to_it(tmp_path):
    class Rows(ToyStage):
        """A loss that is a mean over rows, and draws for all of them."""

        def loss(self, rng, share):
            x = share.normal(rng, (CONFIG.batch, 1))
            return (self.network(x) - 3 * x).square().mean(), {}

    weights = [
        load_checkpoint(run(Rows(), tmp_path / str(n), replace(CONFIG, accumulate=n)))["weights"]
        for n in (1, 4)
    ]
    torch.testing.assert_close(*(w["weight"] for w in weights), rtol=1e-5, atol=1e-6)


def test_weights_stay_in_full_precision(tmp_path):
    state = load_checkpoint(run(ToyStage(), tmp_path, replace(CONFIG, precision="bfloat16")))
    assert state["weights"]["weight"].dtype == torch.float32


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_saves_and_goes_on_from_there(tmp_path, number):
    class Told(ToyStage):
        def loss(self, rng, share):
            if self.calls == 37:
                signal.raise_signal(number)
                signal.raise_signal(number)  # A launcher says again what the terminal said.
            return super().loss(rng, share)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="toy: stopped after step 38; the same command goes on"):
        run(Told(), tmp_path / "broken")
    assert signal.getsignal(number) is before
    stage = ToyStage()
    resumed = load_checkpoint(run(stage, tmp_path / "broken"))
    assert stage.calls == 120 - 38
    whole = load_checkpoint(run(ToyStage(), tmp_path / "whole"))
    assert torch.equal(resumed["weights"]["weight"], whole["weights"]["weight"])


def test_log_has_every_step_once_after_a_kill(tmp_path):
    with pytest.raises(Killed):
        run(ToyStage(die_at=62), tmp_path)
    with (tmp_path / "toy.jsonl").open("a") as lines:
        lines.write('{"step": 80, "lo')  # as a kill leaves it
    run(ToyStage(), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "toy.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [20, 40, 60, 80, 100, 120]


def test_newest_checkpoint_lost_costs_one_interval(tmp_path):
    with pytest.raises(Killed):
        run(ToyStage(die_at=50), tmp_path)
    (tmp_path / "toy.resume.pt").write_bytes(b"half of a")
    stage = ToyStage()
    resumed = load_checkpoint(run(stage, tmp_path))
    assert stage.calls == 120 - 21
    whole = load_checkpoint(run(ToyStage(), tmp_path / "whole"))
    assert torch.equal(resumed["weights"]["weight"], whole["weights"]["weight"])


def test_checkpoint_of_another_network_is_refused(tmp_path):
    with pytest.raises(Killed):
        run(ToyStage(die_at=50), tmp_path)
    stage = ToyStage()
    stage.network = nn.Linear(2, 2)
    with pytest.raises(SettingInvalid, match="not of a network as configured"):
        run(stage, tmp_path)


def test_same_seed_same_figures_to_the_bit(tmp_path):
    one, two = (load_checkpoint(run(ToyStage(), tmp_path / name)) for name in "ab")
    assert figures(tmp_path / "a") == figures(tmp_path / "b")
    assert torch.equal(one["weights"]["weight"], two["weights"]["weight"])


class Shown(ToyStage):
    """A stage whose preview is its weights, and which draws when asked for one."""

    def __init__(self, die_at=None):
        super().__init__(die_at)
        self.shown = []

    def preview(self, share):
        torch.rand(3)
        self.shown.append(self.network.weight.item())
        return Preview({"take": np.zeros((1, 4, 8), np.float32)}, SPEC)


def test_previews_come_in_time_of_the_average_and_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(training_log, "PREVIEW_EVERY_S", 50.0)
    monkeypatch.setattr(loop, "open_board", lambda *_: Seen())
    seen: list[int] = []

    class Seen:
        def add(self, figures): ...

        def show(self, preview, step):
            seen.append(step)

        def close(self):
            seen.append(-1)

    stage = Shown()
    done = train(stage, CONFIG, tmp_path / "shown", 5, clock=ticking(), board=tmp_path / "board")
    assert seen == [50, 100, 120, -1]
    state = load_checkpoint(done)
    assert stage.shown[-1] == state["weights"]["weight"].item()
    plain = load_checkpoint(run(ToyStage(), tmp_path / "plain"))
    assert torch.equal(state["weights"]["weight"], plain["weights"]["weight"])

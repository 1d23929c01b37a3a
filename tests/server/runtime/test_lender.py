from dataclasses import replace
from pathlib import Path

import pytest

from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.collector import Collector
from foleyline_server.runtime.lender import Lender
from foleyline_server.runtime.providers import CPU, CUDA


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lender(shelf: BundleShelf, clock: Clock) -> Lender:
    return Lender(shelf, Collector(merges=False), idle_s=60, clock=clock)


def test_a_bundle_is_loaded_once_and_let_go_when_nobody_uses_it(
    lender: Lender, shelf: BundleShelf, clock: Clock
) -> None:
    tiny = shelf.find("tiny")
    with lender.lend(tiny) as first:
        clock.now_s = 100
        lender.rest()
        assert shelf.loaded() == ("tiny",)
    clock.now_s = 159
    lender.rest()
    with lender.lend(tiny) as second:
        assert second is first
    clock.now_s = 219
    lender.rest()
    assert shelf.loaded() == ()
    with lender.lend(tiny) as third:
        assert third is not first


def test_room_is_made_by_the_one_used_least_lately_and_in_no_use(
    lender: Lender, shelf: BundleShelf
) -> None:
    tiny, busy = shelf.find("tiny"), shelf.find("busy")
    with lender.lend(tiny):
        assert not lender.make_room(tiny)
        assert not lender.make_room(busy)
    with lender.lend(busy):
        assert lender.make_room(busy)
    assert shelf.loaded() == ("busy",)


def test_what_does_not_fit_a_card_runs_on_the_cpu_if_that_is_wanted(tiny_folder: Path) -> None:
    from foleyline_server.runtime.session import RuntimeOptions

    options = RuntimeOptions((CUDA, CPU), threads=1)
    for required in (False, True):
        shelf = BundleShelf([tiny_folder], replace(options, required=required))
        lender = Lender(shelf, Collector(merges=True), idle_s=60)
        tiny = shelf.find("tiny")
        assert lender.provider(tiny) == CUDA
        assert lender.fall_back(tiny) is not required
        assert not lender.fall_back(tiny)
        if not required:
            assert lender.provider(tiny) == CPU
            with lender.lend(tiny) as bundle:
                assert bundle.provider == CPU

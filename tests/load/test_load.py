"""Load, small: that nothing is lost or doubled; load.py measures how long things take."""

import pytest


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_under_load() -> None:
    from load import load

    figures = load(count_clients=8, count_jobs=100, processes=2)
    assert (figures["jobs"], figures["lost"], figures["doubled"], figures["wrong"]) == (
        100,
        0,
        0,
        0,
    )
    assert all(figures[f"{name}_ms"]["count"] for name in ("ping", "status", "accepted", "cancel"))

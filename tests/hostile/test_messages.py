"""Mutated messages at a real server process; ``messages.py --count 100000`` is the long way."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from messages import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def check(report, count: int) -> None:
    print(*report.lines(), sep="\n")
    assert report.problems == []
    assert report.sent == count
    assert report.ping_waits_s
    assert report.answers["Failed message_malformed"]
    assert report.answers["Accepted"], "some came through"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_thousand(tmp_path):
    report = run(20_000, 2, tmp_path)
    check(report, 20_000)
    warm = max(report.memory_mib[: len(report.memory_mib) // 2])
    assert max(report.memory_mib) < 1.5 * warm

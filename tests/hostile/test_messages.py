"""Mutated messages at a real server process. ``-k thousands -s`` prints the figures."""

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
@pytest.mark.timeout(300)
def test_a_few(tmp_path):
    check(run(2000, 2, tmp_path), 2000)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hundred_thousands(tmp_path):
    report = run(100_000, 1, tmp_path)
    check(report, 100_000)
    warm = max(report.memory_mib[: len(report.memory_mib) // 2])
    assert max(report.memory_mib) < 1.5 * warm

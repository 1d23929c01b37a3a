"""One holder at a time, also among processes, and none after a crash."""

import subprocess
import sys

from foleyline_client.file_lock import FileLock

HOLD = """
import sys
from pathlib import Path
from foleyline_client.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.try_acquire(), flush=True)
sys.stdin.read()
"""


def test_one_at_a_time(tmp_path):
    path = tmp_path / "lock"
    first, second = FileLock(path), FileLock(path)
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    first.release()
    with second:
        assert second.try_acquire()
    assert first.try_acquire()
    first.release()


def test_a_killed_holder_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline().strip() == b"True"
        lock = FileLock(path)
        assert not lock.try_acquire()
        other.kill()
        other.wait()
        assert lock.try_acquire()
        lock.release()

import os
import subprocess
import sys

import pytest

from foleyline_contract.errors import StorageFailed
from foleyline_server.store.lock import FolderLock

HOLD = """
import sys
from pathlib import Path
from foleyline_server.store.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_server_is_told_of_the_first(tmp_path):
    FolderLock(tmp_path).close()
    lock = FolderLock(tmp_path)
    with pytest.raises(StorageFailed, match=rf"process {os.getpid()}\b.*uses the folder"):
        FolderLock(tmp_path)
    lock.close()
    FolderLock(tmp_path).close()


def test_a_killed_server_holds_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StorageFailed, match=f"process {other.pid}"):
            FolderLock(tmp_path)
        other.kill()
    FolderLock(tmp_path).close()

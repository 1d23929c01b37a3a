import subprocess
import sys
from pathlib import Path

import pytest

from foleyline_server.media.confinement import CPU_MAX_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")

HEAD = """
import errno, os, resource, socket, sys
from foleyline_server.media.confinement import confine, renew_time
"""


def confined(code: str) -> str:
    """What a process says that runs ``code``."""
    command = [sys.executable, "-c", HEAD + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def test_there_is_room_for_one_file_and_its_duplicate_only() -> None:
    said = confined("""
confine()
handed_over = os.open(sys.executable, os.O_RDONLY)
os.dup(handed_over)
for attempt in (lambda: os.open(sys.executable, os.O_RDONLY), socket.socket, os.pipe):
    try:
        attempt()
    except OSError as error:
        print(error.errno == errno.EMFILE)
""")
    assert said.split() == ["True"] * 3


def test_nothing_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "written"
    said = confined(f"""
stream = open({str(path)!r}, "wb", buffering=0)
confine()
try:
    stream.write(b"x")
except OSError as error:
    print(error.errno == errno.EFBIG)
""")
    assert said == "True" and path.read_bytes() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to this limit")
def test_memory_ends_before_the_machines_does() -> None:
    said = confined("""
confine()
part = bytearray(1 << 28)
try:
    whole = bytearray(4 << 30)
except MemoryError:
    print("full")
""")
    assert said == "full"


def test_computing_is_limited_from_now_on() -> None:
    said = confined("""
resource.setrlimit(resource.RLIMIT_CPU, (9, resource.RLIM_INFINITY))
renew_time()
print(*resource.getrlimit(resource.RLIMIT_CPU), resource.RLIM_INFINITY)
""")
    soft, hard, infinity = map(int, said.split())
    # Starting Python takes a second or two on a busy machine.
    assert CPU_MAX_S <= soft < CPU_MAX_S + 5 and hard == infinity

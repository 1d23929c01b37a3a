"""What a decoder process may use: little, whatever the file makes it do.

POSIX only; Windows knows none of these limits, there only the time is watched (by decoders.py).
macOS ignores the one on memory.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

DATA_MAX_BYTES = 4 << 30
"""ProRes 4444 with alpha, 8192 x 4320, takes 3.0 GB on eight threads; H.264 of 8K takes 1.3 GB."""
CPU_MAX_S = 300
"""Computing without a sign of progress, over all threads: ends what lost its server."""
_FILES = 2
"""Free descriptors: the file as it was handed over, and FFmpeg's duplicate of it."""


def confine() -> None:
    """Give up, for good, what decoding one file at a time does not need.

    To be called with everything imported: from now on no file can be opened.
    """
    if sys.platform == "win32":
        return
    import resource

    with suppress(OSError):  # Linux only: where memory runs out, decoders go before the server
        Path("/proc/self/oom_score_adj").write_text("1000")
    lowest_free = os.dup(0)
    os.close(lowest_free)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_DATA, DATA_MAX_BYTES),
        (resource.RLIMIT_NOFILE, lowest_free + _FILES),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def renew_time() -> None:
    """Allow CPU_MAX_S more seconds of computing from now on."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + CPU_MAX_S
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))

"""A reading process that some file kills, as a defect in a decoder would."""

import os
import signal

from foleyline_training.prepare import units, workers

DEADLY = "c.mkv"
_serve, _iter_clips = workers._serve, units.iter_clips


def serve(pipe):
    units.iter_clips = iter_clips
    _serve(pipe)


def iter_clips(path, *rest):
    for number, clip in enumerate(_iter_clips(path, *rest)):
        if path.name == DEADLY and number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield clip

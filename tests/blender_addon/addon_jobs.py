"""Jobs for tests of the add-on."""

from fractions import Fraction

from foleyline_addon import notices as n
from foleyline_addon.jobs import Job, State
from foleyline_addon.notebook import Note, Place

from foleyline_contract.messages import Clip, GenerateSettings

CLIP = Clip("/m.mp4", Fraction(0), Fraction(1))


def job(job_id="a", *, label="ball", frames=24, state=State.WAITING, takes=1):
    place = Place("id-" + job_id, label, "//m.mp4", 1, 1, 1 + frames, "Scene")
    note = Note(job_id, (place,), "film.blend", "/takes/x")
    return Job(note, GenerateSettings(seed=7, takes=takes), CLIP, state=state)


def take(job_id="a", number=0, takes=1):
    return n.TakeWritten(job_id, None, number, takes, 7, 480, -6.0, None, {})


CANCELLED = n.Problem("cancelled", "Cancelled.", "")
GONE = n.Problem("file_missing", "Gone.", "Relink.")

"""The server is killed again and again while an edit is filled; nothing is lost or doubled."""

from __future__ import annotations

import random
import time
from collections import Counter
from fractions import Fraction
from hashlib import sha256
from threading import Event, Thread

import pytest
from coded_video import steady, write_video
from stub_process import StubProcess

from foleyline_client.session import Session
from foleyline_client.transport import ZmqTransport
from foleyline_contract.errors import ServerLost
from foleyline_contract.messages import (
    Clip,
    Failed,
    GenerateSettings,
    JobCancelled,
    JobFinished,
    Origin,
    TakeFinished,
)

TAKES = 2
JOB_S = "0.4"
LIMIT_S = 240.0


def clips(path: str, cuts: int) -> list[Clip]:
    """The cuts of an edit: different stretches of one file."""
    return [Clip(path, Fraction(n, 25), Fraction(12 + n % 5, 25)) for n in range(cuts)]


class Filler:
    """A client that fills an edit and writes down what it hears."""

    def __init__(self, address: str, cuts: list[Clip]) -> None:
        self._session = Session(ZmqTransport(address))
        self._session.hello()
        self.takes: Counter[tuple[str, int]] = Counter()
        self.sounds: dict[tuple[int, int], str] = {}
        self.ends: dict[str, object] = {}
        settings = GenerateSettings(seed=7, takes=TAKES)
        self.jobs = [
            self._session.submit(cut, settings, Origin(strip=f"s{n}"), batch=True)
            for n, cut in enumerate(cuts)
        ]

    def listen(self) -> None:
        """Until every job has ended."""
        end_s = time.monotonic() + LIMIT_S
        while len(self.ends) < len(self.jobs) and time.monotonic() < end_s:
            try:
                envelope = self._session.poll(0.2)
            except ServerLost:
                continue
            message = envelope.message if envelope else None
            if isinstance(message, TakeFinished):
                self.takes[message.job_id, message.take] += 1
                cut = self.jobs.index(message.job_id)
                self.sounds[cut, message.take] = sha256(envelope.parts[0]).hexdigest()
            elif isinstance(message, JobFinished | JobCancelled | Failed):
                assert message.job_id not in self.ends
                self.ends[message.job_id] = message

    def finish(self) -> list:
        """Acknowledge, and return the server's own list of jobs."""
        listed = self._session.all_jobs()
        acknowledged = self._session.forget(self.jobs)
        assert sorted(acknowledged) == sorted(self.jobs)
        self._session.close()
        return list(listed)


def killer(server: StubProcess, kills: int, stop: Event, chance: random.Random) -> int:
    """Kill the server at random moments and start it again; how often it came to that."""
    for done in range(kills):
        if stop.wait(chance.uniform(0.0, 0.6)):
            return done
        server.kill()
        time.sleep(chance.uniform(0.0, 0.1))
        server.start()
    return kills


@pytest.mark.slow
@pytest.mark.parametrize(("cuts", "kills"), [(30, 50)])
@pytest.mark.timeout(600)
def test_kill_and_restart(tmp_path, cuts, kills):
    path = tmp_path / "shot.mp4"
    flashes = [220 if number % 11 == 5 else 20 for number in range(60)]
    write_video(path, steady(60, 25), levels=flashes)
    wanted = clips(str(path), cuts)
    server = StubProcess(tmp_path / "killed", "--job-s", JOB_S)
    server.start()
    try:
        filler = Filler(server.address, wanted)
        stop, counted = Event(), []
        chance = random.Random(4)
        hand = Thread(target=lambda: counted.append(killer(server, kills, stop, chance)))
        hand.start()
        filler.listen()
        stop.set()
        hand.join()
        assert len(filler.ends) == cuts
        assert all(isinstance(end, JobFinished) for end in filler.ends.values())
        assert filler.takes == {(job, take): 1 for job in filler.jobs for take in range(TAKES)}
        listed = filler.finish()
        assert [job.job_id for job in listed] == filler.jobs
        assert all(job.state == "finished" and job.takes_done == TAKES for job in listed)
        print(f"{counted[0]} kills during {cuts} cuts")
        assert counted[0] >= min(kills, 2)
    finally:
        server.close()
    assert filler.sounds == undisturbed(tmp_path, wanted)


def undisturbed(tmp_path, wanted: list[Clip]) -> dict[tuple[int, int], str]:
    """The same takes from a server that nobody kills."""
    server = StubProcess(tmp_path / "quiet", "--job-s", "0")
    server.start()
    try:
        filler = Filler(server.address, wanted)
        filler.listen()
        filler.finish()
        return filler.sounds
    finally:
        server.close()

"""A server that speaks the real protocol and answers with clicks; for tests of clients.

    python tests/fakes/fake_server.py --address tcp://127.0.0.1:* --job-s 2

Prints ``LISTENING <address>``. A take is a click every half second of picture, so that
position and length can be checked by ear and by eye.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from dataclasses import asdict
from math import exp, pi, sin
from uuid import uuid4

import zmq
from session import BUNDLE

from foleyline_contract import messages as m
from foleyline_contract.codec import Envelope, decode, encode, new_id
from foleyline_contract.errors import ERRORS_BY_CODE, FoleyError
from foleyline_contract.specs import TAKE_RATE_HZ

STEPS = 25


def clicks_pcm(sample_count: int) -> bytes:
    """24-bit PCM with a decaying 1 kHz click every half second, the first at sample 0."""
    click = [0.5 * exp(-i / 400) * sin(2 * pi * 1000 * i / TAKE_RATE_HZ) for i in range(4000)]
    data = bytearray(3 * sample_count)
    for start in range(0, sample_count, TAKE_RATE_HZ // 2):
        for i, value in enumerate(click[: sample_count - start]):
            data[3 * (start + i) : 3 * (start + i) + 3] = int(value * 8388607).to_bytes(
                3, "little", signed=True
            )
    return bytes(data)


class FakeServer:
    """One job at a time, in steps; never blocks, so cancel is answered at once."""

    def __init__(self, address: str, job_s: float, fail: str | None) -> None:
        self._socket = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.bind(address)
        self.address = self._socket.getsockopt(zmq.LAST_ENDPOINT).decode()
        self._step_s = job_s / STEPS
        self._fail = fail
        self._jobs: deque[tuple[bytes, str, m.Generate]] = deque()
        self._step = 0
        self._next_s = 0.0
        self._run_id = uuid4().hex
        self.stopped = False

    def turn(self) -> None:
        if self._socket.poll(10):
            peer, *parts = self._socket.recv_multipart()
            try:
                envelope = decode(parts)
            except FoleyError as error:
                self._send(peer, m.Failed(error.code, error.message, error.remedy), None)
            else:
                self._answer(peer, envelope)
        if self._jobs and time.monotonic() >= self._next_s:
            self._work()

    def _answer(self, peer: bytes, envelope: Envelope) -> None:
        match envelope.message:
            case m.Hello():
                welcome = m.Welcome(
                    "0.1.0",
                    (BUNDLE,),
                    BUNDLE.name,
                    ("CPUExecutionProvider",),
                    run_id=self._run_id,
                )
                self._send(peer, welcome, envelope.id)
            case m.Generate() as job:
                self._send(peer, m.Accepted(envelope.id, len(self._jobs)), envelope.id)
                self._jobs.append((peer, envelope.id, job))
            case m.Cancel(job_id=job_id):
                if any(job[1] == job_id for job in self._jobs):
                    if self._jobs[0][1] == job_id:
                        self._step = 0
                    self._jobs = deque(job for job in self._jobs if job[1] != job_id)
                    self._send(peer, m.JobCancelled(job_id), envelope.id)
            case m.Ping():
                self._send(peer, m.Pong(len(self._jobs), self._run_id), envelope.id)
            case m.Shutdown():
                self._send(peer, m.Goodbye(), envelope.id)
                self.stopped = True
            case _:
                pass

    def _work(self) -> None:
        peer, job_id, job = self._jobs[0]
        self._next_s = time.monotonic() + self._step_s
        self._step += 1
        if self._fail is not None and self._step > STEPS // 2:
            error = ERRORS_BY_CODE[self._fail]("The fake server was told to fail.")
            self._send(peer, m.Failed(error.code, error.message, error.remedy, job_id), job_id)
        elif self._step <= STEPS:
            progress = m.Progress(job_id, "sampling", self._step, STEPS, self._step / STEPS)
            self._send(peer, progress, job_id)
            return
        else:
            self._deliver(peer, job_id, job)
        self._jobs.popleft()
        self._step = 0

    def _deliver(self, peer: bytes, job_id: str, job: m.Generate) -> None:
        samples = job.clip.sample_count
        for take in range(job.settings.takes):
            provenance = {"bundle": BUNDLE.name, "settings": asdict(job.settings)}
            finished = m.TakeFinished(
                job_id,
                take,
                job.settings.takes,
                job.settings.seed + take,
                samples,
                -6.0,
                -0.1 * take,
                provenance,
            )
            self._send(peer, finished, job_id, clicks_pcm(samples))
        self._send(peer, m.JobFinished(job_id, STEPS * self._step_s), job_id)

    def _send(self, peer: bytes, message: m.Event, reply_to: str | None, *parts: bytes) -> None:
        envelope = Envelope(message, new_id(), reply_to, parts)
        self._socket.send_multipart([peer, *encode(envelope)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="tcp://127.0.0.1:*")
    parser.add_argument("--job-s", type=float, default=2.0)
    parser.add_argument("--fail", choices=sorted(ERRORS_BY_CODE))
    options = parser.parse_args()
    server = FakeServer(options.address, options.job_s, options.fail)
    print("LISTENING", server.address, flush=True)
    while not server.stopped:
        server.turn()


if __name__ == "__main__":
    main()

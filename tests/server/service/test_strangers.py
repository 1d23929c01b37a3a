"""Clients on other machines, and of other owners."""

import json
import socket
from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
import zmq
from raw_caller import Caller
from stub_engine import StubEngine

from foleyline_contract import messages as m
from foleyline_contract.codec import new_id
from foleyline_contract.errors import FileForbidden, InputError, MessageMalformed
from foleyline_server.service.asked import Asked
from foleyline_server.service.handlers import handle
from foleyline_server.service.keys import (
    AUTHORIZED_NAME,
    FORMAT,
    SERVER_KEY_NAME,
    Guard,
    KeyPair,
    load_server_keys,
    new_key_pair,
)
from foleyline_server.service.server import Limits, Server
from foleyline_server.store.store import Store

CLIP = m.Clip("/a.mp4", Fraction(0), Fraction(1))
REQUEST = m.Generate(CLIP, m.GenerateSettings(1))


def asked(message: m.Message, owner: str = "", local: bool = True, job: str = "") -> Asked:
    return Asked(b"line-" + owner.encode(), owner, local, job or new_id(), message)


@pytest.mark.parametrize("request_", [REQUEST, m.Probe("/a.mp4"), m.FindCuts(CLIP)])
def test_others_cannot_name_files_of_this_machine(serve, request_: m.Message) -> None:
    with serve(StubEngine()) as server:
        with pytest.raises(FileForbidden):
            handle(asked(request_, local=False), server.server._desk)
        assert not server.store.list("", m.ListJobs())


def test_others_cannot_end_the_server(serve) -> None:
    with serve(StubEngine()) as server:
        with pytest.raises(InputError, match="own machine"):
            handle(asked(m.Shutdown(), local=False), server.server._desk)
        assert server.call().ask(m.Ping()).message.jobs == 0


def test_nobody_knows_of_anothers_jobs(serve) -> None:
    with serve(StubEngine(job_s=60)) as server:
        records = server.server._records
        records.handle(asked(REQUEST, "ann", job="job1"))
        assert len(records.handle(asked(m.ListJobs(), "ann")).jobs) == 1
        assert records.handle(asked(m.ListJobs(), "bob")).jobs == ()
        assert records.handle(asked(m.Acknowledge(("job1",)), "bob")).job_ids == ()
        records.handle(asked(m.Cancel("job1"), "bob"))
        with pytest.raises(MessageMalformed):
            records.handle(asked(REQUEST, "bob", job="job1"))
        outbox = server.server._router.outbox
        told = []
        outbox.tell = lambda client, message, *_: told.append((client, message))
        records.handle(asked(m.Attach(("job1",)), "bob"))
        # Ann may hear of her job's progress at that very moment.
        assert [one for one in told if one[0] != b"line-ann"] == [(b"line-bob", m.JobList(()))]
        assert server.store.job("job1").state != "cancelled"


class Keyed(Caller):
    """A caller with keys."""

    def __init__(self, address: str, own: KeyPair, server: KeyPair) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt_string(zmq.CURVE_PUBLICKEY, own.public)
        self.socket.setsockopt_string(zmq.CURVE_SECRETKEY, own.secret)
        self.socket.setsockopt_string(zmq.CURVE_SERVERKEY, server.public)
        self.socket.connect(address)


def _own_address() -> str:
    """This machine's address as others know it; empty if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return probe.getsockname()[0]


def test_whoever_has_a_key_has_jobs_of_his_own(decoders, tmp_path: Path, movie: Path) -> None:
    pair, ann, bob = new_key_pair(), new_key_pair(), new_key_pair()
    content = {"foleyline_server_key": FORMAT, "public": pair.public, "secret": pair.secret}
    (tmp_path / SERVER_KEY_NAME).write_text(json.dumps(content))
    listed = tmp_path / AUTHORIZED_NAME
    listed.write_text(f"{ann.public} ann\n{bob.public} bob\n")
    guard = partial(Guard, keys=load_server_keys(tmp_path))
    clip = m.Clip(str(movie), Fraction(0), Fraction(1))
    with (
        closing(Store(tmp_path / "data", 1 << 30)) as store,
        Server(
            "tcp://0.0.0.0:*", StubEngine(), store, decoders, Limits(1 << 30, 1 << 20), guard
        ) as server,
    ):
        thread = Thread(target=server.run)
        thread.start()
        port = server.address.rpartition(":")[2]
        callers = [Keyed(f"tcp://127.0.0.1:{port}", own, pair) for own in (ann, bob)]
        for caller in callers:
            assert caller.ask(m.Hello("x")).message.opens_paths
        job_id = callers[0].send(m.Generate(clip, m.GenerateSettings(1)))
        callers[0].until(m.JobFinished, job_id)
        assert store.job(job_id).owner == ann.public
        assert callers[1].ask(m.ListJobs()).message.jobs == ()
        if host := _own_address():
            callers.append(Keyed(f"tcp://{host}:{port}", ann, pair))
            assert not callers[-1].ask(m.Hello("x")).message.opens_paths
            refused = callers[-1].ask(m.Generate(clip, m.GenerateSettings(1))).message
            assert refused.code == "file_forbidden"
        listed.write_text(f"{ann.public} ann\n")
        callers[1].send(m.Ping())
        assert callers[1].hears_nothing()
        assert callers[0].ask(m.Ping()).message.jobs == 0
        server.stop()
        thread.join(20)
        for caller in callers:
            caller.close()

"""A server that takes us for another machine's: keys, uploads, nothing by path."""

import socket
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
import soundfile

from foleyline_client.cli import main
from foleyline_client.key_file import read_key
from foleyline_client.launcher import connect
from foleyline_contract import messages as m
from foleyline_contract.errors import FileForbidden, InputError, ServerLost
from foleyline_server.keygen import make_client_key, make_server_keys
from foleyline_server.service.keys import Guard, load_server_keys


def outward_host() -> str | None:
    """An address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        host = probe.getsockname()[0]
    return None if host.startswith("127.") else host


pytestmark = pytest.mark.skipif(outward_host() is None, reason="needs a network interface")


@pytest.fixture
def far(start_server, tmp_path):
    """The options that reach it; the server's files are in ``store``."""
    make_server_keys(tmp_path / "keys")
    key = make_client_key(tmp_path / "keys", "ada")
    make_client_key(tmp_path / "keys", "bob")
    server = start_server(
        address=f"tcp://{outward_host()}:*",
        guard=partial(Guard, keys=load_server_keys(tmp_path / "keys")),
        folder=tmp_path / "store",
    )
    return ["--server", server.address, "--key", str(key)]


@pytest.fixture
def session(far):
    session, _ = connect(far[1], key=read_key(Path(far[3])), timeout_s=5)
    with session:
        yield session


def test_a_clip_is_sent_and_its_takes_come_back(far, film, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", str(film), "--takes", "2", "--seed", "7", *far]) == 0
    assert soundfile.info(tmp_path / "a-foley-2.wav").frames == 60_000
    assert "Sending a.mp4" in capsys.readouterr().err
    [sent] = [path for path in (tmp_path / "store" / "uploads").iterdir() if path.is_file()]
    assert sent.read_bytes() == film.read_bytes()
    assert main(["status", *far]) == 0
    assert "Files are sent to it" in capsys.readouterr().out


def test_the_key_may_come_from_the_environment(far, monkeypatch, capsys):
    monkeypatch.setenv("FOLEYLINE_KEY", far[3])
    assert main(["jobs", *far[:2]]) == 0
    monkeypatch.delenv("FOLEYLINE_KEY")
    assert main(["jobs", *far[:2]]) == 3


def test_no_file_is_named_by_its_path_and_no_server_ended_from_afar(session, film, far):
    with pytest.raises(FileForbidden):
        session.probe(str(film))
    job = session.submit(m.Clip(str(film), Fraction(0), Fraction(1)), m.GenerateSettings(1))
    with pytest.raises(FileForbidden):
        list(session.events(job))
    with pytest.raises(InputError):
        session.shutdown()


def test_each_client_has_its_own_jobs(far, film, tmp_path, capsys):
    assert main(["generate", str(film), "--detach", "--duration", "1", *far]) == 0
    bob = [*far[:2], "--key", str(tmp_path / "keys" / "bob.foleykey")]
    capsys.readouterr()
    assert main(["jobs", *bob]) == 0
    assert capsys.readouterr().out == "No jobs.\n"
    assert main(["jobs", *far]) == 0
    assert "a.mp4" in capsys.readouterr().out


def test_a_key_that_is_taken_back_ends_what_is_open(session, tmp_path):
    session.ping()
    (tmp_path / "keys" / "authorized_keys").write_text("")
    with pytest.raises(ServerLost):
        session.ping(0.5)

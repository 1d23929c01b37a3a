"""Who gets in with CURVE, and who gets nothing."""

import os
import socket
import stat
import sys

import pytest
import zmq

from foleyline_client.transport import ZmqTransport
from foleyline_contract.client_key import ClientKey
from foleyline_contract.errors import OutputUnwritable, ServerUnreachable, SettingInvalid
from foleyline_server import keygen
from foleyline_server.keygen import make_client_key, make_server_keys
from foleyline_server.service.keys import Guard, load_server_keys, new_key_pair, read_authorized


@pytest.fixture
def folder(tmp_path):
    make_server_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def ada(folder):
    return ClientKey.from_text(make_client_key(folder, "ada").read_text())


@pytest.fixture
def guarded(folder):
    """A protected ROUTER socket, its guard and its address."""
    with zmq.Context() as context:
        guard = Guard(context, load_server_keys(folder))
        with context.socket(zmq.ROUTER) as router:
            router.setsockopt(zmq.LINGER, 0)
            guard.protect(router)
            port = router.bind_to_random_port("tcp://127.0.0.1")
            yield router, guard, port
        guard.close()


@pytest.fixture
def connect(guarded):
    """Opens transports to the protected socket, and closes them."""
    transports = []

    def open_one(key) -> ZmqTransport:
        transports.append(ZmqTransport(f"tcp://127.0.0.1:{guarded[2]}", key))
        return transports[-1]

    yield open_one
    for transport in transports:
        transport.close()


def other(key: ClientKey, **changes: str) -> ClientKey:
    fields = {name: getattr(key, name) for name in ("name", "public", "secret", "server")}
    return ClientKey(**fields | changes)


def reaches(router, transport, wait_ms: int = 400) -> bool:
    transport.send([b"hello"])
    return bool(router.poll(wait_ms))


def test_a_known_key_gets_in_and_is_known_by_it(guarded, connect, ada):
    router, guard, _ = guarded
    line = connect(ada)
    line.send([b"hello"])
    assert router.poll(5000)
    client, frame = router.recv_multipart(copy=False)
    assert bytes(frame) == b"hello"
    assert frame.get("User-Id") == ada.public
    assert (guard.name_of(ada.public), guard.allows(ada.public)) == ("ada", True)
    router.send_multipart([bytes(client), b"welcome"])
    assert line.receive(5) == [b"welcome"]


def test_strangers_reach_nothing(guarded, connect, ada):
    """Without a key, with an unknown one, with somebody's public key, for another server."""
    router, _, _ = guarded
    stranger, another = new_key_pair(), new_key_pair()
    keys = [
        None,
        other(ada, public=stranger.public, secret=stranger.secret),
        other(ada, secret=stranger.secret),
        other(ada, server=another.public),
    ]
    lines = []
    for key in keys:
        lines.append(connect(key))
        lines[-1].send([b"hello"])  # at once: who was refused already cannot send any more
    assert not router.poll(700)
    for line, refusal in zip(lines, ["only clients with", "not accept", None, None], strict=True):
        if refusal is None:
            assert line.receive(0.05) is None
        else:
            with pytest.raises(ServerUnreachable, match=refusal):
                line.receive(5)
    assert reaches(router, connect(ada), 5000), "the guard still lets others in"


def test_other_mechanisms_reach_nothing(guarded):
    router, _, port = guarded
    with zmq.Context() as context, context.socket(zmq.DEALER) as plain:
        plain.setsockopt(zmq.LINGER, 0)
        plain.plain_username, plain.plain_password = b"ada", b"ada"
        plain.connect(f"tcp://127.0.0.1:{port}")
        plain.send(b"hello")
        assert not router.poll(400)
        assert not plain.poll(0)


NULL_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
CURVE_GREETING = NULL_GREETING.replace(b"NULL\0", b"CURVE")
READY = b"\x04\x29\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
MESSAGE = b"\x00\x05hello"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(4096),
        NULL_GREETING + READY + MESSAGE,
        CURVE_GREETING + READY + MESSAGE,
        CURVE_GREETING + MESSAGE * 100,
        CURVE_GREETING + b"\x04\xc8\x05HELLO" + os.urandom(194) + MESSAGE,
        CURVE_GREETING + b"\x06" + b"\xff" * 8 + b"\x05HELLO",
    ],
)
def test_raw_bytes_reach_nothing(guarded, sent):
    router, _, port = guarded
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.settimeout(0.3)
        raw.sendall(sent)
        said = b""
        try:
            while piece := raw.recv(4096):
                said += piece
        except OSError:
            pass
    assert not router.poll(100)
    assert b"hello" not in said
    assert len(said) <= 64 + 64, "no more than ZeroMQ's greeting and a refusal"


def test_the_list_is_read_again_when_it_changes(guarded, connect, ada, folder):
    router, guard, _ = guarded
    assert reaches(router, connect(ada), 5000)
    router.recv_multipart()
    bob = ClientKey.from_text(make_client_key(folder, "bob").read_text())
    assert reaches(router, connect(bob), 5000)
    router.recv_multipart()
    (folder / "authorized_keys").write_text(f"# gone: {ada.public} ada\n{bob.public} bob\n")
    assert not reaches(router, connect(ada))
    assert (guard.allows(ada.public), guard.allows(bob.public)) == (False, True)
    (folder / "authorized_keys").unlink()
    assert not reaches(router, connect(bob))
    assert not guard.allows(bob.public)


def test_the_lists_lines():
    first, second, third = "#" + "a" * 39, "b" * 40, "c" * 40
    text = f"# a comment\n\n{first} Ada L.\n  {second}\n#{third} off\n{third}\tno\nnonsense\n"
    assert read_authorized(text) == {first: "Ada L.", second: "unnamed"}


# ---- keygen ----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_only_the_owner_may_read_secrets(folder, ada):
    for name in ("server.key", "ada.foleykey", "authorized_keys"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_keys_are_never_overwritten(folder, ada):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OutputUnwritable, match="never overwritten"):
        make_server_keys(folder)
    with pytest.raises(OutputUnwritable, match="already"):
        make_client_key(folder, "ada")
    (folder / "ada.foleykey").unlink()
    with pytest.raises(OutputUnwritable, match="already"):
        make_client_key(folder, "ada")
    del before["ada.foleykey"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_list_whose_last_line_is_not_ended(folder, ada):
    with (folder / "authorized_keys").open("a") as stream:
        stream.write("# no newline")
    make_client_key(folder, "bob")
    assert set(read_authorized((folder / "authorized_keys").read_text()).values()) == {"ada", "bob"}


@pytest.mark.parametrize("name", ["", "../ada", "a b", "a\nb", ".ada", "a" * 65, "é"])
def test_names_that_will_not_do(folder, name):
    with pytest.raises(SettingInvalid, match="name"):
        make_client_key(folder, name)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b"[" * 100_000, b'{"public": "x"}'])
def test_what_is_no_servers_key(tmp_path, content):
    if content is not None:
        (tmp_path / "server.key").write_bytes(content)
    with pytest.raises(SettingInvalid) as caught:
        load_server_keys(tmp_path)
    assert "keygen" in caught.value.remedy


def test_the_command(tmp_path, capsys):
    folder = tmp_path / "deep" / "keys"
    assert keygen.main([str(folder), "--client", "ada", "--client", "bob"]) == 0
    said = capsys.readouterr().out
    assert f"foley-server --keys {folder}" in said
    assert "ada.foleykey" in said
    assert len(read_authorized((folder / "authorized_keys").read_text())) == 2
    assert keygen.main([str(folder), "--client", "cleo"]) == 0
    assert "The server's keys" not in capsys.readouterr().out
    assert keygen.main([str(folder)]) == 1
    assert "never overwritten" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert keygen.main([str(tmp_path / "file")]) == 1
    assert "may write" in capsys.readouterr().err

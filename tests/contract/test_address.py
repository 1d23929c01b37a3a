"""Only what plainly stays on this machine counts as loopback."""

import pytest

from foleyline_contract.address import DEFAULT_ADDRESS, DEFAULT_PORT, is_loopback


@pytest.mark.parametrize(
    "address",
    [
        DEFAULT_ADDRESS,
        f"tcp://localhost:{DEFAULT_PORT}",
        "tcp://LocalHost:1",
        "tcp://127.8.9.10:*",
        "tcp://[::1]:1",
        "tcp://[::ffff:127.0.0.1]:1",
    ],
)
def test_loopback(address):
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:1",
        "tcp://127.0.0.1",
        "tcp://*:1",
        "tcp://0.0.0.0:1",
        "tcp://[::]:1",
        "tcp://192.168.1.2:1",
        "tcp://localhost.example.org:1",
        "tcp://127.0.0.1.example.org:1",
        "tcp://127.0.0.1:0;10.0.0.1:1",
        "tcp://10.0.0.1;127.0.0.1:1",
        "tcp://127.1:1",
        "tcp://[::1%eth0]:1",
        "ipc:///tmp/x",
        "tcp://127.0.0.1:1\n",
        "http://127.0.0.1:1",
    ],
)
def test_everything_else_is_not(address):
    assert not is_loopback(address)

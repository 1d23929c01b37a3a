"""The real socket, on random ports."""

import socket
import threading
import time
from fractions import Fraction

import pytest
import zmq

from foleyline_client.session import Session
from foleyline_client.transport import ZmqTransport
from foleyline_contract import messages as m
from foleyline_contract.errors import FoleyError, ServerUnreachable, SettingInvalid


@pytest.fixture
def router():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        yield socket


@pytest.fixture
def transport(router):
    port = router.bind_to_random_port("tcp://127.0.0.1")
    transport = ZmqTransport(f"tcp://127.0.0.1:{port}")
    yield transport
    transport.close()


def test_parts_travel_both_ways(router, transport):
    transport.send([b"header", b"", b"\0" * 5_000_000])
    client, *parts = router.recv_multipart()
    assert parts == [b"header", b"", b"\0" * 5_000_000]
    router.send_multipart([client, b"answer", b"pcm"])
    assert transport.receive(5) == [b"answer", b"pcm"]


def test_receive_waits_no_longer_than_asked(transport):
    began = time.monotonic()
    assert transport.receive(0.05) is None
    assert transport.receive(0) is None
    assert 0.04 < time.monotonic() - began < 1


def bind_again(server, address: str) -> None:
    """The last owner's socket closes a moment after its close() returns."""
    for _ in range(100):
        try:
            server.bind(address)
            return
        except zmq.ZMQError:
            time.sleep(0.02)
    pytest.fail("the address stays taken")


def free_address() -> str:
    """An address nobody listens on.

    By a plain socket, which is gone when close() returns. A ZeroMQ socket listens on for a
    moment, and takes what is sent to it down with it.
    """
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{plain.getsockname()[1]}"


def deliver(transport: ZmqTransport, server, word: bytes) -> None:
    """Send until something comes through: what goes out on a dying line dies with it.

    ZeroMQ keeps messages for a peer that is away, but not those already handed to a
    connection that then turns out to be dead; the session's heartbeat is there for those.
    """
    for _ in range(25):
        transport.send([word])
        if server.poll(200):
            return
    pytest.fail("the line stays dead")


def test_server_may_come_later_and_come_again():
    with zmq.Context() as context:
        address = free_address()
        transport = ZmqTransport(address)
        try:
            for word in (b"one", b"two"):
                with context.socket(zmq.ROUTER) as server:
                    bind_again(server, address)
                    deliver(transport, server, word)
                    client, *parts = server.recv_multipart()
                    assert parts == [word]
                    server.send_multipart([client, word])
                    assert (transport.receive(5) or transport.receive(5)) == [word]
        finally:
            transport.close()


def test_a_line_that_was_made_anew_says_so():
    with zmq.Context() as context:
        address = free_address()
        transport = ZmqTransport(address)
        try:
            for renewed in (False, True):
                with context.socket(zmq.ROUTER) as server:
                    bind_again(server, address)
                    deliver(transport, server, b"here?")
                    assert transport.was_renewed() == renewed
                    assert not transport.was_renewed()
                assert not transport.was_refused
        finally:
            transport.close()


def test_what_is_sent_before_the_server_comes_waits_for_it():
    with zmq.Context() as context:
        address = free_address()
        transport = ZmqTransport(address)
        try:
            transport.send([b"early"])
            with context.socket(zmq.ROUTER) as server:
                bind_again(server, address)
                assert server.poll(5000)
                assert server.recv_multipart()[1:] == [b"early"]
        finally:
            transport.close()


@pytest.mark.parametrize(
    "address", ["", "nonsense", "tcp://", "tcp://127.0.0.1", "tcp://a b:1", "é"]
)
def test_no_address(address):
    with pytest.raises(SettingInvalid) as caught:
        ZmqTransport(address)
    assert "tcp://" in caught.value.remedy


def test_one_thread_owns_it(transport):
    transport.receive(0)
    caught = []

    def use() -> None:
        try:
            transport.send([b"x"])
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert caught


def test_it_may_be_made_in_one_thread_and_used_in_another(router, transport):
    thread = threading.Thread(target=transport.send, args=([b"x"],))
    thread.start()
    thread.join()
    assert router.recv_multipart()[1:] == [b"x"]


def test_closing_is_quick_without_a_server_and_delivers_with_one(router):
    port = router.bind_to_random_port("tcp://127.0.0.1")
    transport = ZmqTransport(f"tcp://127.0.0.1:{port}")
    transport.send([b"hello"])
    router.recv_multipart()
    transport.send([b"cancel"])
    transport.close()
    assert router.poll(5000)
    assert router.recv_multipart()[1:] == [b"cancel"]
    router.close()
    dead = ZmqTransport(f"tcp://127.0.0.1:{port}")
    dead.send([b"x"])
    began = time.monotonic()
    dead.close()
    assert time.monotonic() - began < 1


def test_session_over_a_real_line(start_server, film):
    server = start_server()
    with Session(ZmqTransport(server.address)) as session:
        assert session.hello().default_bundle == "mini"
        clip = m.Clip(str(film), Fraction(0), Fraction(1))
        job = session.submit(clip, m.GenerateSettings(seed=7, takes=2))
        events = [envelope.message for envelope in session.events(job)]
    takes = [event for event in events if isinstance(event, m.TakeFinished)]
    assert [take.seed for take in takes] == [7, 8]


def test_something_else_listens_there():
    """A program of another kind never answers; that is no crash and no endless wait."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with Session(ZmqTransport(address)) as session, pytest.raises(ServerUnreachable):
            session.hello(0.2)
    assert issubclass(ServerUnreachable, FoleyError)


def hang_up(listener: socket.socket, times: int) -> None:
    """Take as many lines, and end each before anything is said."""
    for _ in range(times):
        line, _ = listener.accept()
        line.close()


@pytest.mark.parametrize(("times", "refused"), [(2, False), (3, True)])
def test_who_hangs_up_again_and_again_wants_a_key(times, refused):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = ZmqTransport(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        caller = threading.Thread(target=hang_up, args=(listener, times))
        caller.start()
        try:
            if refused:
                with pytest.raises(ServerUnreachable, match="only clients with a key"):
                    transport.receive(5)
            else:
                assert transport.receive(1) is None
        finally:
            caller.join()
            transport.close()

from threading import Event as Flag

import pytest

from foleyline_contract import messages as m
from foleyline_contract.errors import FileMissing, ServerBusy
from foleyline_server.service.asked import Asked
from foleyline_server.service.clerk import Clerk
from foleyline_server.service.outbox import Outbox


def asked(number: int, path: str) -> Asked:
    return Asked(b"me", "", True, str(number), m.Probe(path))


def look(asked: Asked) -> m.Pong | None:
    """Knows one file, tells of one by itself, and cannot cope with another."""
    path = asked.message.path
    if path == "/there.mp4":
        return m.Pong(jobs=3)
    if path == "/defect.mp4":
        raise ZeroDivisionError
    if path == "/told.mp4":
        return None
    raise FileMissing("There is no file.")


def test_every_question_is_answered_in_order() -> None:
    answered = Flag()
    outbox = Outbox(lambda: answered.set() if len(outbox._waiting) == 4 else None)
    clerk = Clerk("files", look, outbox, 9)
    paths = ("/there.mp4", "/none.mp4", "/defect.mp4", "/told.mp4", "/there.mp4")
    for number, path in enumerate(paths):
        clerk.ask(asked(number, path))
    clerk.start()
    assert answered.wait(10)
    clerk.close()
    clerk.join(10)
    sent = outbox.take_all()
    assert [item.envelope.reply_to for item in sent] == ["0", "1", "2", "4"]
    there, missing, defect, again = (item.envelope.message for item in sent)
    assert there == again == m.Pong(jobs=3)
    assert isinstance(missing, m.Failed) and missing.code == "file_missing"
    assert isinstance(defect, m.Failed) and defect.code == "server"


def test_more_than_it_keeps_are_refused() -> None:
    clerk = Clerk("files", look, Outbox(lambda: None), 1)
    clerk.ask(asked(0, "/there.mp4"))
    with pytest.raises(ServerBusy):
        clerk.ask(asked(1, "/there.mp4"))

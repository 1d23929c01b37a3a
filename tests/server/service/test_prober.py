from fractions import Fraction

from foleyline_contract.errors import FileMissing
from foleyline_contract.messages import Failed, Probed
from foleyline_server.service.outbox import Outbox
from foleyline_server.service.prober import Prober

SHOWN = Probed(Fraction(3), Fraction(25), 64, 48, has_sound=False)


def look(path: str) -> Probed:
    """A decoder that knows one file, and a file that it cannot cope with."""
    if path == "/there.mp4":
        return SHOWN
    if path == "/defect.mp4":
        raise ZeroDivisionError
    raise FileMissing("There is no file.")


def test_every_question_is_answered_in_order() -> None:
    outbox = Outbox(lambda: None)
    prober = Prober(outbox, look)
    for number, path in enumerate(("/there.mp4", "/none.mp4", "/defect.mp4", "/there.mp4")):
        prober.ask(b"me", str(number), path)
    prober.close()
    prober.start()
    prober.join(10)
    sent = outbox.take_all()
    assert [(item.client, item.envelope.reply_to) for item in sent] == [
        (b"me", str(number)) for number in range(4)
    ]
    shown, missing, defect, again = (item.envelope.message for item in sent)
    assert shown == again == SHOWN
    assert isinstance(missing, Failed) and missing.code == "file_missing"
    assert isinstance(defect, Failed) and defect.code == "server"

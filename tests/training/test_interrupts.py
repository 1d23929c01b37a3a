import signal
import threading

import pytest

from foleyline_training.interrupts import SIGNALS, Interrupts, sigterm_as_ctrl_c


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_are_noted(number):
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        assert not interrupts.is_asked()
        for _ in range(3):
            signal.raise_signal(number)
        assert interrupts.is_asked()
    assert signal.getsignal(number) is before


def test_sigterm_reaches_finally():
    reached = []
    with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            reached.append(True)
    assert reached == [True]


def test_other_threads_have_no_signals():
    asked = []

    def enter():
        with Interrupts() as interrupts:
            asked.append(interrupts.is_asked())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert asked == [False]

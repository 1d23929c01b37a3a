import json
import logging
from collections.abc import Callable

import pytest

from foleyline_server import log

_log = logging.getLogger("foleyline_server.test")


@pytest.fixture
def said(monkeypatch, capsys):
    """Begins to log in a format; gives what was logged since."""
    root = logging.getLogger()
    level = root.level

    def begin(style: str) -> Callable[[], str]:
        monkeypatch.setattr(root, "handlers", [])
        log.configure("info", style)
        return lambda: capsys.readouterr().err

    yield begin
    root.setLevel(level)


def test_an_event_and_its_facts_are_one_line(said) -> None:
    lines = said("text")
    log.note(_log, "queued", job="a1", ahead=2, work_s=0.12345, detail='two words "here"')
    log.note(_log, "forged", client="x\nINFO finished job=b2", level=logging.DEBUG)
    log.note(_log, "forged", client="x\nINFO finished job=b2")
    first, second = lines().splitlines()
    assert first.endswith(' INFO queued job=a1 ahead=2 work_s=0.123 detail="two words \\"here\\""')
    assert second.endswith(' INFO forged client="x\\nINFO finished job=b2"')


def test_every_line_of_a_job_names_it(said) -> None:
    lines = said("text")
    with log.about("a1"):
        _log.warning("The bundle %r was let go.", "tiny")
        log.note(_log, "told", job="b2")
    _log.info("after")
    assert [line.split("foleyline")[0][24:] for line in lines().splitlines()] == [
        "WARNING The bundle 'tiny' was let go. job=a1",
        "INFO told job=b2",
        "INFO after",
    ]


def test_json_is_json_with_traces_too(said) -> None:
    lines = said("json")
    try:
        raise ValueError("broken")
    except ValueError:
        with log.about("a1"):
            _log.exception("defect")
    line = json.loads(lines())
    assert (line["level"], line["event"], line["job"]) == ("error", "defect", "a1")
    assert line["trace"].endswith("ValueError: broken") and line["time_unix_s"] > 0

"""Jobs as people see and name them."""

from fractions import Fraction

import pytest

from foleyline_client.job_table import find_jobs, label_of, short_ids, table
from foleyline_client.wording import bytes_text, duration_text
from foleyline_contract import messages as m
from foleyline_contract.errors import SettingInvalid


def info(job_id, path="/films/door.mp4", label="", state="queued", message=""):
    request = m.Generate(
        m.Clip(path, Fraction(0), Fraction(1)), m.GenerateSettings(1, 3), m.Origin(label=label)
    )
    return m.JobInfo(job_id, state, request, "mini", 0.456, 1, False, 1000.0, None, "", message)


def test_labels():
    assert label_of(info("a")) == "door.mp4"
    assert label_of(info("a", path="C:\\films\\door.mp4")) == "door.mp4"
    assert label_of(info("a", label="Door slam")) == "Door slam"


def test_ids_are_as_long_as_they_have_to_be():
    ids = ["a" * 32, "a" * 9 + "b" * 23, "c"]
    assert short_ids(map(info, ids)) == {ids[0]: "a" * 10, ids[1]: "a" * 9 + "b", "c": "c"}
    assert short_ids([]) == {}


def test_beginnings_of_ids():
    infos = [info("abc1"), info("abd2"), info("ab")]
    assert find_jobs(infos, ["abd", "abc1", "abd2"]) == [infos[1], infos[0]]
    assert find_jobs(infos, ["ab"]) == [infos[2]], "all of an id means that job"
    with pytest.raises(SettingInvalid, match="Several"):
        find_jobs(infos[:2], ["ab"])
    for beginning in ("x", ""):
        with pytest.raises(SettingInvalid):
            find_jobs(infos, [beginning])


def test_the_table():
    infos = [
        info("1" * 32),
        info("2" * 32, label="x" * 99, state="failed", message="It\x1b[2J\nbroke."),
    ]
    headings, first, second = table(infos, clock=lambda: 1000.0 + 3 * 3600 + 120)
    assert first.split() == ["11111111", "queued", "door.mp4", "1/3", "46%", "3", "h", "2", "min"]
    assert second.endswith("3 h 2 min  It [2J broke.")
    assert second.index("1/3") == headings.index("TAKES")
    assert len(second) < 100


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (123_456_789, "123 MB"),
        (2 * 10**12, "2.0 TB"),
    ],
)
def test_sizes(count, text):
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (3660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_times(seconds, text):
    assert duration_text(seconds) == text

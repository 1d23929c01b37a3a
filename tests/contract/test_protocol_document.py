"""docs/protocol.md and the code say the same."""

import json
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from foleyline_contract import address, codec, messages, version
from foleyline_contract.errors import ERRORS_BY_CODE

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
OBJECTS = {
    "clip": messages.Clip,
    "generate settings": messages.GenerateSettings,
    "bundle info": messages.BundleInfo,
    "origin": messages.Origin,
    "job info": messages.JobInfo,
}
KINDS = {f"`{name}`": kind for name, kind in codec.MESSAGE_TYPES.items()} | OBJECTS


def section(title: str) -> str:
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", TEXT, re.M | re.S)
    assert match, f"no section {title}"
    return match[1]


def rows(text: str) -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return cells[2:]


def type_words(kind: Any) -> str:
    options = get_args(kind)
    if isinstance(kind, types.UnionType):
        return f"{type_words(options[0])} or null"
    if get_origin(kind) is tuple:
        return f"list of {type_words(options[0])}"
    if get_origin(kind) is Mapping or is_dataclass(kind):
        return "object"
    return {str: "string", int: "int", float: "float", bool: "bool", Fraction: "fraction"}[kind]


def test_version():
    assert re.search(r"^Protocol version: \*\*(\d+)\*\*$", TEXT, re.M)[1] == str(
        version.PROTOCOL_VERSION
    )
    changes = re.findall(r"^- \*\*(\d+)\*\*", section("Changes"), re.M)
    assert changes[0] == str(version.PROTOCOL_VERSION)


def test_messages_are_the_same_and_on_the_right_side():
    requests, events = TEXT.split("\n## Events\n")
    requests = requests.split("\n## Requests\n")[1]
    events = events.split("\n## ")[0]
    for text, union in ((requests, messages.Request), (events, messages.Event)):
        names = re.findall(r"^### `(\w+)`$", text, re.M)
        assert [codec.MESSAGE_TYPES[name] for name in names] == list(get_args(union))


@pytest.mark.parametrize("title", KINDS)
def test_fields_are_the_same(title):
    kind = KINDS[title]
    hints = get_type_hints(kind)
    documented = {row[0].strip("`"): row for row in rows(section(title))}
    assert list(documented) == [item.name for item in fields(kind)]
    for item in fields(kind):
        _, words, default, meaning = documented[item.name]
        assert words == type_words(hints[item.name]), item.name
        needed = item.default is MISSING and item.default_factory is MISSING
        assert (default == "") == needed, item.name
        if item.default is None or isinstance(item.default, bool | int):
            assert default in (json.dumps(item.default), "sender's"), item.name
        assert meaning


def test_error_codes_are_the_same():
    table = {row[0].strip("`"): row[2] for row in rows(section("Error codes"))}
    assert table == {code: kind.default_remedy for code, kind in ERRORS_BY_CODE.items()}


def test_numbers_are_the_same():
    limits = section("Limits")
    for number in (
        codec.HEADER_MAX_BYTES,
        codec.DEPTH_MAX,
        codec.PARTS_MAX,
        codec.PART_MAX_BYTES,
        messages.CLIP_DURATION_MAX_S,
        messages.PATH_MAX_CHARS,
        messages.TAKES_MAX,
        messages.SEED_MAX,
        messages.STEPS_MAX,
        int(messages.CFG_SCALE_MAX),
        int(messages.ALIGN_SCALE_MAX),
        int(messages.LOUDNESS_MIN_LUFS),
        int(messages.LOUDNESS_MAX_LUFS),
        messages.JOBS_PER_LIST,
        messages.NAME_MAX_CHARS,
        messages.UPLOAD_CHUNK_BYTES,
    ):
        assert re.search(rf"(?<!\d){number}\b", limits), number
    assert address.DEFAULT_ADDRESS in TEXT
    assert f"to {codec.ID_MAX_CHARS} ASCII" in TEXT
    assert f"{messages.SILENCE_DBFS:.0f}" in section("`take_finished`")


def test_stages_are_the_same():
    stages = re.findall(
        r"`(\w+)`", next(r[3] for r in rows(section("`progress`")) if r[0] == "`stage`")
    )
    assert tuple(stages) == messages.PROGRESS_STAGES


@pytest.mark.parametrize(
    ("title", "field", "words"),
    [
        ("`list_jobs`", "states", messages.JOB_STATES),
        ("job info", "state", messages.JOB_STATES),
        ("`take_finished`", "flags", messages.TAKE_FLAGS),
    ],
)
def test_words_are_the_same(title, field, words):
    meaning = next(row[3] for row in rows(section(title)) if row[0] == f"`{field}`")
    assert tuple(re.findall(r"`(\w+)`", meaning)) == words

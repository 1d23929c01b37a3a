"""Every message survives the wire; nothing that is not a message does."""

import json
import random
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from foleyline_contract import messages as m
from foleyline_contract.codec import (
    DEPTH_MAX,
    HEADER_MAX_BYTES,
    MESSAGE_TYPES,
    PARTS_MAX,
    Envelope,
    decode,
    encode,
    new_id,
    read_header,
)
from foleyline_contract.errors import (
    FoleyError,
    MessageMalformed,
    ProtocolMismatch,
    SettingInvalid,
    SpanOutside,
)
from foleyline_contract.version import PROTOCOL_VERSION

WITHIN = {
    "seed": 7,
    "takes": 2,
    "steps": 25,
    "cfg_scale": 4.5,
    "align_scale": 50.0,
    "loudness_lufs": -23.0,
    "variation": 0.25,
    "upload": "0a" * 32,
    "sha256": "0b" * 32,
    "size_bytes": 9,
    "offset_bytes": 4,
    "limit": 3,
    "states": ("queued",),
}


def make(kind: Any, chance: random.Random, name: str = "") -> Any:
    """Some sound value of a field's type."""
    if name in WITHIN:
        return WITHIN[name]
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{f.name: make(hints[f.name], chance, f.name) for f in fields(kind)})
    options = get_args(kind)
    if type(None) in options:
        return chance.choice([None, make(options[0], chance)])
    if get_origin(kind) is tuple:
        return tuple(make(options[0], chance) for _ in range(chance.randrange(3)))
    if get_origin(kind) is Mapping:
        return {"deep": {"list": [1, 2.5, None, "ü\ud800", True]}}
    return {
        str: lambda: "".join(chance.choices(string.printable + "äß漢😀", k=9)),
        int: lambda: chance.randrange(10**6),
        bool: lambda: chance.random() < 0.5,
        float: lambda: chance.uniform(-1e3, 1e3),
        Fraction: lambda: Fraction(chance.randrange(1, 10**12), chance.randrange(10**9, 10**12)),
    }[kind]()


def header(**changes: object) -> bytes:
    value = {
        "protocol": PROTOCOL_VERSION,
        "type": "ping",
        "id": "a1",
        "reply_to": None,
        "body": {},
    }
    return json.dumps(value | changes).encode()


def generate_body(**changes: object) -> dict[str, Any]:
    clip = {"path": "/a.mp4", "start_s": "0/1", "duration_s": "1/1", "speed": "1/1"}
    settings: dict[str, object] = {"seed": 1}
    for name, value in changes.items():
        (clip if name in clip else settings)[name] = value  # type: ignore[assignment]
    return {"clip": clip, "settings": settings}


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_every_message_survives(name):
    for seed in range(20):
        chance = random.Random(f"{name}{seed}")
        message = make(MESSAGE_TYPES[name], chance)
        parts = tuple(chance.randbytes(chance.randrange(9)) for _ in range(chance.randrange(3)))
        envelope = Envelope(message, new_id(), chance.choice([None, new_id()]), parts)
        assert decode(encode(envelope)) == envelope


@pytest.mark.parametrize("name", MESSAGE_TYPES)
def test_every_field_without_default_is_needed_and_unknown_ones_are_ignored(name):
    kind = MESSAGE_TYPES[name]
    parts = encode(Envelope(make(kind, random.Random(1)), "a1"))
    value = json.loads(parts[0])
    value["body"]["from_the_future"] = value["from_the_future"] = [1]
    decode([json.dumps(value).encode()])
    for item in fields(kind):
        body = {key: inner for key, inner in value["body"].items() if key != item.name}
        shorter = json.dumps(value | {"body": body}).encode()
        if item.default is MISSING and item.default_factory is MISSING:
            with pytest.raises(MessageMalformed, match=item.name):
                decode([shorter])
        else:
            decode([shorter])


def test_wire_names():
    assert MESSAGE_TYPES["take_finished"] is m.TakeFinished
    assert set(MESSAGE_TYPES.values()) == {*get_args(m.Request), *get_args(m.Event)}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b""],
        [b"\xff\xfe"],
        [b"null"],
        [b"[]"],
        [b"{}"],
        [b'"' * 9],
        [b"{" * 100_000],
        [b"[" * 100_000 + b"]" * 100_000],
        [json.dumps({"a": 1}).encode("utf-16")],
        [b"\xef\xbb\xbf" + header()],
        [header() + b" " * HEADER_MAX_BYTES],
        [header()] * (PARTS_MAX + 1),
        [header(protocol="1")],
        [header(protocol=True)],
        [header(protocol=1.0)],
        [header(protocol=-1)],
        [header(protocol=10**30)],
        [header(protocol=None)],
        [header(type=None)],
        [header(type=["ping"])],
        [header(type="pingpong")],
        [header(type="x" * 10_000)],
        [header(id="")],
        [header(id="a" * 65)],
        [header(id="a b")],
        [header(id="é")],
        [header(id=7)],
        [header(reply_to=7)],
        [header(reply_to="")],
        [header(body=None)],
        [header(body=[])],
        [header().replace(b"{}", b'{"x": NaN}')],
        [header().replace(b"{}", b'{"x": -Infinity}')],
        [header().replace(b"{}", b'{"x": 1e999}')],
        [header().replace(b"{}", b'{"x": ' + b"9" * 5000 + b"}")],
    ],
)
def test_what_is_no_message_is_malformed(parts):
    with pytest.raises(MessageMalformed) as caught:
        decode(parts)
    assert len(caught.value.message) < 300


def test_nesting_is_limited_exactly():
    def nested(depth: int) -> bytes:
        inner: object = 1
        for _ in range(depth):
            inner = {"a": inner}
        return header(body=inner)

    read_header([nested(DEPTH_MAX - 1)])
    with pytest.raises(MessageMalformed, match="deeply"):
        read_header([nested(DEPTH_MAX)])


@pytest.mark.parametrize(
    "changes",
    [
        {"start_s": 0.0},
        {"start_s": "0"},
        {"start_s": "0/0"},
        {"start_s": "0/-1"},
        {"start_s": "1/2/3"},
        {"start_s": "١/٢"},
        {"start_s": "1_0/1"},
        {"start_s": " 1/1"},
        {"start_s": "9" * 65 + "/1"},
        {"start_s": "1/" + "9" * 100_000},
        {"seed": 1.0},
        {"seed": True},
        {"seed": "1"},
        {"seed": None},
        {"path": None},
        {"path": 7},
        {"cfg_scale": "4"},
        {"cfg_scale": 10**400},
        {"cfg_scale": True},
        {"sampler": 7},
        {"vocoder": 7},
    ],
)
def test_values_of_another_type_are_malformed(changes):
    with pytest.raises(MessageMalformed):
        decode([header(type="generate", body=generate_body(**changes))])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"path": ""}, SettingInvalid),
        ({"path": "a\0b"}, SettingInvalid),
        ({"path": "a" * 40_000}, SettingInvalid),
        ({"start_s": "-1/1"}, SpanOutside),
        ({"start_s": "-" + "9" * 64 + "/1"}, SpanOutside),
        ({"duration_s": "0/1"}, SpanOutside),
        ({"duration_s": "1/1000000000"}, SpanOutside),
        ({"duration_s": "9" * 64 + "/1"}, SpanOutside),
        ({"speed": "0/1"}, SettingInvalid),
        ({"seed": -1}, SettingInvalid),
        ({"seed": 2**31}, SettingInvalid),
        ({"seed": 10**4000}, SettingInvalid),
        ({"takes": 0}, SettingInvalid),
        ({"takes": 9}, SettingInvalid),
        ({"steps": 0}, SettingInvalid),
        ({"cfg_scale": -0.1}, SettingInvalid),
        ({"align_scale": 501}, SettingInvalid),
    ],
)
def test_values_out_of_range_say_so(changes, error):
    with pytest.raises(error):
        decode([header(type="generate", body=generate_body(**changes))])


def test_noise_never_crashes():
    """Headers with random bytes changed are decoded or refused, and nothing else happens."""
    chance = random.Random(4)
    sound = header(type="generate", body=generate_body())
    for _ in range(3000):
        noisy = bytearray(sound)
        for _ in range(chance.randrange(1, 6)):
            noisy[chance.randrange(len(noisy))] = chance.choice(b'{}[]",:0/-e.\\\xff\x00n')
        with suppress(FoleyError):
            decode([bytes(noisy)])


def test_what_a_request_leaves_out_has_its_default():
    asked = decode([header(type="generate", body=generate_body())]).message
    assert asked == m.Generate(m.Clip("/a.mp4", Fraction(0), Fraction(1)), m.GenerateSettings(1))


def test_another_protocol_version_is_told_apart():
    with pytest.raises(ProtocolMismatch, match="99"):
        decode([header(protocol=99, type="whatever", body=None)])


def test_what_cannot_be_read_is_not_written():
    clip = m.Clip("/a", Fraction(1, 3**200), Fraction(1))
    with pytest.raises(ValueError, match="fraction"):
        encode(Envelope(m.Generate(clip, m.GenerateSettings(seed=1)), "a1"))
    take = m.TakeFinished("j", 0, 1, 7, 1, float("-inf"), None)
    with pytest.raises(ValueError, match="JSON"):
        encode(Envelope(take, "a1"))


def test_products_of_floats_survive():
    """Speeds and frame rates come from 32-bit floats; a span is a product of some."""
    start_s = Fraction(1.001) * Fraction(23.976) * Fraction(0.333)
    clip = m.Clip("/a", start_s, Fraction(1), Fraction(0.7))
    envelope = Envelope(m.Generate(clip, m.GenerateSettings(seed=1)), "a1")
    assert decode(encode(envelope)) == envelope

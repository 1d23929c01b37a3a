"""The file that an artist gets for a server on another machine."""

import json

import pytest

from foleyline_contract.client_key import ClientKey, is_key
from foleyline_contract.errors import SettingInvalid

KEY = ClientKey("Ada", "a" * 40, "b" * 40, "#" + "c" * 39)


def test_it_comes_back():
    assert ClientKey.from_text(KEY.to_text()) == KEY


def test_its_secret_is_not_shown():
    assert KEY.secret not in repr(KEY)
    assert KEY.secret not in str(KEY)


@pytest.mark.parametrize("value", ["a" * 39, "a" * 41, "a" * 39 + " ", "a" * 39 + "é", None, 40])
def test_what_is_no_key(value):
    assert not is_key(value)
    fields = json.loads(KEY.to_text()) | {"public": value}
    with pytest.raises(SettingInvalid, match="damaged"):
        ClientKey.from_text(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[" * 100_000, '{"foleyline_key": 2}'])
def test_what_is_no_key_file(text):
    with pytest.raises(SettingInvalid, match="no Foleyline key") as caught:
        ClientKey.from_text(text)
    assert "keygen" in caught.value.remedy

"""Which key is used, and what is said when there is none."""

import logging
import sys

import pytest

from foleyline_client.key_file import chosen_key, is_open_to_others, read_key
from foleyline_contract.address import DEFAULT_ADDRESS
from foleyline_contract.client_key import ClientKey
from foleyline_contract.errors import SettingInvalid

KEY = ClientKey("ada", "a" * 40, "b" * 40, "c" * 40)
FAR = "tcp://192.0.2.1:19347"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ada.foleykey"
    path.touch(0o600)
    path.write_text(KEY.to_text())
    return path


def test_the_one_that_is_named_then_the_environments(path):
    there = {"FOLEYLINE_KEY": str(path)}
    assert chosen_key(str(path), FAR, {}) == KEY
    assert chosen_key(None, FAR, there) == KEY
    assert chosen_key(None, FAR, {}) is None
    assert chosen_key(str(path), DEFAULT_ADDRESS, {}) == KEY
    assert chosen_key(None, DEFAULT_ADDRESS, there) is None, "at home nobody asks for one"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_key_that_others_can_read_is_used_with_a_warning(path, caplog):
    with caplog.at_level(logging.WARNING):
        read_key(path)
        assert caplog.records == []
        path.chmod(0o640)
        assert read_key(path) == KEY
    assert "chmod 600" in caplog.text
    assert is_open_to_others(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"x" * 10_000])
def test_what_is_no_key(path, content):
    path.write_bytes(content)
    with pytest.raises(SettingInvalid, match=r"ada\.foleykey"):
        read_key(path)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(SettingInvalid, match="cannot be read"):
        read_key(tmp_path / "none.foleykey")
    with pytest.raises(SettingInvalid, match="cannot be read"):
        read_key(tmp_path)

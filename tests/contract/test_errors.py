"""Every error has a code, words and a remedy."""

import re

import pytest

from foleyline_contract import errors
from foleyline_contract.errors import ERRORS_BY_CODE, FoleyError, error_from_wire

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, FoleyError)
]


def test_codes_are_unique_and_complete():
    assert len({kind.code for kind in KINDS}) == len(KINDS) == len(ERRORS_BY_CODE)
    assert set(ERRORS_BY_CODE.values()) == set(KINDS)
    assert all("code" in vars(kind) for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_remedy(kind):
    assert re.fullmatch(r"[a-z_]+", kind.code)
    assert kind.__name__ in errors.__doc__
    error = kind("It happened.")
    assert str(error).startswith("It happened.")
    if kind is not errors.Cancelled:
        assert error.remedy[0].isupper()
        assert error.remedy.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_errors_come_back_from_the_wire_as_themselves(kind):
    error = error_from_wire(kind.code, "It happened.", "Do this.")
    assert type(error) is kind
    assert (error.message, error.remedy, error.detail) == ("It happened.", "Do this.", "")


def test_unknown_code_keeps_its_words():
    error = error_from_wire("from_the_future", "It happened.", "Do this.")
    assert type(error) is FoleyError
    assert str(error) == "It happened. Do this."

import re
from pathlib import Path

import foleyline_addon
import pytest
from foleyline_addon.translations_de import GERMAN

from foleyline_contract.errors import ERRORS_BY_CODE
from foleyline_contract.palette import sound_label
from foleyline_training.corpus.materials import MATERIAL_NAMES

FOLDER = Path(foleyline_addon.__path__[0])
SOURCES = "\n".join(
    path.read_text() for path in FOLDER.rglob("*.py") if "translations" not in path.name
)
REMEDIES = {kind.default_remedy for kind in ERRORS_BY_CODE.values()}
FROM_THE_CLIENT = {"No Foleyline server answers."}
SOUNDS = {sound_label(name) for name in MATERIAL_NAMES}
"""Labels of the palette of what is trained here."""


def tokens(text):
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("msgid", GERMAN)
def test_translations_are_of_messages_there_are_and_keep_their_tokens(msgid):
    said = msgid in SOURCES or msgid in REMEDIES | FROM_THE_CLIENT | SOUNDS
    assert said, "nobody says this any more"
    assert tokens(msgid) == tokens(GERMAN[msgid])


def test_every_sound_that_is_trained_here_has_a_german_name():
    assert set(GERMAN) >= SOUNDS

import re
from pathlib import Path

import foleyline_addon
import pytest
from foleyline_addon.translations_de import GERMAN

from foleyline_contract.errors import ERRORS_BY_CODE

FOLDER = Path(foleyline_addon.__path__[0])
SOURCES = "\n".join(
    path.read_text() for path in FOLDER.rglob("*.py") if "translations" not in path.name
)
REMEDIES = {kind.default_remedy for kind in ERRORS_BY_CODE.values()}
FROM_THE_CLIENT = {"No Foleyline server answers."}


def tokens(text):
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("msgid", GERMAN)
def test_translations_are_of_messages_there_are_and_keep_their_tokens(msgid):
    said = msgid in SOURCES or msgid in REMEDIES or msgid in FROM_THE_CLIENT
    assert said, "nobody says this any more"
    assert tokens(msgid) == tokens(GERMAN[msgid])

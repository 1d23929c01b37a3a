"""The hub is faked at its library's edge; nothing here opens a connection."""

import hashlib
from types import SimpleNamespace

import pytest

from foleyline_export import fetch as module
from foleyline_export.fetch import RELEASED, FetchError, fetch, look_up

CONTENT = {file: file.encode() for file in RELEASED.values()}


def sibling(path, sha256=None):
    name = path.rsplit("/", 1)[-1]
    digest = sha256 or hashlib.sha256(CONTENT.get(name, b"")).hexdigest()
    return SimpleNamespace(rfilename=path, size=1_500_000_000, lfs=SimpleNamespace(sha256=digest))


class Hub:
    def __init__(self, siblings, error=None):
        self.siblings, self.error = siblings, error

    def model_info(self, repository, *, files_metadata):
        if self.error:
            raise self.error
        assert files_metadata
        card = {"license": "mit"}
        return SimpleNamespace(sha="abc123", card_data=card, siblings=self.siblings)


@pytest.fixture
def siblings():
    """The files may lie in whatever folder, beside others."""
    return [sibling("README.md"), *(sibling(f"ckpt/{file}") for file in RELEASED.values())]


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    asked = []

    def download(repository, path, *, revision):
        asked.append((repository, path, revision))
        target = tmp_path / path.rsplit("/", 1)[-1]
        target.write_bytes(CONTENT[target.name])
        return str(target)

    monkeypatch.setattr(module, "hf_hub_download", download)
    return asked


def test_offer_says_licence_sizes_and_revision_before_anything_is_downloaded(siblings, downloads):
    offer = look_up(Hub(siblings))
    assert "licence: mit" in str(offer)
    assert "ckpt/ldm_epoch240.ckpt  1.50 GB" in str(offer)
    assert "abc123" in str(offer)
    assert downloads == []


def test_what_was_offered_is_downloaded_at_that_revision(siblings, downloads):
    paths = fetch(look_up(Hub(siblings)))
    assert {name: path.name for name, path in paths.items()} == RELEASED
    assert {revision for _, _, revision in downloads} == {"abc123"}


def test_file_with_another_hash_is_refused(siblings, downloads):
    siblings[-1] = sibling(siblings[-1].rfilename, "0" * 64)
    with pytest.raises(FetchError, match=r"arrived damaged.*run the same command again"):
        fetch(look_up(Hub(siblings)))


def test_missing_file_is_named(siblings):
    with pytest.raises(FetchError, match=r"cavp_epoch66\.ckpt"):
        look_up(Hub([siblings[0], *siblings[2:]]))


@pytest.mark.parametrize("kind", [ConnectionError, TimeoutError, *module._CONNECTION_ERRORS[:1]])
def test_no_connection_ends_in_a_sentence_with_a_remedy(kind):
    with pytest.raises(FetchError, match=r"could not be reached.*--cavp, --ldm"):
        look_up(Hub([], error=kind("Name or service not known")))


def test_connection_lost_on_the_way(siblings, monkeypatch):
    def lost(*_arguments, **_options):
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(module, "hf_hub_download", lost)
    with pytest.raises(FetchError, match="to resume"):
        fetch(look_up(Hub(siblings)))

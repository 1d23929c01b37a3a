import sys
from dataclasses import replace
from pathlib import Path

import pytest

from foleyline_server.runtime.engine_cache import EngineKey, engine_folder, user_cache

KEY = EngineKey("0123456789abcdef" * 4, "NVIDIA GeForce RTX 3060/Ti", "1.31.1")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    return folder


def test_engines_lie_beside_their_bundle_and_are_found_again(tmp_path: Path, bundle: Path) -> None:
    folder = engine_folder(bundle, KEY, tmp_path / "cache")
    name = "0123456789abcdef-NVIDIA_GeForce_RTX_3060_Ti-1.31.1"
    assert folder == bundle / ".engines" / name
    assert folder.is_dir()
    assert engine_folder(bundle, KEY, tmp_path / "cache") == folder


@pytest.mark.parametrize(
    "change", [{"bundle_sha256": "f" * 64}, {"device_name": "RTX 4090"}, {"library_version": "2"}]
)
def test_another_bundle_card_or_library_has_its_own(tmp_path: Path, bundle: Path, change) -> None:
    folders = {engine_folder(bundle, key, tmp_path) for key in (KEY, replace(KEY, **change))}
    assert len(folders) == 2
    assert None not in folders


def test_a_card_without_a_name_has_none(
    tmp_path: Path, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert engine_folder(bundle, replace(KEY, device_name=""), tmp_path) is None
    assert "does not say its name" in caplog.text
    assert not list(bundle.iterdir())


def test_engines_that_came_with_a_bundle_are_not_taken(tmp_path: Path, bundle: Path) -> None:
    planted = bundle / ".engines" / str(KEY)
    planted.mkdir(parents=True)
    (planted / "made-here").write_text("0" * 64, encoding="ascii")
    (planted / "unet.engine").write_bytes(b"code")
    cache = tmp_path / "cache"
    assert engine_folder(bundle, KEY, cache) == cache / "engines" / str(KEY)


def test_another_users_engines_are_not_taken(tmp_path: Path, bundle: Path) -> None:
    mine = engine_folder(bundle, KEY, tmp_path / "my cache")
    theirs = engine_folder(bundle, KEY, tmp_path / "their cache")
    assert mine != theirs


def test_a_link_in_the_bundle_leads_nowhere(tmp_path: Path, bundle: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    try:
        (bundle / ".engines").symlink_to(elsewhere)
    except OSError:
        pytest.skip("this user may not make links")
    assert engine_folder(bundle, KEY, tmp_path / "cache").is_relative_to(tmp_path / "cache")
    assert not list(elsewhere.iterdir())


def test_a_bundle_that_cannot_be_written_to_keeps_its_engines_in_the_cache(tmp_path: Path) -> None:
    # A file in the folder's place: the tests may run as a user who may write everywhere.
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"")
    cache = tmp_path / "cache"
    assert engine_folder(bundle, KEY, cache) == cache / "engines" / str(KEY)


def test_without_a_place_nothing_is_kept(
    tmp_path: Path, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"")
    assert engine_folder(bundle, KEY, tmp_path / "cache") is None
    assert "not kept" in caplog.text
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "engine-secret").write_bytes(b"")
    assert engine_folder(bundle, KEY, tmp_path / "other") is None


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such modes")
def test_the_secret_is_the_users_alone(tmp_path: Path, bundle: Path) -> None:
    engine_folder(bundle, KEY, tmp_path)
    assert (tmp_path / "engine-secret").stat().st_mode & 0o077 == 0


def test_the_users_cache_is_where_each_system_has_it() -> None:
    home = Path("home")
    assert user_cache({"XDG_CACHE_HOME": "x"}, home, "linux") == Path("x/foleyline")
    assert user_cache({}, home, "linux") == home / ".cache" / "foleyline"
    assert user_cache({"LOCALAPPDATA": "y"}, home, "win32") == Path("y/Foleyline")
    assert user_cache({}, home, "darwin") == home / "Library" / "Caches" / "Foleyline"

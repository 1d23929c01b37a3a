import os
from pathlib import Path

import pytest

from foleyline_contract.address import DEFAULT_ADDRESS
from foleyline_contract.errors import SettingInvalid
from foleyline_server.settings import Settings, load_settings, user_data


def test_each_source_beats_the_one_before(tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text('threads = 1\nlog_level = "error"\nbundles = ["a", "b"]\n', encoding="utf-8")
    assert load_settings({}, {}) == Settings(address=DEFAULT_ADDRESS)
    assert load_settings({}, {}, config).bundles == (Path("a"), Path("b"))
    environment = {"FOLEYLINE_THREADS": "2", "FOLEYLINE_BUNDLES": f"c{os.pathsep}d", "PATH": "x"}
    settings = load_settings({"threads": None}, environment, config)
    assert (settings.threads, settings.log_level) == (2, "error")
    assert settings.bundles == (Path("c"), Path("d"))
    assert load_settings({"threads": 3}, environment, config).threads == 3


def test_the_batch_is_automatic_unless_it_is_set() -> None:
    assert load_settings({}, {}).windows_per_batch == 0
    environment = {"FOLEYLINE_WINDOWS_PER_BATCH": "4"}
    assert load_settings({}, environment).windows_per_batch == 4
    assert load_settings({"windows_per_batch": 64}, environment).windows_per_batch == 64
    with pytest.raises(SettingInvalid, match="windows_per_batch"):
        load_settings({}, {"FOLEYLINE_WINDOWS_PER_BATCH": "all"})


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "tensorrt", "directml", "coreml"])
def test_every_device_can_be_set(device: str) -> None:
    assert load_settings({}, {"FOLEYLINE_DEVICE": device}).device == device


@pytest.mark.parametrize(
    "text", ["thread = 1", 'threads = "many"', "threads = true", "threads = -1", "= 1",
             'device = "abacus"', "windows_per_batch = -1", "windows_per_batch = 65",
             'log_level = "loud"', "bundles = [1]"],
)  # fmt: skip
def test_wrong_files_are_refused(tmp_path: Path, text: str) -> None:
    config = tmp_path / "server.toml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(SettingInvalid):
        load_settings({}, {}, config)


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:1", "tcp://*:1", "tcp://192.168.0.2:1", "x"])
def test_only_this_machine_may_call(address: str) -> None:
    with pytest.raises(SettingInvalid, match="other machines"):
        load_settings({"address": address}, {})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"no\.toml"):
        load_settings({}, {}, tmp_path / "no.toml")


def test_other_machines_need_keys(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="needs keys") as refused:
        load_settings({"address": "tcp://0.0.0.0:19347"}, {})
    assert "foley-server keygen" in refused.value.remedy
    settings = load_settings({"address": "tcp://0.0.0.0:19347", "keys": str(tmp_path)}, {})
    assert settings.keys == tmp_path


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "home/.local/share/foleyline"),
        ("linux", {"XDG_DATA_HOME": "data"}, "data/foleyline"),
        ("darwin", {}, "home/Library/Application Support/Foleyline"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/Foleyline"),
    ],
)
def test_the_users_data_folder(platform: str, environment: dict[str, str], folder: str) -> None:
    assert user_data(environment, Path("home"), platform) == Path(folder)


def test_data_may_lie_elsewhere() -> None:
    settings = load_settings({}, {"FOLEYLINE_DATA": "/films/takes", "FOLEYLINE_DATA_MAX_GIB": "5"})
    assert settings.folder({}, Path("home")) == Path("/films/takes")
    assert settings.data_max_gib == 5


def test_the_clients_variable_is_no_mistake(caplog: pytest.LogCaptureFixture) -> None:
    load_settings({}, {"FOLEYLINE_KEY": "/a.foleykey"})
    assert not caplog.records

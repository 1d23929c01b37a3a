"""What ``foley-server doctor`` finds."""

import json
import shutil

import pytest

from foleyline_contract.check import OK, PROBLEM, WARNING
from foleyline_server import doctor
from foleyline_server.keygen import make_client_key, make_server_keys
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES
from foleyline_server.settings import Settings


@pytest.fixture
def settings(tmp_path):
    def make(**changes) -> Settings:
        return Settings(**{"data": tmp_path / "data", "device": "cpu"} | changes)

    return make


def found(settings: Settings) -> dict[str, list]:
    checks = {}
    for check in doctor.check_all(settings):
        checks.setdefault(check.name, []).append(check)
    return checks


def states(checks: list) -> list[str]:
    return [check.state for check in checks]


def test_all_is_well(settings):
    checks = found(settings())
    assert {check.state for group in checks.values() for check in group} == {OK}
    assert {"server package", "device", "bundle", "data folder"} <= checks.keys()


def test_what_a_bundle_can_be_asked_for(settings, askable_folder):
    askable, plain, _ = found(settings(bundles=(askable_folder,)))["bundle"]
    assert askable.said.endswith("; it can be asked for wood, footstep_loose")
    assert plain.said.endswith("; it has no sound palette")


def test_a_bundle_whose_file_was_changed(settings, tmp_path):
    shutil.copytree(PACKAGED_BUNDLES / "mini", tmp_path / "bundles" / "mini")
    with (tmp_path / "bundles" / "mini" / "unet.onnx").open("ab") as stream:
        stream.write(b"x")
    damaged, packaged = found(settings(bundles=(tmp_path / "bundles",)))["bundle"]
    assert (damaged.state, packaged.state) == (PROBLEM, OK)
    assert damaged.remedy == "Install the bundle again."


def test_folders_of_bundles(settings, tmp_path):
    shutil.copytree(PACKAGED_BUNDLES / "mini", tmp_path / "mini")
    checks = found(settings(bundles=(tmp_path / "none", tmp_path / "mini")))
    assert states(checks["bundles"]) == [WARNING]
    assert states(checks["bundle"]) == [OK, WARNING], "the same name twice"


def test_a_data_folder_that_cannot_be(settings, tmp_path):
    (tmp_path / "file").touch()
    [check] = found(settings(data=tmp_path / "file"))["data folder"]
    assert check.state == PROBLEM
    assert "--data" in check.remedy


def test_a_disk_that_is_nearly_full(settings, monkeypatch):
    monkeypatch.setattr(doctor, "_DISK_LOW_BYTES", 1 << 62)
    assert states(found(settings())["data folder"]) == [WARNING]


def test_keys(settings, tmp_path):
    keys = settings(keys=tmp_path / "keys")
    assert states(found(keys)["keys"]) == [PROBLEM]
    make_server_keys(tmp_path / "keys")
    assert states(found(keys)["keys"]) == [WARNING], "nobody may connect"
    make_client_key(tmp_path / "keys", "ada")
    assert states(found(keys)["keys"]) == [OK]
    (tmp_path / "keys" / "server.key").chmod(0o644)
    assert states(found(keys)["keys"]) == [WARNING, OK]


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOLEYLINE_DATA", str(tmp_path / "data"))
    assert doctor.main(["--json"]) == 0
    assert {check["state"] for check in json.loads(capsys.readouterr().out)} <= {OK, WARNING}
    monkeypatch.setenv("FOLEYLINE_ADDRESS", "tcp://*:1")
    assert doctor.main([]) == 1
    assert "keygen" in capsys.readouterr().out

import ast
import tomllib
import zipfile
from pathlib import Path

import build_extension as build
import pytest

from foleyline_contract.version import PACKAGE_VERSION

ABI3 = "pyzmq-27.3.0-cp312-abi3-manylinux_2_28_x86_64.whl"
CP311 = "pyzmq-27.3.0-cp311-cp311-manylinux_2_28_x86_64.whl"
CLIENT = "foleyline_client-0.1.0-py3-none-any.whl"


@pytest.fixture
def archive(tmp_path):
    wheels = [tmp_path / name for name in (ABI3, CP311, CLIENT)]
    for wheel in wheels:
        wheel.write_bytes(b"wheel")
    target = tmp_path / "foleyline.zip"
    build.write_zip(target, wheels, ["linux-x64"])
    with zipfile.ZipFile(target) as opened:
        yield opened


def manifest_of(archive):
    return tomllib.loads(archive.read("blender_manifest.toml").decode())


def test_manifest_names_the_wheels_in_the_zip(archive):
    wheels = {name.removeprefix("./") for name in manifest_of(archive)["wheels"]}
    assert wheels == {name for name in archive.namelist() if name.startswith("wheels/")}
    assert len(wheels) == 3


def test_the_abi3_wheel_goes_by_a_name_blender_takes(archive):
    wanted = "wheels/pyzmq-27.3.0-cp312.cp313.cp314-none-manylinux_2_28_x86_64.whl"
    assert wanted in archive.namelist()


def test_manifest_says_what_blender_asks_for(archive):
    manifest = manifest_of(archive)
    assert manifest["id"] == "foleyline"
    assert manifest["version"] == PACKAGE_VERSION
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert manifest["blender_version_min"] == "4.2.0"
    assert manifest["platforms"] == ["linux-x64"]
    assert set(manifest["permissions"]) == {"files", "network", "clipboard"}
    for text in (manifest["tagline"], *manifest["permissions"].values()):
        assert len(text) <= 64
        assert text[-1].isalnum()


def test_every_module_is_in_the_zip_and_nothing_else(archive):
    names = set(archive.namelist())
    modules = {
        path.relative_to(build.ADDON).as_posix()
        for path in build.ADDON.rglob("*.py")
        if "__pycache__" not in path.parts
    }
    others = {name for name in names - modules if not name.startswith("wheels/")}
    assert modules <= names
    assert others == {"blender_manifest.toml", "LICENSE"}


def test_the_same_files_give_the_same_zip(tmp_path):
    wheel = tmp_path / CLIENT
    wheel.write_bytes(b"wheel")
    for name in ("a.zip", "b.zip"):
        build.write_zip(tmp_path / name, [wheel], ["linux-x64"])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level


@pytest.mark.parametrize("path", sorted(build.ADDON.rglob("*.py")), ids=lambda path: path.name)
def test_the_addon_imports_itself_relatively_only(path):
    for name, level in imports(path):
        assert level or name.split(".")[0] not in {"blender_addon", "foleyline", "foleyline_server"}


CLIENT_THREAD = (
    "bridge", "connector", "delivery", "line", "naming", "notebook", "notices", "shot_finder"
)  # fmt: skip


@pytest.mark.parametrize("name", CLIENT_THREAD)
def test_no_bpy_off_the_main_thread(name):
    imported = list(imports(build.ADDON / f"{name}.py"))
    assert "bpy" not in [module.split(".")[0] for module, _ in imported]
    relative = {module.split(".")[0] for module, level in imported if level and module}
    assert relative <= set(CLIENT_THREAD)

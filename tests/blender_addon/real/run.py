"""What scripts/test_blender runs: builds the extension, starts a server, drives Blenders."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from movie import write_movie

from foleyline_client.launcher import connect
from foleyline_contract.errors import ServerUnreachable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
REAL_BLENDER = ROOT / "scripts" / "real_blender.sh"
SUITES = ("sid", "trixie")
"""Debian suites; their Blenders are 5.2 and 4.3."""
MODULES = ("bpy-4.5.15", "bpy-5.0.1")
"""Blender as a Python module; that of 4.2 is built without sound."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "foleyline"
TAKES = "check_takes.py"
SERVER_START_S = 90
DRIVES = {
    "sequencer": (("drive_gui.py",),),
    "day": (("drive_day.py", "day"), ("drive_day.py", "evening")),
    "takes": (("drive_takes.py",),),
}
"""Of the interface: scripts, and their arguments after the folder for screenshots."""
GUI_S = 900
NOISE = (
    "PROGRESS",
    "Draw window and swap",
    "Deprecat",
    "Video append",
    "Fra:",
    "Append frame",
    "(Saving:",
    "Saved: ",
)
SEQUENCER, SIDEBAR = (0, 117, 1600, 734), (1220, 144, 380, 708)
IMAGES = {
    "panel": ("generate", (1220, 144, 380, 420)),
    "sequencer": ("three-takes", SEQUENCER),
    "takes": ("takes", SEQUENCER),
    "kept": ("kept", SEQUENCER),
    "kept-undone": ("kept-undone", SEQUENCER),
    "fill-preview": ("fill-preview", (400, 117, 1200, 734)),
    "filling": ("filling", SEQUENCER),
    "filled": ("filled", SEQUENCER),
    "cancelled": ("cancelled", SEQUENCER),
    "failed": ("failed", (1220, 144, 380, 568)),
    "no-server": ("6-no-server", (1220, 462, 380, 388)),
    "settings": ("settings", SIDEBAR),
    "sounds": ("sounds", SIDEBAR),
    "reopened": ("evening", SEQUENCER),
    "preferences": ("preferences", (278, 181, 694, 250)),
}
"""Image of docs/images: the shot it is cut from, and left, top, width, height in that."""


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def server(work: Path, fake: bool, job_s: float = 3) -> Iterator[str]:
    """A server of its own for this run; its address."""
    address = free_address()
    program = [sys.executable, "-m", "foleyline_server", "--data", str(work / "server")]
    if fake:
        program = [sys.executable, str(ROOT / "tests/fakes/stub_server.py"), "--job-s", str(job_s)]
    log_path = work / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen([*program, "--address", address], stdout=log, stderr=log)
    try:
        end = time.monotonic() + SERVER_START_S
        while True:
            try:
                session, welcome = connect(address, timeout_s=0.5)
            except ServerUnreachable:
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"no server:\n{log_path.read_text()}") from None
                continue
            session.close()
            print(f"server at {address}: {welcome.default_bundle}, {welcome.providers}", flush=True)
            break
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def build(work: Path) -> Path:
    build_script = ROOT / "scripts" / "build_extension.py"
    command = [sys.executable, str(build_script), "--output", str(work)]
    command += ["--wheels", str(CACHE / "wheels")]
    subprocess.run(command, check=True)
    return next(work.glob("foleyline-*.zip"))


def repository(suite: str, work: Path) -> bool:
    """Build an extension repository, serve it, and have a Blender subscribe to it."""
    public = work / "public"
    blender = f"{REAL_BLENDER} {suite} --"
    script = [sys.executable, str(ROOT / "scripts" / "build_extension.py")]
    script += ["--repository", str(public), "--wheels", str(CACHE / "wheels")]
    subprocess.run([*script, "--blender", blender], check=True, cwd=work)
    handler = partial(SimpleHTTPRequestHandler, directory=str(public))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{site.server_port}"
        command = [str(REAL_BLENDER), suite, "--exec", "bash", str(HERE / "subscribe.sh"), address]
        environment = {**os.environ, "REAL_BLENDER_BIND": str(ROOT)}
        lines = lines_of(command, work, environment)
        site.shutdown()
    return verdict(f"repository, {suite}", lines)


def in_suite(suite: str, work: Path, *arguments: str) -> list[str]:
    """Run Blender of a Debian suite in ``work``; its output's lines, shown as they come."""
    environment = {
        **os.environ,
        "REAL_BLENDER_HOME": str(work / f"home-{suite}"),
        "REAL_BLENDER_BIND": str(ROOT),
        "REAL_BLENDER_TIMEOUT": str(GUI_S),
    }
    return lines_of([str(REAL_BLENDER), suite, "--", *arguments], work, environment)


def lines_of(command: list[str], work: Path, environment: dict[str, str]) -> list[str]:
    lines: list[str] = []
    process = subprocess.Popen(
        command, cwd=work, env=environment, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.strip() and not any(noise in line for noise in NOISE):
            print("   ", line.rstrip(), flush=True)
    process.wait()
    return lines


def verdict(name: str, lines: list[str]) -> bool:
    good = sum(line.startswith("CHECK ok") for line in lines)
    bad = [line for line in lines if line.startswith("CHECK BAD")]
    done = "DONE" in lines
    passed = done and not bad and good > 0
    print(f"{name}: {'passed' if passed else 'FAILED'}, {good} checks", flush=True)
    for line in bad + ([] if done else ["it did not come to its end"]):
        print(f"  {line}", flush=True)
    return passed


def install(suite: str, work: Path, archive: Path) -> None:
    in_suite(suite, work, "--command", "extension", "validate", str(archive))
    in_suite(
        suite, work,
        "--command", "extension", "install-file", "-r", "user_default", "--enable", str(archive),
    )  # fmt: skip
    in_suite(suite, work, "-b", "--python", str(HERE / "make_project.py"))


def gui(suite: str, work: Path, archive: Path, address: str, drives: list[str]) -> bool:
    install(suite, work, archive)
    shots = work / f"shots-{suite}"
    shots.mkdir(exist_ok=True)
    passed = True
    for drive in drives:
        # The list of takes is driven alone: without a server and without the add-on.
        options = ["--factory-startup"] if drive == "takes" else []
        where = [] if drive == "takes" else [address]
        for script, *more in DRIVES[drive]:
            lines = in_suite(
                suite, work, *options,
                "--enable-event-simulate", "--window-geometry", "0", "0", "1600", "900",
                "--python", str(HERE / script), "--", *where, str(shots), *more,
            )  # fmt: skip
            name = f"interface, {suite}, {more[0] if more else drive}"
            passed = verdict(name, lines) and passed
            keep_broken(shots / "broken.png", name)
    return passed


def keep_broken(picture: Path, name: str) -> None:
    """Put a drive's last picture where it outlives this run's folder."""
    if picture.exists():
        kept = CACHE / "broken" / f"{name.replace(', ', '-')}.png"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(picture, kept)
        print(f"  what it looked like: {kept}", flush=True)


def headless(kind: str, work: Path, archive: Path, address: str, fake: bool) -> bool:
    script, options = str(HERE / "check_headless.py"), [address, "fake" if fake else "real"]
    if kind in SUITES:
        install(kind, work, archive)
        lines = in_suite(kind, work, "-b", "--python", script, "--", *options)
        passed = verdict(f"headless, {kind}", lines)
        lines = in_suite(kind, work, "-b", "--factory-startup", "--python", str(HERE / TAKES))
        return verdict(f"takes, {kind}", lines) and passed
    python = bpy_python(kind)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "BLENDER_USER_RESOURCES": str(work / f"user-{kind}"),
    }
    lines_of([python, str(HERE / "make_project.py")], work, environment)
    program = Path(sys.executable).with_name("foley-server")
    arguments = [python, script, "--", *options, str(archive), str(program), free_address()]
    passed = verdict(f"headless, {kind}", lines_of(arguments, work, environment))
    stub = [sys.executable, str(ROOT / "tests/fakes/stub_server.py"), free_address()]
    arguments = [python, str(HERE / "check_queue.py"), "--", str(archive), *stub]
    passed = verdict(f"queue, {kind}", lines_of(arguments, work, environment)) and passed
    environment["BLENDER_USER_RESOURCES"] = str(work / f"user-{kind}-takes")
    lines = lines_of([python, str(HERE / TAKES)], work, environment)
    return verdict(f"takes, {kind}", lines) and passed


def bpy_python(name: str) -> str:
    """The Python of a virtual environment with bpy; made the first time."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        if sys.version_info[:2] != (3, 11):
            raise SystemExit(f"{name} needs Python 3.11, this is {sys.version.split()[0]}")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", name.replace("-", "==")], check=True
        )
        (folder / "ready").touch()
    return str(python)


def publish_images(work: Path) -> None:
    """Cut the images of the documentation from the screenshots of Blender 5.2."""
    for name, (shot, (left, top, width, height)) in IMAGES.items():
        if not (work / "shots-sid" / f"{shot}.png").exists():
            print(f"docs/images/{name}.png stays: its drive was not run")
            continue
        colours = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=none"
        command = [str(REAL_BLENDER), "sid", "--exec", "ffmpeg", "-loglevel", "error", "-y"]
        command += ["-i", str(work / "shots-sid" / f"{shot}.png")]
        command += ["-vf", f"crop={width}:{height}:{left}:{top},{colours}"]
        subprocess.run([*command, str(work / f"{name}.png")], cwd=work, check=True)
        shutil.copyfile(work / f"{name}.png", ROOT / "docs" / "images" / f"{name}.png")
        print(f"docs/images/{name}.png")


def against_server(work: Path, options: argparse.Namespace) -> list[bool]:
    """Every Blender that was asked for, one after the other, and what became of it."""
    archive = build(work)
    write_movie(work / "ball24.mp4", Fraction(24), 240)
    write_movie(work / "ball30.mp4", Fraction(30), 200)
    passed: list[bool] = []
    with server(work, options.fake_server) as address:
        for kind in options.headless:
            passed.append(headless(kind, work, archive, address, options.fake_server))
        for suite in options.gui:
            passed.append(gui(suite, work, archive, address, options.drive or [*DRIVES]))
    return passed


def placements(work: Path, kinds: list[str], count: int) -> list[bool]:
    """Random edits filled with clicks, one Blender after the other."""
    from run_placement import placement  # which uses this module

    archive = build(work)
    with server(work, fake=True, job_s=0) as address:
        return [placement(kind, work, archive, address, count) for kind in kinds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gui", action="append", choices=SUITES, default=[])
    parser.add_argument("--headless", action="append", choices=(*MODULES, *SUITES), default=[])
    parser.add_argument("--repository", action="append", choices=SUITES, default=[])
    parser.add_argument("--drive", action="append", choices=[*DRIVES], default=[])
    parser.add_argument("--fake-server", action="store_true")
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--placement", type=int, metavar="EDITS", help="see run_placement.py")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    options = parser.parse_args()
    if not (options.gui or options.headless or options.repository or options.placement):
        options.gui, options.headless = ["sid"], ["bpy-4.5.15", "sid"]
    with tempfile.TemporaryDirectory() as name:
        work = (options.keep or Path(name)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        passed = [repository(suite, work) for suite in options.repository]
        if options.placement:
            passed += placements(work, options.headless or ["bpy-4.5.15"], options.placement)
        elif options.headless or options.gui:
            passed += against_server(work, options)
        if options.images:
            publish_images(work)
    raise SystemExit(not all(passed))


if __name__ == "__main__":
    main()

import json
import os
from fractions import Fraction

import pytest

from foleyline_client.cli import main
from foleyline_contract import messages as m
from foleyline_contract.errors import FileMissing

CUT_S = Fraction(7, 8)


def test_a_session_asks_and_waits_while_the_server_lives(session, line, clip):
    line.on(m.Ping, lambda _: m.Pong(0))
    line.on(m.FindCuts, lambda envelope: line.say(m.CutsFound((CUT_S,)), reply_to=envelope.id))
    assert session.find_cuts(clip) == (CUT_S,)
    line.on(m.FindCuts, lambda _: m.Failed(FileMissing.code, "Gone.", ""))
    with pytest.raises(FileMissing):
        session.find_cuts(clip)


@pytest.fixture
def two_shots(tmp_path):
    import av
    import numpy as np

    path = tmp_path / "two.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(42):
            pixels = np.full((48, 64, 3), 40, np.uint8)
            pixels[:, 32:] = 200
            pixels = pixels if number < 21 else pixels[:, ::-1].copy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path


def test_the_shots_of_a_film(start_server, two_shots, capsys):
    server = ["--server", start_server().address]
    assert main(["shots", str(two_shots), *server]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split() for line in out] == [
        ["0.000", "s", "to", "0.875", "s"],
        ["0.875", "s", "to", "1.750", "s"],
    ]
    assert main(["shots", str(two_shots), "--start", "1/4", "--json", *server]) == 0
    shots = json.loads(capsys.readouterr().out)
    assert [shot["start_s"] for shot in shots] == ["1/4", "7/8"]
    assert shots[-1]["end_s"] == "7/4"


def test_no_film_no_shots(start_server, tmp_path, capsys):
    arguments = ["shots", os.fspath(tmp_path / "no.mp4"), "--server", start_server().address]
    assert main(arguments) == 3
    assert "no.mp4" in capsys.readouterr().err

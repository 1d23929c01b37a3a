import pytest
from foleyline_addon.redaction import without_folders


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("'/home/anna k/film one/shot.mp4' is gone", "'shot.mp4' is gone"),
        ("C:\\Users\\anna\\shot.mp4: gone", "shot.mp4: gone"),
        ("from /tmp/a then /var/log/b.log", "from a then b.log"),
        ("path=/a/b.mp4 state=done", "path=b.mp4 state=done"),
        ("//foley/ball.wav", "ball.wav"),
        ("tcp://127.0.0.1:19347, 3/4 steps, 1 / 2", "tcp://127.0.0.1:19347, 3/4 steps, 1 / 2"),
    ],
)
def test_only_last_names_are_left(text, left):
    assert without_folders(text) == left

import json

import pytest
from foleyline_addon.notebook import Note, Notebook, Place

from foleyline_contract.errors import OutputUnwritable

PLACE = Place("id1", "ball", "//ball.mp4", -3, 1, 25, "Scene")
NOTE = Note("job1", (PLACE, PLACE), "film.blend", "/t/ball_seed{seed}", 3, 4, 5, 6, True)


def test_a_note_comes_back_as_it_was(tmp_path):
    notebook = Notebook(tmp_path / "jobs")
    notebook.write(NOTE)
    assert notebook.read(["job1", "job2"]) == {"job1": NOTE}
    assert notebook.all() == [NOTE]
    assert NOTE.frames == 24 + 4 + 5


def test_dropped_notes_are_gone(tmp_path):
    notebook = Notebook(tmp_path)
    notebook.write(NOTE)
    notebook.drop(["job1", "job2"])
    assert notebook.all() == []


@pytest.mark.parametrize(
    "change",
    [
        {"places": []},
        {"places": None},
        {"places": [{"strip_id": "id1"}]},
        {"channel": "3"},
        {"pack": 1},
        {"job_id": "job2"},
        {"target": None},
    ],
)
def test_damaged_notes_count_as_none(tmp_path, change):
    notebook = Notebook(tmp_path)
    notebook.write(NOTE)
    path = tmp_path / "job1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert notebook.all() == []


def test_torn_and_foreign_files_count_as_none(tmp_path):
    (tmp_path / "job1.json").write_text('{"job_id": "jo')
    (tmp_path / "list.json").write_text("[1]")
    assert Notebook(tmp_path).all() == []


def test_ids_from_the_wire_name_no_other_file(tmp_path):
    outside = tmp_path / "outside.json"
    outside.write_text("mine")
    notebook = Notebook(tmp_path / "jobs")
    notebook.write(NOTE)
    assert notebook.read(["../outside"]) == {}
    notebook.drop(["../outside", "a" * 65])
    assert outside.read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "jobs").write_text("a file")
    with pytest.raises(OutputUnwritable):
        Notebook(tmp_path / "jobs").write(NOTE)

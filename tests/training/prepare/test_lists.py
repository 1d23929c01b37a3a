import pytest

from foleyline_training.prepare.errors import PrepareError
from foleyline_training.prepare.lists import read_list

VGGSOUND = """---g-f_I2yQ,1,people marching,test
--0PQM4-hqg,30,"waterfall burbling, near",train
-_x,0,playing drums,train
"""
AUDIOSET = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=3, num_segs=3, num_unique_labels=3, num_positive_labels=4
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
--ZhevVpy1s, 50.000, 60.000, "/m/012xff"
-0RWZT-miFs, 0.500, 9.000, "/m/03v3yw,/m/0k4j"
"""


def write(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("split", [None, "train"])
def test_vggsound(tmp_path, split):
    listed = read_list(write(tmp_path, VGGSOUND), split)
    assert listed.clips == 2
    assert listed.labels["--0PQM4-hqg_000030"] == ("waterfall burbling, near",)
    assert listed.labels["--0PQM4-hqg_30000_40000"] == ("waterfall burbling, near",)
    assert listed.labels["-_x_000000"] == ("playing drums",)
    assert not any(stem.startswith("---g") for stem in listed.labels)
    assert not listed.speech


def test_vggsounds_test_split(tmp_path):
    listed = read_list(write(tmp_path, VGGSOUND), "test")
    assert set(listed.labels) == {"---g-f_I2yQ_000001", "---g-f_I2yQ_1000_11000"}


def test_audioset_without_speech(tmp_path):
    listed = read_list(write(tmp_path, AUDIOSET))
    assert listed.clips == 2
    assert listed.labels["--ZhevVpy1s_000050"] == ("/m/012xff",)
    assert listed.labels["-0RWZT-miFs_500_9000"] == ("/m/03v3yw", "/m/0k4j")
    assert listed.speech == {"--PJHxphWEs_000030", "--PJHxphWEs_30000_40000"}


def test_audioset_has_no_splits(tmp_path):
    with pytest.raises(PrepareError, match="no splits"):
        read_list(write(tmp_path, AUDIOSET), "train")


@pytest.mark.parametrize(
    "text",
    ["id,start,label,split\n", "a,1\n", "a,1,drum,valid\n", "a,-1,drum,train\n", "a,nan,b,c\n"],
)
def test_other_tables_are_refused(tmp_path, text):
    with pytest.raises(PrepareError, match="Row 1 of"):
        read_list(write(tmp_path, text))


def test_unreadable_lists_are_refused(tmp_path):
    with pytest.raises(PrepareError, match="cannot be read"):
        read_list(tmp_path / "missing.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PrepareError, match="cannot be read"):
        read_list(tmp_path / "bytes.csv")

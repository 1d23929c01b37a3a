import json
from fractions import Fraction

import pytest

PCM = bytes(range(256)) * 300


def test_a_take_is_on_the_disk_with_its_facts_beside_it(store, folder, job, key):
    store.add(job())
    store.put_take("a", 0, key(5), PCM, {"seed": 3, "start_s": Fraction(1, 3)})
    beside = folder / "takes" / "00" / f"{key(5)}.json"
    assert beside.with_suffix(".pcm").read_bytes() == PCM
    assert json.loads(beside.read_text())["facts"] == {"seed": 3, "start_s": "1/3"}
    assert not list(folder.rglob("*.new"))


def test_takes_come_back_in_order_after_a_restart(open_store, job, key):
    store = open_store()
    store.add(job(takes=3))
    for number in (2, 0):
        store.put_take("a", number, key(number), PCM + bytes([number]), {"seed": number})
    takes = open_store().takes("a")
    assert [(take.number, take.facts, take.read()) for take in takes] == [
        (0, {"seed": 0}, PCM + b"\0"),
        (2, {"seed": 2}, PCM + b"\2"),
    ]
    assert open_store().job("a").takes_done == 2
    assert open_store().takes("unknown") == []


def test_the_same_request_gets_the_same_bytes(store, job, key):
    store.add(job("a"))
    store.add(job("b", takes=2))
    assert store.link_take("b", 1, key(1)) is None
    store.put_take("a", 0, key(1), PCM, {"seed": 8})
    linked = store.link_take("b", 1, key(1))
    assert (linked.number, linked.read(), linked.facts) == (1, PCM, {"seed": 8})
    assert store.takes("b") == [linked]
    assert store.usage().stored_bytes == len(PCM)


@pytest.mark.parametrize("damage", [b"", PCM[:-1], PCM[:-1] + b"x", PCM + b"x", None])
def test_a_damaged_take_is_a_miss_and_made_again(open_store, job, key, damage):
    store = open_store()
    store.add(job())
    store.put_take("a", 0, key(1), PCM, {})
    store.end("a", "finished", 1.0)
    (take,) = store.takes("a")
    if damage is None:
        take.path.unlink()
    else:
        take.path.write_bytes(damage)
    assert take.read() is None
    assert store.link_take("a", 0, key(1)) is None
    assert not take.path.exists()
    assert store.takes("a") == []
    assert [job.id for job in open_store().unended()] == ["a"]


def test_a_link_in_a_takes_place_is_not_followed(store, job, key, tmp_path):
    store.add(job())
    store.put_take("a", 0, key(1), PCM, {})
    (take,) = store.takes("a")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(PCM)
    take.path.unlink()
    take.path.symlink_to(elsewhere)
    assert take.read() is None


def test_an_acknowledged_job_is_not_run_again(open_store, job, key):
    store = open_store()
    store.add(job())
    store.put_take("a", 0, key(1), PCM, {})
    store.end("a", "finished", 1.0)
    store.acknowledge("", ["a"])
    store.drop_take(store.takes("a")[0])
    assert open_store().unended() == []


def test_a_take_of_an_unknown_job_is_kept_for_whoever_asks(store, job, key):
    store.put_take("gone", 0, key(1), PCM, {})
    store.add(job("a"))
    assert store.link_take("a", 0, key(1)).read() == PCM


def test_a_key_is_no_path(store, job):
    store.add(job())
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.put_take("a", 0, "../../etc/passwd", PCM, {})
    assert store.takes("a") == []


def test_a_later_take_of_that_key_is_not_dropped_for_an_earlier_one(store, job, key):
    store.add(job())
    store.put_take("a", 0, key(1), PCM, {})
    (stale,) = store.takes("a")
    store.put_take("a", 0, key(1), PCM[::-1], {})
    assert stale.read() is None
    store.drop_take(stale)
    assert store.takes("a")[0].read() == PCM[::-1]

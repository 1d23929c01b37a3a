import sqlite3

import pytest

from foleyline_contract.errors import StorageFailed
from foleyline_contract.messages import ListJobs

PCM = b"sound" * 100


def filled(open_store, job, key):
    store = open_store()
    for number in range(50):
        store.add(job(f"j{number}"))
    store.put_take("j0", 0, key(0), PCM, {"seed": 1})
    store.close()
    return store


def test_a_folder_of_a_newer_release_is_refused_and_left_alone(open_store, folder):
    open_store().close()
    with sqlite3.connect(folder / "jobs.sqlite") as rows:
        rows.execute("PRAGMA user_version = 99")
    rows.close()
    before = (folder / "jobs.sqlite").read_bytes()
    with pytest.raises(StorageFailed, match="newer release") as refusal:
        open_store()
    assert "Update the server" in refusal.value.remedy
    assert (folder / "jobs.sqlite").read_bytes() == before


@pytest.mark.parametrize("damage", ["overwritten", "cut", "no database"])
def test_a_damaged_list_is_set_aside_and_its_takes_used_again(
    open_store, folder, job, key, caplog, damage
):
    filled(open_store, job, key)
    path = folder / "jobs.sqlite"
    content = path.read_bytes()
    if damage == "overwritten":
        content = content[:4096] + b"\xff" * (len(content) - 4096)
    elif damage == "cut":
        content = content[: len(content) // 2]
    else:
        content = b"this is no database " * 500
    path.write_bytes(content)
    store = open_store()
    assert store.list("", ListJobs()) == []
    (aside,) = folder.glob("jobs.sqlite.damaged-*")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text
    store.add(job("again"))
    assert store.link_take("again", 0, key(0)).read() == PCM
    assert open_store().job("again").takes_done == 1


def test_damage_that_shows_later_is_one_sentence(open_store, folder, job, key):
    filled(open_store, job, key)
    store = open_store()
    store._database._connection.execute("PRAGMA shrink_memory")
    with (folder / "jobs.sqlite").open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 100_000)
    with pytest.raises(StorageFailed, match="damaged") as failure:
        store.list("", ListJobs())
    assert "Start the server again" in failure.value.remedy


def test_a_full_database_keeps_what_it_has_and_goes_on_later(store, job):
    store.add(job("before"))
    pages = store._database._connection.execute("PRAGMA page_count").fetchone()[0]
    store._database._connection.execute(f"PRAGMA max_page_count = {pages}")
    added = []
    with pytest.raises(StorageFailed, match="full"):
        for number in range(1000):
            store.add(job(f"j{number}", strip="s" * 200))
            added.append(f"j{number}")
    store._database._connection.execute("PRAGMA max_page_count = 100000")
    assert [job.id for job in store.list("", ListJobs())] == ["before", *added]
    assert store.add(job("after"))


def test_a_transaction_is_all_or_nothing(store, job):
    with pytest.raises(KeyError), store._database.transaction() as rows:
        rows.execute("INSERT INTO speeds VALUES ('a', 'b', 1.0)")
        raise KeyError
    assert store.speed("a", "b") is None


def test_our_own_mistakes_are_not_the_disks(store):
    with pytest.raises(sqlite3.ProgrammingError), store._database.transaction() as rows:
        rows.execute("SELECT ?", ())

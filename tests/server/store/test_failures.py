import errno
from pathlib import Path

import pytest

from foleyline_contract.errors import StorageFailed
from foleyline_server.store.failures import as_storage_failed


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EROFS, "may not write"),
        (errno.EACCES, "may not write"),
        (errno.EIO, "cannot use"),
    ],
)
def test_each_disk_error_is_a_sentence_with_a_remedy(code, said):
    with pytest.raises(StorageFailed, match=said) as failure, as_storage_failed(Path("/data")):
        raise OSError(code, "as the system says it", "/data/secret")
    assert failure.value.remedy
    assert "secret" not in failure.value.message
    assert "as the system says it" in failure.value.detail


def test_other_errors_pass():
    with pytest.raises(KeyError), as_storage_failed(Path("/data")):
        raise KeyError

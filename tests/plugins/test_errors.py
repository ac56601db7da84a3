"""Whatever a library says of a full or read-only disk ends in one sentence that names the folder."""

import errno
import os
from pathlib import Path

import pytest

from ckm.errors import CkmError, ConfigurationError, DiskFailed, ObjectFailed, disk_failure, disk_told


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.parquet"), "is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "is full"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (
            CkmError("dbt could not build clv: IO Error: Could not write file: No space left on device"),
            "is full",
        ),
        (RuntimeError('IO Error: Cannot open file "warehouse.duckdb": Read-only file system'), "read-only"),
        (caused(ValueError("a job failed"), OSError(errno.ENOSPC, "full")), "is full"),
    ],
)
def test_disk_that_fails_is_told_in_a_sentence(error: Exception, said: str, tmp_path: Path) -> None:
    with pytest.raises(DiskFailed, match=said) as raised, disk_told(tmp_path):
        raise error
    assert raised.value.exit_code == 1
    assert str(tmp_path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "error", [ConfigurationError("sources.yml is wrong."), PermissionError(errno.EACCES, "no")]
)
def test_other_errors_stay_as_they_are(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as raised, disk_told(tmp_path):
        raise error
    assert raised.value is error


def test_words_of_another_system_are_about_its_own_disk(tmp_path: Path) -> None:
    error = ObjectFailed("crm.orders: could not extend file: No space left on device.")
    assert disk_failure(error, tmp_path, by_words=False) is None
    assert disk_failure(caused(error, OSError(errno.ENOSPC, "full")), tmp_path, by_words=False) is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_disk_that_is_really_full_is_told(tmp_path: Path) -> None:
    with pytest.raises(DiskFailed, match="is full"), disk_told(tmp_path):
        descriptor = os.open("/dev/full", os.O_WRONLY)
        try:
            os.write(descriptor, b"x")
        finally:
            os.close(descriptor)

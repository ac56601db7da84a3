"""A home: its lock, its secret, and the pads by which SQL computes the same HMAC as Python."""

import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from ckm.errors import LoadRunning
from ckm.home import Home, hmac_pads


def test_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.secret(None)
    assert home.secret(None) == first
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_secret_of_the_environment_wins_and_is_not_stored(tmp_path: Path) -> None:
    assert Home(tmp_path).secret("from the environment") == b"from the environment"
    assert not (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    "key", [b"k", b"x" * 64, b"longer than one block of sixty-four bytes, so it is hashed first: yes"]
)
def test_pads_give_pythons_hmac_in_sql(key: bytes) -> None:
    inner, outer = hmac_pads(key)
    (made,) = duckdb.execute(
        "select sha256(unhex($outer) || unhex(sha256(unhex($inner) || encode($message))))",
        {"inner": inner, "outer": outer, "message": "crm|customers|4711"},
    ).fetchone()
    assert made == hmac.new(key, b"crm|customers|4711", hashlib.sha256).hexdigest()


def test_second_holder_is_told_who_holds_the_home(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ckm.home import Home\n"
        "with Home(Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(LoadRunning, match=f"process {holder.pid}"), Home(tmp_path).lock():
            pass
        holder.kill()
    with Home(tmp_path).lock():  # a killed holder leaves no stale lock
        assert (tmp_path / ".lock").read_text().strip() == str(os.getpid())

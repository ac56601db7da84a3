"""What `make up` does with a part that dies, tried with the site's server, which needs no Airflow."""

import os
from pathlib import Path

import pytest
from stack.local import MOST_STARTS, Local, NotReady
from tests.stack.plain import free_ports


def test_what_dies_is_started_again_unless_it_dies_again_and_again(tmp_path: Path) -> None:
    local = Local(tmp_path, free_ports()["site"], dict(os.environ))
    local.logs.mkdir()
    local.start_one("site")
    try:
        assert local.revive() == []
        for _ in range(MOST_STARTS):
            local.processes["site"].kill()
            local.processes["site"].wait()
            assert local.revive() == ["site"]
            assert local.processes["site"].poll() is None
        local.processes["site"].kill()
        local.processes["site"].wait()
        with pytest.raises(NotReady, match=r"^site ends again and again: see "):
            local.revive()
    finally:
        local.stop()

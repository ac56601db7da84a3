"""What dbt says of a night is on record and decides like a gate."""

import os
import shutil
from datetime import date
from pathlib import Path

import pytest
from tests.conftest import PROJECT

from ckm import transform, warehouse
from ckm.errors import GateFailed
from ckm.fields import Company
from ckm.home import Home

FINDS_A_ROW = (
    "select 1 as wrong from {{{{ ref('cocreation_style') }}}} limit 1 {{{{ config(severity = '{}') }}}}"
)
HAS_OTHER_LIMITS = """
select 1 as wrong from {{ ref('cocreation_style') }}
where current_setting('threads') <> 3 or current_setting('memory_limit') <> '1.8 GiB'
"""


@pytest.mark.slow
def test_dbt_test_of_severity_error_stops_the_night_and_a_warning_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKM_HOME", "the home of another command")
    monkeypatch.setenv("CKM_THREADS", "3")
    monkeypatch.setenv("CKM_MEMORY_LIMIT", "")  # as docker-compose.yml leaves it: the default of 2GB
    project, home = tmp_path / "project", Home(tmp_path / "home")
    shutil.copytree(PROJECT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    home.make()
    with warehouse.connect(home.warehouse) as connection:
        warehouse.prepare(connection, ("00", "00"))
    variables = transform.dbt_vars(Company(name="Test", time_zone="Europe/Berlin"), date(2025, 1, 1))

    (project / "tests" / "assert_limits.sql").write_text(HAS_OTHER_LIMITS)
    (project / "tests" / "assert_style.sql").write_text(FINDS_A_ROW.format("warn"))
    transform.build(home, project, variables, ("path:seeds",), "2025-01-01.1")
    (project / "tests" / "assert_style.sql").write_text(FINDS_A_ROW.format("error"))
    transform._PARSED.clear()
    with pytest.raises(GateFailed, match="dbt test assert_style fails with 1 rows"):
        transform.build(home, project, variables, ("path:seeds",), "2025-01-01.2")
    assert os.environ["CKM_HOME"] == "the home of another command"

    with warehouse.connect(home.warehouse) as connection:
        found = connection.execute(
            "select run_id, status, failures from audit.test_results where node = 'assert_style' order by 1"
        ).fetchall()
    assert found == [("2025-01-01.1", "warn", 1), ("2025-01-01.2", "fail", 1)]

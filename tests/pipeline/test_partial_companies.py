"""Companies that lack most sources: real complaints only, a real survey only. What is missing is absent, not broken."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.conftest import PROJECT, Finished
from tests.pipeline.conftest import rows

pytestmark = pytest.mark.slow

MARTS = {file.stem for file in (PROJECT / "dbt_project" / "models" / "marts").glob("*.sql")}


def load(
    example: str, night: str, file: Path, home: Path, ckm: Callable[..., Finished]
) -> tuple[Path, Finished]:
    sources = PROJECT / "examples" / example / "sources.yml"
    done = ckm(
        "run", "--sources", sources, "--home", home, "--date", night, CKM_EXAMPLE_DATA=str(file.parent)
    )
    assert done.code == 0, done.err
    return home, done


def filled_marts(home: Path) -> dict[str, int]:
    """The marts that have rows, and how many; every mart must be there."""
    counts = {mart: rows(home, f"select count(*) from marts.{mart}")[0][0] for mart in MARTS}
    return {mart: count for mart, count in counts.items() if count}


class TestConsumerComplaints:
    """28,156 complaints to the US consumer bureau, 2015-01-01 to 2015-03-19."""

    @pytest.fixture(scope="class")
    def home(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        ckm: Callable[..., Finished],
        real_data: Callable[[str], Path],
    ) -> Path:
        file = real_data("cfpb_complaints_2015q1.csv")
        return load("cfpb", "2015-03-19", file, tmp_path_factory.mktemp("cfpb"), ckm)[0]

    def test_every_complaint_and_every_late_answer_is_counted(self, home: Path) -> None:
        assert rows(
            home,
            "select count(*), count(*) filter (is_sla_breached), count(*) filter (is_disputed), count(customer_key) "
            "from from_customers.fct_complaint",
        ) == [(28_156, 712, 4_708, 0)]
        assert rows(
            home,
            "select sum(opened), sum(sla_breaches), sum(with_sla) from marts.complaint_handling "
            "where category = 'all'",
        ) == [(28_156, 712, 28_156)]

    def test_months_and_categories_equal_a_count_over_the_file(
        self, home: Path, real_data: Callable[[str], Path]
    ) -> None:
        direct = duckdb.sql(
            f"""
            select date_trunc('month', strptime("Date received", '%m/%d/%Y'))::date, lower(trim(Product)), count(*),
                count(*) filter ("Timely response?" = 'No')
            from read_csv('{real_data("cfpb_complaints_2015q1.csv")}', all_varchar = true)
            group by all order by all
            """
        ).fetchall()
        made = rows(
            home,
            "select month, category, opened, sla_breaches from marts.complaint_handling "
            "where category <> 'all' order by all",
        )
        assert made == direct

    def test_marts_of_absent_sources_are_there_and_empty(self, home: Path) -> None:
        assert set(filled_marts(home)) == {"complaint_handling"}


class TestSatisfactionSurvey:
    """250 people, 24 items of the European Customer Satisfaction Index."""

    @pytest.fixture(scope="class")
    def home(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        ckm: Callable[..., Finished],
        real_data: Callable[[str], Path],
    ) -> Path:
        file = real_data("ecsi_mobile_survey.csv")
        return load("ecsi_survey", "2025-12-31", file, tmp_path_factory.mktemp("ecsi"), ckm)[0]

    def test_mean_of_each_item_is_the_files(self, home: Path, real_data: Callable[[str], Path]) -> None:
        direct = duckdb.sql(
            f"""
            select item, count(*), round(avg(value), 9) from (
                unpivot (from '{real_data("ecsi_mobile_survey.csv")}')
                on columns(* exclude respondent_id) into name item value value
            ) group by item order by item
            """
        ).fetchall()
        made = rows(
            home,
            "select question_id, count(*), round(avg(answer_value), 9) from from_customers.fct_survey_answer "
            "group by 1 order by 1",
        )
        assert len(made) == 24 and made == direct

    def test_every_person_responds_once(self, home: Path) -> None:
        counted = (
            "select count(*), count(distinct response_key), count(responded_date) from from_customers.{}"
        )
        assert rows(home, counted.format("fct_survey_response")) == [(250, 250, 0)]
        assert rows(home, "select month, responses, invited, response_rate from marts.loyalty_monitor "
                          "where segment = 'all'") == [(None, 250, 0, None)]  # fmt: skip

    def test_items_know_what_they_measure(self, home: Path) -> None:
        constructs = dict(
            rows(home, "select construct, count(*) from from_customers.dim_survey_question group by 1")
        )
        assert constructs == {
            "brand": 5, "expectation": 3, "quality": 7, "value": 2, "satisfaction": 3, "complaint_handling": 1,
            "loyalty": 3,
        }  # fmt: skip

    def test_marts_of_absent_sources_are_there_and_empty(self, home: Path) -> None:
        assert set(filled_marts(home)) == {"loyalty_monitor"}

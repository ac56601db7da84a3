"""The chosen moments: where in a step a process dies, by step, and in words for the table."""

from dataclasses import dataclass

from benchmarks.disturbance.victim import Moment

_SQL = "dbt.adapters.sql.connections:SQLConnectionManager.add_query"


@dataclass(frozen=True)
class Chosen:
    """A moment in a step, of one source where the step is one's."""

    step: str
    at: str
    words: str
    source: str | None = None

    @property
    def moment(self) -> Moment:
        return Moment.of(self.at)


def _of(step: str, source: str | None, **moments: str) -> list[Chosen]:
    return [Chosen(step, at, words.replace("_", " "), source) for words, at in moments.items()]


PREPARE = [
    *_of(
        "prepare", None,
        before_the_secret="ckm.nightly:hmac_pads:before:1",
        in_making_the_tables="ckm.warehouse:source_contracts:before:1",
        before_the_run_is_opened="ckm.runs:provenance.git_state:before:1",
        after_the_run_is_opened="ckm.runs:start_run:after:1",
        in_making_the_landing="ckm.nightly:shutil.rmtree:before:2",
        with_the_windows_written="ckm.runs:leave:before:1",
    ),
]  # fmt: skip
SECRET = _of(
    "prepare", None,
    the_secret_half_written="ckm.home:os.fsync:before:1",
    the_secret_before_its_rename="ckm.home:Path.rename:before:1",
    the_secret_just_made="ckm.home:Home.secret:after:1",
    the_warehouse_just_made="ckm.nightly:warehouse.prepare:before:1",
    the_tables_just_made="ckm.nightly:warehouse.prepare:after:1",
)  # fmt: skip
EXTRACT = [
    *_of(
        "extract", "crm",
        at_the_first_batch="ckm.extract.sql:SqlReader.batches:within:1",
        between_batches="ckm.extract.sql:SqlReader.batches:within:6",
        before_the_load="dlt.pipeline.pipeline:Pipeline.load:before:1",
        after_the_load="dlt.pipeline.pipeline:Pipeline.load:after:1",
    ),
    *_of(
        "extract", "complaints",
        in_the_pages="ckm.extract.rest:RestReader.batches:within:2",
        before_normalizing="dlt.pipeline.pipeline:Pipeline.normalize:before:1",
        after_normalizing="dlt.pipeline.pipeline:Pipeline.normalize:after:1",
    ),
    *_of("extract", "surveys", between_files="ckm.extract.files:FilesReader.batches:within:3"),
    *_of("extract", "knowledge", before_landed_is_written="ckm.extract:_land:after:1"),
    *_of(
        "extract", "community",
        after_landed_is_written="ckm.extract:extract_source:after:1",
        before_the_step_is_recorded="ckm.runs:leave:before:1",
    ),
]  # fmt: skip
GATE = [
    *_of(
        "gate_raw", "crm",
        before_the_candidates="ckm.gate.candidates:build:before:2",
        after_the_candidates="ckm.gate.candidates:build:after:1",
        in_great_expectations="ckm.gate.check:GateSession._mark_broken_rows:before:3",
        before_the_verdicts="ckm.gate.check:GateSession.run:after:4",
        in_the_transaction_with_its_verdicts="ckm.gate.admit:audit.record_gate_results:after:2",
        in_the_transaction_with_rows_set_aside="ckm.gate.fates:set_aside:after:1",
        in_the_transaction_with_rows_taken_in="ckm.gate.fates:take_in:after:2",
        before_the_commit="ckm.gate.admit:audit.record_freshness:after:2",
        right_after_a_commit="ckm.gate.admit:_admit_object:after:1",
        right_after_the_next_commit="ckm.gate.admit:_admit_object:after:1",
    ),
    *_of(
        "gate_raw", "complaints",
        before_the_first_commit="ckm.gate.admit:audit.record_freshness:after:1",
        after_the_last_commit="ckm.gate.admit:audit.verdicts_of:before:1",
    ),
    *_of(
        "gate_raw", "surveys",
        in_the_log="ckm.gate.fates:raw.append:after:1",
        after_the_first_commit="ckm.gate.admit:_admit_object:after:1",
    ),
    *_of("gate_raw", "knowledge", in_the_ledger="ckm.gate.admit:audit.record_ledger:after:2"),
    *_of("gate_raw", "community", before_the_step_is_recorded="ckm.nightly:_record_steps:before:1"),
]  # fmt: skip
RECORDS = _of(
    "build_records", None,
    before_the_variables="ckm.transform:_common:before:1",
    at_the_10th_statement=f"{_SQL}:before:10",
    a_seed_emptied=f"{_SQL}:after:1:truncate",
    between_the_renames_of_a_table=f"{_SQL}:after:1:__dbt_backup",
    before_the_tests_are_recorded="ckm.transform:_node_result:before:1",
)  # fmt: skip
MATCH = _of(
    "match", None,
    before_anything_is_compared="ckm.identity:normalise.normalise:before:1",
    with_names_taken_down="ckm.identity:probabilistic.take_frequencies:after:1",
    with_pairs_scored="ckm.identity:probabilistic.score:after:1",
    with_links_made="ckm.identity:links.gather:after:1",
    in_the_history="ckm.identity.history:_say:after:1",
    after_the_history="ckm.identity:history.renew:after:1",
    before_the_step_is_recorded="ckm.nightly:_record_steps:before:1",
)  # fmt: skip
STAR = _of(
    "build_star", None,
    before_the_variables="ckm.transform:_common:before:1",
    at_the_10th_statement=f"{_SQL}:before:10",
    at_the_60th_statement=f"{_SQL}:after:60",
    before_a_commit=f"{_SQL}:before:60:COMMIT",
    a_table_before_its_rename=f"{_SQL}:before:1:rename to",
    between_the_renames_of_a_table=f"{_SQL}:after:1:__dbt_backup",
    before_its_backup_is_dropped=f"{_SQL}:after:2:rename to",
    after_delete_and_insert_before_the_commit=f"{_SQL}:after:3:delete from",
    at_the_400th_statement=f"{_SQL}:after:400",
    before_the_tests_are_recorded="ckm.transform:_node_result:before:1",
)  # fmt: skip
SCORE = _of(
    "score", None,
    before_fitting="ckm.score:value_model.train:before:1",
    with_a_backtest_and_no_model="ckm.value_model.training:compare:after:1",
    in_fitting="ckm.value_model.training:fit_order_value:after:1",
    before_the_scores_are_judged="ckm.score:_out_of_band:before:1",
    in_the_transaction_with_scores_of_tonight_alone="ckm.score:_write:after:1",
    before_the_commit="ckm.score:_record:after:1",
    after_the_commit="ckm.score:score:after:1",
    before_the_step_is_recorded="ckm.nightly:_record_steps:before:1",
)  # fmt: skip
MARTS = _of(
    "build_marts", None,
    at_the_30th_statement=f"{_SQL}:before:30",
    between_the_renames_of_a_mart=f"{_SQL}:after:3:__dbt_backup",
    before_its_backup_is_dropped=f"{_SQL}:before:2:drop table if exists",
    before_the_tests_are_recorded="ckm.transform:_node_result:before:1",
    before_the_docs="ckm.transform:write_docs:before:1",
    after_the_docs="ckm.transform:write_docs:after:1",
)  # fmt: skip
GATE_MARTS = _of(
    "gate_marts", None,
    after_the_ledger="ckm.gate.ledger:judge_ledger:after:1",
    in_great_expectations="ckm.gate.check:GateSession.run:before:5",
    between_two_marts="ckm.gate.marts:audit.record_gate_results:after:3",
    after_the_last_mart="ckm.gate.marts:judge_marts:after:1",
)  # fmt: skip
PUBLISH = _of(
    "publish",
    None,
    in_clearing_away="ckm.publish:clear_away:after:1",
    before_copying="ckm.publish.copying:_descriptions:after:1",
    in_copying="ckm.publish.copying:runs.record_published_tables:before:1",
    in_copying_the_audit="ckm.publish.copying:runs.record_published_tables:after:1",
    before_the_version_is_named="ckm.publish.version:Version.write:before:1",
    in_the_site="ckm.site:render:before:2",
    after_the_site="ckm.site:write:after:1",
    in_syncing="ckm.publish.switching:os.fsync:before:20",
    before_the_rename="ckm.publish:synced:after:1",
    after_the_rename="ckm.publish:switch:before:1",
    between_the_link_and_its_rename="ckm.publish.switching:Path.symlink_to:after:1",
    after_the_switch="ckm.publish:switch:after:1",
    in_putting_the_switch_on_record="ckm.publish.record:add:after:3",
    after_the_switch_is_on_record="ckm.publish.record:note_switch:after:1",
    in_pruning="ckm.publish:prune:after:1",
    before_the_landing_is_removed="ckm.publish:publish:after:1",
    in_retention="ckm.nightly:retention.apply:before:1",
    before_the_step_is_recorded="ckm.nightly:_record_steps:before:1",
)
REPLAY = _of(
    "replay", None,
    before_the_decision="ckm.quarantine:_decide:before:1",
    after_the_decision="ckm.quarantine:_decide:after:1",
    in_mending="ckm.quarantine:queue:before:1",
    after_mending="ckm.quarantine:queue:after:1",
)  # fmt: skip
DISCARD = _of(
    "discard", None,
    before_rows_are_left_out="ckm.quarantine:_decide:before:1",
    after_rows_are_left_out="ckm.quarantine:_decide:after:1",
)  # fmt: skip
OF_A_NIGHT = [*EXTRACT, *GATE, *RECORDS, *MATCH, *STAR, *SCORE, *MARTS, *GATE_MARTS, *PUBLISH]
ALL = [*PREPARE, *SECRET, *OF_A_NIGHT, *REPLAY, *DISCARD]

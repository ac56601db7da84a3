"""How likely two records are one person, by the weights of what agrees and what does not (Fellegi and Sunter, Splink).

Splink works in a scratch database of its own beside the home's file, so that its tables never reach that file.
"""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.blocking_rule_library import CustomRule
from splink.internals.splink_dataframe import SplinkDataFrame

from ckm.identity.model import Model
from ckm.identity.scratch import scratch

TERM_COLUMNS = ("given_name", "family_name", "company_name")
"""Columns whose weight depends on how common the term is."""
RANDOM_PAIRS = 2_000_000
"""Random pairs on which u, the chance that two strangers agree, is estimated."""
LOWEST_EVIDENCE = 5.0
"""Weight (log2) of what agrees less what does not under which a pair is not worth keeping, in any prior."""
LOWEST_M, LOWEST_U = 0.005, 1e-6
"""No evidence is more certain than this: rare slips never occur in some training data."""
PAIR_COLUMNS = """left_ref varchar, right_ref varchar, match_weight double, field_weights map(varchar, double),
    model varchar"""

_BLOCKS = (
    ("rare_family_key",), ("rare_name_key",), ("family_key", "given_initial", "city"),
    ("family_key", "postal_code"), ("given_name", "postal_code"),
    ("family_key", "birth_year"), ("postal_code", "birth_year"), ("given_name", "birth_year", "family_initial"),
    ("email",), ("phone_tail",), ("email_local",),
    ("employer_ref", "given_name"), ("company_name", "family_key"), ("company_name", "given_name"),
)  # fmt: skip
"""What two records must share to be compared, one of these."""
MOST_BEARERS = {"family_key": 50, "name_key": 20}
"""Records that may have one family key, or that and one given name: more, and it alone is no reason to compare two."""

_FAMILY_KEY = """left(family_name, 1) || array_to_string(list_sort(list_distinct(string_split(
    regexp_replace(family_name, '[aeiouy]', '', 'g'), ''))), '')"""
# First letter and the other consonants in order, each once: letters that changed places leave it as it is.

_TRAINING_BLOCKS = (
    ("email",),
    ("phone_tail",),
    ("family_name", "given_name"),
    ("postal_code", "family_name"),
)
"""Pairs on which m, the chance that one person's records agree, is estimated; each leaves out its own columns."""


def _block(columns: Sequence[str]) -> CustomRule:
    """Pairs that share all of the columns, but for two of the CRM: it is a register, its rows are kept apart."""
    shared = " and ".join(f"l.{column} = r.{column}" for column in columns)
    return CustomRule(f"{shared} and (l.source <> 'crm' or r.source <> 'crm')", sql_dialect="duckdb")


def _either_initial(column: str) -> cll.CustomLevel:
    return cll.CustomLevel(
        f"left({column}_l, 1) = left({column}_r, 1) and least(length({column}_l), length({column}_r)) = 1",
        "initial agrees",
    )


def _settings() -> SettingsCreator:
    given = cl.CustomComparison(
        output_column_name="given_name",
        comparison_levels=[
            cll.NullLevel("given_name"),
            cll.ExactMatchLevel("given_name", term_frequency_adjustments=True),
            cll.JaroWinklerLevel("given_name", 0.88),
            _either_initial("given_name"),
            cll.CustomLevel(
                "starts_with(given_name_l, left(given_name_r, 3)) or ends_with(given_name_l, right(given_name_r, 4))",
                "short form",
            ),
            cll.ElseLevel(),
        ],
    )
    family = cl.CustomComparison(
        output_column_name="family_name",
        comparison_levels=[
            cll.NullLevel("family_name"),
            cll.ExactMatchLevel("family_name", term_frequency_adjustments=True),
            cll.JaroWinklerLevel("family_name", 0.92),
            cll.JaroWinklerLevel("family_name", 0.85),
            cll.ElseLevel(),
        ],
    )
    place = cl.CustomComparison(
        output_column_name="place",
        comparison_levels=[
            cll.CustomLevel(
                "(postal_code_l is null or postal_code_r is null) and (city_l is null or city_r is null)",
                "no place",
            ).configure(is_null_level=True),
            cll.CustomLevel("street_l = street_r and postal_code_l = postal_code_r", "same street"),
            cll.CustomLevel("postal_code_l = postal_code_r", "same postal code"),
            cll.CustomLevel("city_l = city_r", "same city"),
            cll.ElseLevel(),
        ],
    )
    birth = cl.CustomComparison(
        output_column_name="birth_year",
        comparison_levels=[
            cll.NullLevel("birth_year"),
            cll.ExactMatchLevel("birth_year"),
            cll.CustomLevel("abs(birth_year_l - birth_year_r) = 1", "a year apart"),
            cll.ElseLevel(),
        ],
    )
    company = cl.CustomComparison(
        output_column_name="company_name",
        comparison_levels=[
            cll.NullLevel("company_name"),
            cll.CustomLevel("employer_ref_l = employer_ref_r", "same employer"),
            cll.ExactMatchLevel("company_name", term_frequency_adjustments=True),
            cll.JaroWinklerLevel("company_name", 0.9),
            cll.ElseLevel(),
        ],
    )
    email = cl.CustomComparison(
        output_column_name="email",
        comparison_levels=[
            cll.NullLevel("email"),
            cll.ExactMatchLevel("email"),
            cll.CustomLevel("email_local_l = email_local_r", "same local part"),
            cll.ElseLevel(),
        ],
    )
    phone = cl.CustomComparison(
        output_column_name="phone",
        comparison_levels=[
            cll.NullLevel("phone"),
            cll.ExactMatchLevel("phone"),
            cll.CustomLevel("phone_tail_l = phone_tail_r", "same last digits"),
            cll.ElseLevel(),
        ],
    )
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_ref",
        comparisons=[given, family, place, birth, company, email, phone, cl.ExactMatch("country")],
        blocking_rules_to_generate_predictions=[_block(columns) for columns in _BLOCKS],
        retain_intermediate_calculation_columns=True,
        linker_uid="ckm",
        em_convergence=0.001,
        max_iterations=10,  # more and what never occurs in little data falls out of the range of numbers
    )


def train(connection: duckdb.DuckDBPyConnection, *, seed: int, version: str, trained_on: str) -> Model:
    """A model trained on the persons of `identity.normal`: u on random pairs, m by expectation maximisation.

    The same records and seed give the same weights up to rounding (they are kept to nine digits).
    """
    comparable(connection)
    with scratch(connection) as (cursor, home):
        cursor.execute(f"create table training as from {home}.identity.comparable order by record_ref")
        (records,) = cursor.execute("select count(*) from training").fetchone()
        linker = Linker(DuckDBAPI(cursor).register("training"), _settings(), log_level=None)
        linker.training.estimate_probability_two_random_records_match([_block(("email",))], recall=0.5)
        linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=seed)
        for columns in _TRAINING_BLOCKS:
            linker.training.estimate_parameters_using_expectation_maximisation(_block(columns))
        settings = linker.misc.save_model_to_json()
    return Model(version, trained_on, seed, records, _tidied(settings))


def _tidied(value: Any) -> Any:
    """Settings with no probability that training could not see or saw as impossible, and nine digits of each."""
    if isinstance(value, dict):
        tidy = {key: _tidied(item) for key, item in value.items()}
        if "sql_condition" in tidy and not tidy.get("is_null_level"):
            tidy["m_probability"] = max(tidy.get("m_probability") or 0.0, LOWEST_M)
            tidy["u_probability"] = max(tidy.get("u_probability") or 0.0, LOWEST_U)
        return tidy
    if isinstance(value, list | tuple):
        return [_tidied(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def taken_on(connection: duckdb.DuckDBPyConnection, model: Model, night: date) -> date:
    """The night whose shares of names a night reads: the last one that took them by then, or else itself."""
    (found,) = connection.execute(
        "select max(taken_on) from identity.term_frequency where model = ? and taken_on <= ?",
        [model.version, night],
    ).fetchone()
    return found or night


def take_frequencies(
    connection: duckdb.DuckDBPyConnection, model: Model, night: date, *, anew: bool = True
) -> None:
    """Make `identity.term_share`: how common each name is, as one night took it down for all that a model will score.

    Later records do not change it: a pair has one score for a model, whether it is scored tonight or in a rematch.

    Args:
        night: which one took it down.
        anew: it is that night, which takes it down, again where it runs again.
    """
    if anew:
        comparable(connection)
        connection.execute(
            "delete from identity.term_frequency where model = ? and taken_on = ?", [model.version, night]
        )
        for column in (*TERM_COLUMNS, *MOST_BEARERS):
            only = f"having count(*) > {MOST_BEARERS[column]}" if column in MOST_BEARERS else ""
            connection.execute(
                f"""insert into identity.term_frequency by name
                select ? as model, ?::date as taken_on, '{column}' as column_name, {column} as term,
                    count(*) / sum(count(*)) over () as frequency
                from identity.comparable where {column} is not null group by {column} {only} order by {column}""",
                [model.version, night],
            )
    connection.execute(
        """create or replace table identity.term_share as
        select column_name, term, frequency from identity.term_frequency where model = ? and taken_on = ?
        order by all""",
        [model.version, night],
    )


def comparable(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `identity.comparable`: the persons with what is their own, without shared addresses and numbers.

    A name that only a shared address spells out may be that of another reader, and goes with it. A key is
    rare if it is not among the common ones of `identity.term_share`.
    """
    connection.execute(
        "create table if not exists identity.term_share (column_name varchar, term varchar, frequency double)"
    )
    connection.execute(
        f"""create or replace table identity.comparable as
        with own as (
            select n.* exclude (parent_ref, stated_ref, known_on, changed_on, birth_date, registration_number) replace (
                case when e.value is null then n.email end as email,
                case when e.value is null then n.email_local end as email_local,
                case when p.value is null then n.phone end as phone,
                case when p.value is null then n.phone_tail end as phone_tail,
                case when e.value is null or not n.address_name then n.given_name end as given_name,
                case when e.value is null or not n.address_name then n.family_name end as family_name
            )
            from identity.normal n
            left join identity.shared_value e on e.field = 'email' and e.value = n.email
            left join identity.shared_value p on p.field = 'phone' and p.value = n.phone
            where n.kind = 'person'
        ),
        keyed as (
            select *, {_FAMILY_KEY} as family_key, left(family_name, 1) as family_initial,
                left(given_name, 1) as given_initial, family_key || ' ' || given_name as name_key
            from own
        )
        select keyed.*, case when family.term is null then family_key end as rare_family_key,
            case when name.term is null then name_key end as rare_name_key
        from keyed
        left join identity.term_share family on family.column_name = 'family_key' and family.term = family_key
        left join identity.term_share name on name.column_name = 'name_key' and name.term = name_key
        order by record_ref"""
    )


def score(connection: duckdb.DuckDBPyConnection, model: Model, *, whole: bool = False) -> int:
    """Bring `identity.scored_pair` up to date: the match weight of each pair of persons worth keeping, by field.

    Only records that are not as they were when this model last scored them are compared, with all and with each
    other; so also those whose address turned out to be shared. `whole` compares all with all and leaves the same
    pairs behind. Needs `take_frequencies`.

    Returns:
        How many records were compared.
    """
    comparable(connection)
    connection.execute(f"create table if not exists identity.scored_pair ({PAIR_COLUMNS})")
    connection.execute(
        "create table if not exists identity.scored_state (record_ref varchar, state ubigint, model varchar)"
    )
    basis = _basis(connection, model)
    connection.execute(
        f"""create or replace temp table fresh as
        with now as (select record_ref, hash(c) as state from identity.comparable c)
        select record_ref
        from now full join (from identity.scored_state where {"false" if whole else "model = ?"}) before
            using (record_ref)
        where now.state is distinct from before.state order by record_ref""",
        None if whole else [basis],
    )
    if not connection.execute("from identity.scored_state where model = ? limit 1", [basis]).fetchall():
        connection.execute("delete from identity.scored_pair")
    fresh = connection.execute("select record_ref from fresh").fetch_arrow_table()
    if not fresh.num_rows:
        return 0
    with scratch(connection) as (cursor, home):
        cursor.register("fresh", fresh)
        for name, which in (("new_records", "in"), ("old_records", "not in")):
            cursor.execute(
                f"create table {name} as from {home}.identity.comparable "
                f"where record_ref {which} (select record_ref from fresh) order by record_ref"
            )
        api = DuckDBAPI(cursor)
        new, old = api.register("new_records"), api.register("old_records")
        linker = Linker(new, dict(model.settings), log_level=None)
        for column in TERM_COLUMNS:  # not as columns of the records: Splink joins the tables all the same
            cursor.execute(f"create table {column}_terms as {_frequencies(home, column)}")
            linker.table_management.register_term_frequency_lookup(api.register(f"{column}_terms"), column)
        chance = model.settings["probability_two_random_records_match"]
        prior = math.log2(chance / (1 - chance))
        kept = {"threshold_match_weight": prior + LOWEST_EVIDENCE, "warning_mode": "never"}
        found = [linker.inference.predict_within(new, **kept)]
        if cursor.execute("select count(*) from old_records").fetchone() != (0,):
            found.append(linker.inference.predict_between(old, new, **kept))
        cursor.execute(
            f"""delete from {home}.identity.scored_pair
            where left_ref in (select record_ref from fresh) or right_ref in (select record_ref from fresh)"""
        )
        for pairs in found:
            cursor.execute(f"insert into {home}.identity.scored_pair {_scored(cursor, pairs, prior, model)}")
    connection.execute(
        "create or replace table identity.scored_state as "
        "select record_ref, hash(c) as state, ? as model from identity.comparable c",
        [basis],
    )
    return fresh.num_rows


def _basis(connection: duckdb.DuckDBPyConnection, model: Model) -> str:
    """What pairs are scored by: the model and the shares of names."""
    (shares,) = connection.execute("select sum(hash(t)) from identity.term_share as t").fetchone()
    return f"{model.version} {shares}"


def _frequencies(home: str, column: str) -> str:
    """SQL of the share of each term of a column; a term not taken down is as rare as the rarest of them."""
    return f"""
        with taken as (
            select term, frequency from {home}.identity.term_share where column_name = '{column}'
        )
        select terms.{column}, coalesce(frequency, (select min(frequency) from taken), 1e-6) as tf_{column}
        from (select distinct {column} from {home}.identity.comparable where {column} is not null) as terms
        left join taken on taken.term = terms.{column}"""


def _scored(cursor: duckdb.DuckDBPyConnection, pairs: SplinkDataFrame, prior: float, model: Model) -> str:
    """SQL of scored pairs: references in order, weight of the evidence without the prior, and weight by field."""
    columns = {column[0] for column in cursor.execute(f"from {pairs.physical_name} limit 0").description}
    fields = [c["output_column_name"] for c in model.settings["comparisons"]]
    weights = ", ".join(
        f"'{field}': round(mw_{field}{f' + mw_tf_adj_{field}' if f'mw_tf_adj_{field}' in columns else ''}, 6)"
        for field in fields
    )
    return f"""
        select least(record_ref_l, record_ref_r) as left_ref, greatest(record_ref_l, record_ref_r) as right_ref,
            round(match_weight - {prior!r}, 6) as match_weight, map {{{weights}}} as field_weights,
            '{model.version}' as model
        from {pairs.physical_name} order by left_ref, right_ref"""


def chart(model: Model, file: Path) -> None:
    """Write the chart of a model's match weights as a page that needs no network."""
    with scratch(duckdb.connect()) as (cursor, _):
        columns = (
            "record_ref source given_name family_name city street postal_code company_name employer_ref email"
        )
        texts = ", ".join(f"{c} varchar" for c in f"{columns} email_local phone phone_tail country".split())
        cursor.execute(f"create table nobody ({texts}, birth_year integer)")
        linker = Linker(DuckDBAPI(cursor).register("nobody"), dict(model.settings), log_level=None)
        linker.visualisations.match_weights_chart().save(str(file), inline=True)

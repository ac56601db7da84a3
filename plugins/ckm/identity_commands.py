"""The commands `ckm identity explain | review | decide`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import duckdb
import typer

from ckm.errors import ConfigurationError
from ckm.options import HomeOption, JsonOption, SourcesOption, print_json, settings_of

if TYPE_CHECKING:
    from ckm.identity.explain import Doubt, Explained, Tie

app = typer.Typer(
    help="Ask why records are one, look at doubtful pairs, decide about them.", no_args_is_help=True
)

RevealOption = Annotated[bool, typer.Option("--reveal", help="Show personal values, too.")]
BAR = 24.0
"""Match weight that fills a bar."""


@app.command()
def explain(
    which: Annotated[
        str,
        typer.Argument(
            help="source|object|native id, a native id alone, or a customer_key or its beginning.",
            metavar="REF_OR_KEY",
        ),
    ],
    reveal: RevealOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which records are one customer, why, what was held apart and why, and since when."""
    from ckm.console import console
    from ckm.identity.explain import explain as explained

    with _warehouse(home) as connection:
        found = explained(connection, which, reveal=reveal)
    if as_json:
        print_json(asdict(found))
        return
    screen = console()
    for part in _page(found, reveal):
        screen.print(part, markup=False, soft_wrap=isinstance(part, str))


@app.command()
def review(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many of each kind.")] = 20,
    reveal: RevealOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show pairs that a person should look at, the strongest first, and values that are nobody's own."""
    from ckm.console import console, table
    from ckm.identity.review import review as reviewed

    with _warehouse(home) as connection:
        found = reviewed(connection, limit=limit, reveal=reveal)
    if as_json:
        print_json(asdict(found))
        return
    screen = console()
    if found.pairs:
        rows = [(tie.left, tie.right, _evidence(tie), tie.reason) for tie in found.pairs]
        screen.print(table("Doubtful pairs", ("one …", "other …", "what speaks for it", "why not"), rows))
        counts = ", ".join(f"{number:,} {reason}" for reason, number in found.reasons.items())
        screen.print(f"{len(found.pairs):,} of {sum(found.reasons.values()):,} pairs: {counts}.")
    else:
        screen.print("No pair waits for a decision.")
    for title, doubts in (
        (f"Addresses and numbers that are nobody's own ({found.shared_total:,})", found.shared),
        ("Values that stand for none", found.placeholders),
    ):
        if doubts:
            screen.print(_doubts(title, doubts))
    if found.pairs:
        pair = found.pairs[0]
        screen.print(
            "Why in full: ckm identity explain REFERENCE. To decide, add a line to the file that identity.decisions of "
            "sources.yml names",
            f"    {pair.left},{pair.right},merge,REASON,YYYY-MM-DD",
            "(or apart instead of merge), or: ckm identity decide ONE OTHER merge|apart --reason REASON",
            sep="\n",
            soft_wrap=True,
        )


@app.command()
def decide(
    left: Annotated[str, typer.Argument(help="source|object|native id of one record.")],
    right: Annotated[str, typer.Argument(help="source|object|native id of the other.")],
    decision: Annotated[str, typer.Argument(help="merge or apart.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
    sources: SourcesOption = None,
    home: HomeOption = None,
) -> None:
    """Write a decision into the company's file of decisions; it holds from the next night on."""
    from ckm.console import console
    from ckm.identity import decisions
    from ckm.identity.explain import demand
    from ckm.sources import load_sources

    _, path = settings_of(sources, home)
    company = load_sources(path)
    file = company.identity.decisions
    if file is None:
        raise ConfigurationError(
            f"{path} names no file of decisions: add identity: {{decisions: identity_decisions.csv}} to it."
        )
    with _warehouse(home) as connection:
        demand(connection)
        for ref in (left, right):
            if not connection.execute("from identity.normal where record_ref = ?", [ref]).fetchall():
                raise ConfigurationError(
                    f"no record is {ref!r}: give one as ckm identity explain prints it, such as 'crm|customers|4711'."
                )
    decisions.add(file, left, right, decision, reason, datetime.now(company.company.zone).date())
    console().print(f"Written to {file}; it holds from the next night on.", soft_wrap=True)


@contextmanager
def _warehouse(home: HomeOption) -> Iterator[duckdb.DuckDBPyConnection]:
    from ckm.home import Home
    from ckm.warehouse import connect

    settings, _ = settings_of(None, home)
    place = Home(settings.home.resolve())
    if not place.warehouse.exists():
        raise ConfigurationError(f"{place.folder} holds no warehouse yet: run ckm run first.")
    with place.lock(), connect(place.warehouse, read_only=True) as connection:
        yield connection


def _page(found: "Explained", reveal: bool) -> Iterator:
    from ckm.console import table

    many = f"{len(found.records):,} record{'s' if len(found.records) > 1 else ''}, named by the oldest, {found.founder}"
    key = f"customer_key {found.customer_key}" if found.customer_key else "nobody's customer"
    if found.customer not in (None, found.founder):
        key = f"acts for the customer {found.customer} ({key}), person_key {found.person_key}"
    yield f"{key}: {many}\n"
    yield "Its records"
    for record in found.records:
        since = f", in this cluster since {record.valid_from}" if record.valid_from else ""
        says = ", ".join(text for text in (record.name, record.email, record.phone, record.place, record.company,
                                           f"born {record.birth}" if record.birth else None) if text)  # fmt: skip
        yield f"  {record.ref}, known since {record.known_on}{since}"
        yield f"    {says or 'says nothing of whose it is'}"
    yield ""
    if found.links:
        yield "Why they are one"
        yield from _ties(found.links)
    if found.apart:
        yield "Held apart"
        yield from _ties(found.apart)
    if found.values:
        yield _doubts("Values that link nobody", found.values)
    if any(spell.valid_from or spell.valid_to for spell in found.history):
        yield table(
            "History",
            ("record …", "belongs to the cluster of …", "from", "until, exclusive"),
            [(s.ref, s.founder, s.valid_from or "always", s.valid_to) for s in found.history],
        )
    else:
        yield "Since each of its records is known, the cluster has had them.\n"
    if found.links or found.apart:
        yield "A match weight says how often the odds double; the probability counts in whom else the two could be."
    if not reveal:
        yield "--reveal shows personal values."


def _ties(found: Sequence["Tie"]) -> Iterator[str]:
    for tie in found:
        yield f"  {tie.left} – {tie.right}{f': {tie.reason}' if tie.reason else ''}"
        told = f" by model {tie.model}" if tie.model else ""
        run = f", run {tie.run_id}" if tie.run_id else ""
        remark = f": {tie.remark}" if tie.remark else ""
        yield f"    {_evidence(tie)}{told}{run}{remark}"
        for name, weight in tie.weights.items():
            if abs(weight) >= 0.05:
                yield f"      {name.replace('_', ' '):14}{weight:+6.1f}  {bar(weight)}"
    yield ""


def _evidence(tie: "Tie") -> str:
    if tie.probability is None:
        return tie.rule
    return f"{tie.rule} {tie.weight:+.1f}, probability {100 * min(tie.probability, 0.999):.1f} %"


def bar(weight: float) -> str:
    """A match weight as a bar: solid for what speaks for a pair, hollow for what speaks against it."""
    return ("█" if weight > 0 else "░") * max(1, round(min(abs(weight), BAR)))


def _doubts(title: str, doubts: Sequence["Doubt"]):
    from ckm.console import table

    rows = [
        (
            d.field.replace("_", " "),
            d.value,
            d.reason,
            d.records,
            " ".join(d.refs[:3]) + (" …" if len(d.refs) > 3 else ""),
        )
        for d in doubts
    ]
    return table(title, ("field", "value …", "why", "records", "among them …"), rows)

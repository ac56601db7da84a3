"""The command `ckm`."""

import sys
from datetime import date, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from ckm.settings import set_tool_defaults

set_tool_defaults()

from ckm import home_commands, identity_commands, publish_commands, quarantine_commands  # noqa: E402
from ckm.errors import CkmError, ConfigurationError, LoadRunning  # noqa: E402
from ckm.options import HomeOption, JsonOption, SourcesOption, given, print_json, settings_of  # noqa: E402

app = typer.Typer(
    help="A nightly pipeline and warehouse for customer knowledge.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(quarantine_commands.app, name="quarantine")
app.add_typer(identity_commands.app, name="identity")
app.add_typer(home_commands.app)
app.command()(publish_commands.publish)


@app.command()
def run(
    sources: SourcesOption = None,
    home: HomeOption = None,
    on: Annotated[
        str | None, typer.Option("--date", help="Night to load, YYYY-MM-DD; default yesterday.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First of several nights.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last of several nights.")] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild everything from the raw log, without the sources.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            help="A rule, as source.object.rule or marts.mart.rule, that may fail tonight: you have looked at it. "
            "Can be given several times.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Load a night: extract, gate, build, score, gate again, publish."""
    settings, file = settings_of(sources, home)
    nights = _nights(on, first, last, file)
    from ckm.sources import load_sources

    load_sources(file)  # what is wrong in it is said before the libraries load
    from ckm import runner

    raise typer.Exit(
        runner.run_nights(
            settings, file, nights, full_refresh=full_refresh, as_json=as_json, accept=accept or ()
        )
    )


@app.command()
def check(sources: SourcesOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look at the environment, sources.yml, the suites, every system and the home, and load nothing."""
    from ckm.check import look_everywhere
    from ckm.console import console, table

    looked = look_everywhere(**given(sources, home))
    for error in looked.wrong:
        print(f"ckm: {error}", file=sys.stderr)
    if looked.wrong:
        raise typer.Exit(min(error.exit_code for error in looked.wrong))  # a load that runs counts last
    rows = [(f"{c.source}.{c.object}", c.place, c.columns) for c in looked.found]
    if as_json:
        print_json([dict(zip(("object", "place", "columns"), row, strict=True)) for row in rows])
        return
    console().print(table(f"{looked.file} is sound", ("object", "place", "columns"), rows))


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the last nights, which version readers see, what is stale or did not hold, and what the sources have new."""
    from dataclasses import asdict

    from ckm.console import console
    from ckm.home import Home
    from ckm.results import standing_tables
    from ckm.standing import standing
    from ckm.warehouse import connect

    settings, _ = settings_of(None, home)
    place = Home(settings.home.resolve())
    if not place.warehouse.exists():
        raise ConfigurationError(f"{place.folder} holds no warehouse yet: run ckm run first.")
    try:
        with place.lock(), connect(place.warehouse, read_only=True) as connection:
            seen, note = standing(connection), ""
    except LoadRunning as running:  # what readers see can be read at any time
        if not place.current.exists():
            raise
        with connect(place.current / "ckm.duckdb", read_only=True) as connection:
            seen, note = standing(connection), f"{running}"
    now = place.current.resolve().name if place.current.exists() else None
    if as_json:
        print_json({"published": now} | asdict(seen))
        return
    console().print(*standing_tables(seen, now, note), sep="\n")


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to make the company in.")],
    customers: Annotated[
        int, typer.Option("--customers", min=1, help="Customers over the whole time.")
    ] = 400,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same company.")] = 1,
    until: Annotated[
        str, typer.Option("--until", help="Last day of the company's life so far.")
    ] = "2025-12-31",
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            help="SQLAlchemy address of a database for CRM and knowledge base, ${NAME} for a variable; "
            "default a SQLite file in the folder.",
        ),
    ] = None,
) -> None:
    """Make a company's source systems, its sources.yml and its hidden truth."""
    from ckm.console import console
    from ckm.settings import expand_variables
    from ckm.simulate import simulate as make

    address = expand_variables(database, "--database") if database else None
    make(folder, customers=customers, seed=seed, until=_date(until, "--until"), database=address)
    console().print(
        f"Made a company of {customers:,} customers until {until} in {folder}; its map is {folder}/sources.yml."
    )


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="Folder of a simulated company.")],
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 takes a free one.")
    ] = 8765,
    token_seconds: Annotated[
        int, typer.Option("--token-seconds", min=1, help="How long a token is good.")
    ] = 300,
    requests_per_second: Annotated[
        int, typer.Option("--requests-per-second", min=1, help="More than these are answered 429.")
    ] = 20,
) -> None:
    """Serve a simulated company's complaint system as a JSON API until Ctrl-C."""
    import signal

    from ckm.console import console
    from ckm.simulate.serve import ComplaintServer

    with ComplaintServer(
        folder, host, port, token_seconds=token_seconds, requests_per_second=requests_per_second
    ) as server:
        console().print(f"Serving the complaints of {folder} at {server.url}/api/ until Ctrl-C.")
        server.serve_until((signal.SIGINT, signal.SIGTERM))


def main() -> None:
    """Entry point: expected failures are one sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # where an encoding has no "×", the table still comes
    try:
        code = app(standalone_mode=False)  # the code of typer.Exit, where a command raised it
        sys.exit(code if isinstance(code, int) else 0)
    except CkmError as error:
        print(f"ckm: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        usage = getattr(error, "format_message", None)
        if usage is None:
            raise
        print(f"ckm: {usage()}", file=sys.stderr)
        sys.exit(2)


def _nights(on: str | None, first: str | None, last: str | None, sources: Path) -> list[date]:
    from ckm.sources import load_sources

    if on and (first or last):
        raise ConfigurationError("give either --date, or --from and --to, not both.")
    if bool(first) != bool(last):
        raise ConfigurationError("--from and --to go together.")
    if first and last:
        start, end = _date(first, "--from"), _date(last, "--to")
        if end < start:
            raise ConfigurationError(f"--to {end} is before --from {start}.")
        return [start + timedelta(days=n) for n in range((end - start).days + 1)]
    if on:
        return [_date(on, "--date")]
    zone = load_sources(sources).company.zone
    return [datetime.now(zone).date() - timedelta(days=1)]


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} must be a date like 2025-12-31, not {text!r}.") from error


if __name__ == "__main__":
    main()

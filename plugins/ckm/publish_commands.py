"""The command `ckm publish`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ckm.errors import ConfigurationError, LoadRunning
from ckm.options import HomeOption, JsonOption, print_json, settings_of

if TYPE_CHECKING:
    from ckm.home import Home


def publish(
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Send readers back to the version that was public before.")
    ] = False,
    version: Annotated[
        str | None, typer.Option("--version", help="Send readers to this version, an older or a newer one.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the record.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the versions that are kept and which one readers see, or send readers to another one of them."""
    from ckm.home import Home

    settings, _ = settings_of(None, home)
    place = Home(settings.home.resolve())
    if not place.warehouse.exists():
        raise ConfigurationError(f"{place.folder} holds no warehouse yet: run ckm run first.")
    if rollback or version:
        _send(place, version, reason, as_json)
    elif reason:
        raise ConfigurationError("--reason goes with --rollback or --version.")
    else:
        _show(place, as_json)


def _send(place: "Home", version: str | None, reason: str | None, as_json: bool) -> None:
    from ckm.console import console
    from ckm.publish.going_back import go_back
    from ckm.warehouse import connect, prepare

    with place.lock(), connect(place.warehouse) as connection:
        prepare(connection)  # refuses a home of another release
        moved = go_back(connection, place, version, reason)
    if as_json:
        print_json(asdict(moved))
        return
    before, now = moved.before, moved.now
    lines = [f"Readers see version {now.version} again, as of {now.as_of_date}."]
    if moved.kind == "rolled back":
        lines.append(
            f"{before.version} is rolled back and kept; the next night that is published takes its place."
        )
        lines.append(f"To publish its night again when it is mended: ckm run --date {before.as_of_date}")
    console().print(*lines, sep="\n")


def _show(place: "Home", as_json: bool) -> None:
    from ckm.console import console, table
    from ckm.publish import record
    from ckm.publish.going_back import kept_versions
    from ckm.publish.switching import kept
    from ckm.warehouse import connect, prepare

    note = ""
    try:
        with place.lock(), connect(place.warehouse) as connection:
            prepare(connection)
            record.catch_up(connection, place)
            recorded = record.switches(connection)
    except LoadRunning as running:  # what is public can be seen at any time
        recorded, note = record.last_published(kept(place)), f"{running}"
    found = kept_versions(place, recorded)
    if as_json:
        print_json([asdict(version) for version in found])
        return
    seen = next((version.version for version in found if version.is_seen), "nothing")
    columns = ("version", "", "night", "made (UTC)", "status", "tables", "MB")
    rows = [
        (
            v.version, "←" if v.is_seen else "", v.as_of_date, v.made_at and f"{v.made_at:%Y-%m-%d %H:%M}", v.status,
            v.tables, v.bytes / 1e6,
        )
        for v in found
    ]  # fmt: skip
    screen = console()
    screen.print(table(f"versions kept; readers see {seen}", columns, rows))
    for version in found:
        if version.fault:
            screen.print(f"{version.version} is not whole: {version.fault}.")
    if note:
        screen.print(note)

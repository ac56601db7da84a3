"""The commands on a home as a whole: `ckm migrate`, `ckm backup` and `ckm restore`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ckm.errors import ConfigurationError, disk_told
from ckm.options import HomeOption, JsonOption, print_json, settings_of

app = typer.Typer()


@app.command()
def migrate(
    home: HomeOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what there is to do, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a home of an earlier release to what this one needs."""
    from ckm import migrations
    from ckm.console import console, table
    from ckm.warehouse import SCHEMA_VERSION, connect

    place = _home(home)
    done = []
    with place.lock(), disk_told(place.folder), connect(place.warehouse, read_only=dry_run) as connection:
        steps = migrations.outstanding(connection)
        for step in steps:
            if not dry_run:
                migrations.migrate(connection, step)
            done.append((step.number, step.says, "to do" if dry_run else "done"))
        if done and not dry_run:
            connection.execute("checkpoint")
    if as_json:
        print_json([dict(zip(("schema", "says", "state"), row, strict=True)) for row in done])
        return
    screen = console()
    if not done:
        screen.print(
            f"{place.folder} is at schema {SCHEMA_VERSION}, as this release needs it: nothing to do."
        )
        return
    screen.print(table(f"{place.folder}", ("schema", "what it does", "state"), done))
    if dry_run:
        screen.print("Nothing has changed. Back up the home with ckm backup, then run ckm migrate.")
    elif any(step.asks_full_refresh for step in steps):
        screen.print("The next night builds the star anew from the raw log, and takes longer for once.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; a file that is there is replaced.")],
    home: HomeOption = None,
    without_secret: Annotated[
        bool,
        typer.Option(
            "--without-secret", help="Leave out secret.key: who restores it must set CKM_SECRET to it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a home to one file: the warehouse, its secret and the version that readers see."""
    from ckm import backup as backups
    from ckm.console import console

    place = _home(home)
    with place.lock():
        with disk_told(place.folder):  # what a night has left beside the warehouse is written into it first
            described = backups.look(place, with_secret=not without_secret)
        with _progress("backing up", 2 * described.size) as progress:  # read for the checksums, then copied
            made = backups.write(place, described, file.absolute(), progress)
    if as_json:
        print_json(asdict(made))
        return
    screen = console()
    screen.print(
        f"{file}: night of {made.night}, version {made.version or 'none'}, {len(made.files):,} files, "
        f"{made.size / 1e6:,.1f} MB packed into {file.stat().st_size / 1e6:,.1f} MB.",
        soft_wrap=True,
    )
    screen.print(
        "It holds the key behind customer_key and personal data: keep it as you keep those."
        if made.has_secret
        else "It holds personal data, but not the key behind customer_key: to restore it, set CKM_SECRET to it."
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What ckm backup has written.")],
    home: HomeOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move a home that stands there aside, and keep it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a home of a backup, after every checksum in it was compared."""
    from ckm import backup as backups
    from ckm.console import console
    from ckm.home import Home
    from ckm.warehouse import SCHEMA_VERSION

    settings, _ = settings_of(None, home)
    place = Home(settings.home.resolve())
    manifest = backups.read_manifest(file)
    with _progress("restoring", manifest.size) as progress:
        restored = backups.restore(file, place, settings.secret, progress, replaces=replace)
    if as_json:
        print_json(asdict(manifest) | {"home": place.folder, "moved_to": restored.moved_to})
        return
    screen = console()
    if restored.moved_to:
        screen.print(f"The home that was there is now {restored.moved_to}.", soft_wrap=True)
    screen.print(
        f"{place.folder}: night of {manifest.night}, version {manifest.version or 'none'}, {len(manifest.files):,} "
        "files, each as it was backed up.",
        soft_wrap=True,
    )
    if not manifest.has_secret and not settings.secret:
        screen.print("The key behind customer_key is not in it: set CKM_SECRET to the one it was built with.")
    if manifest.schema_version < SCHEMA_VERSION:
        screen.print("It was made by an earlier release: run ckm migrate.")


def _home(home: HomeOption) -> Any:
    from ckm.home import Home

    settings, _ = settings_of(None, home)
    place = Home(settings.home.resolve())
    if not place.warehouse.exists():
        raise ConfigurationError(f"{place.folder} holds no warehouse yet: run ckm run first.")
    return place


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; yields what is to be told of bytes done."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from ckm.console import console

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)

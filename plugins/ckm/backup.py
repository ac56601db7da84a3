"""A home in one file: made under the home's lock, checked whole before it becomes a home again.

    warehouse.duckdb, secret.key, the version that readers see → FILE.new → FILE        manifest.json comes first
    FILE → <home>.restoring, every checksum compared → <home>                           in one rename

Older versions, logs, and what a night makes anew are not part of it.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn

import duckdb

from ckm import __version__, runs
from ckm.errors import CkmError, ConfigurationError, safe_reason
from ckm.home import Home, hmac_pads
from ckm.warehouse import OTHER_KEY, SCHEMA_VERSION, connect, has_other_key, schema_version

FORMAT = 1
MANIFEST = "manifest.json"
WAREHOUSE, SECRET = "warehouse.duckdb", "secret.key"
LARGEST_MANIFEST = 64 << 20
LEVEL = 1  # columns are compressed already: more effort saves little
AT_ONCE = 1 << 20
BROKEN = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)

Progress = Callable[[int], Any]
"""Is told of bytes that are done."""


@dataclass(frozen=True)
class File:
    """One file of a backup: its path within the home, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: the newest night loaded, the version that readers saw, and the files."""

    format: int
    ckm_version: str
    schema_version: int
    night: str | None
    version: str | None
    made_at: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def has_secret(self) -> bool:
        return any(file.path == SECRET for file in self.files)


@dataclass(frozen=True)
class Restored:
    """What was restored, and where the home went that was there before."""

    manifest: Manifest
    moved_to: Path | None


def look(home: Home, *, with_secret: bool) -> Manifest:
    """What a backup of a home would hold, without checksums; the home's lock must be held.

    Raises:
        LoadRunning: another program has the warehouse open.
    """
    with connect(home.warehouse) as connection:
        schema = schema_version(connection)
        if schema is None:
            raise ConfigurationError(
                f"{home.folder} has not loaded a night yet: there is nothing to back up."
            )
        (night,) = connection.execute(
            "select cast(max(as_of_date) as varchar) from audit.load_ledger"
        ).fetchone()
        connection.execute("checkpoint")  # all is in the one file then
    version = home.current.resolve() if home.current.exists() else None
    paths = [home.warehouse]
    if with_secret and (home.folder / SECRET).exists():
        paths.append(home.folder / SECRET)
    if version:
        paths += sorted(path for path in version.rglob("*") if path.is_file())
    return Manifest(
        format=FORMAT,
        ckm_version=__version__,
        schema_version=schema,
        night=night,
        version=version.name if version else None,
        made_at=runs.now().isoformat(),
        files=tuple(File(p.relative_to(home.folder).as_posix(), p.stat().st_size, "") for p in paths),
    )


def write(home: Home, manifest: Manifest, file: Path, progress: Progress) -> Manifest:
    """Write the backup that a manifest describes; the home's lock must be held. Returns it with its checksums.

    Raises:
        CkmError: the file cannot be written, or the home changed under it.
    """
    new = file.with_name(f"{file.name}.new")
    try:
        checked = replace(
            manifest,
            files=tuple(replace(f, sha256=_sha256(home.folder / f.path, progress)) for f in manifest.files),
        )
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            os.fchmod(descriptor, 0o600)
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=LEVEL, copybufsize=AT_ONCE) as archive:
                text = json.dumps(asdict(checked), indent=1).encode()
                archive.addfile(_member(MANIFEST, len(text), 0o600), io.BytesIO(text))
                for one in checked.files:
                    with (home.folder / one.path).open("rb") as source:
                        copied = _Hashing(source, progress)
                        mode = os.fstat(source.fileno()).st_mode & 0o777
                        archive.addfile(_member(one.path, one.size, mode), copied)
                    if copied.digest.hexdigest() != one.sha256:
                        raise CkmError(
                            f"{home.folder / one.path} changed while it was copied: close the program that writes "
                            "to it and back up again."
                        )
            raw.flush()
            os.fsync(descriptor)
        new.replace(file)
        sync(file.parent)
    except OSError as error:
        raise CkmError(
            f"{file} cannot be written ({error.strerror or error}): name another place."
        ) from error
    finally:
        with suppress(OSError):
            new.unlink()
    return checked


def read_manifest(file: Path) -> Manifest:
    """What a backup holds, from its first lines.

    Raises:
        ConfigurationError: it is no backup, or one that this release cannot read.
    """
    with _opened(file) as archive:
        return _manifest(file, archive)


def restore(file: Path, home: Home, secret: str | None, progress: Progress, *, replaces: bool) -> Restored:
    """Make a home of a backup; nothing stands at its place before all of it was checked.

    Args:
        secret: the key behind `customer_key` as the environment has it.
        replaces: move a home aside that stands there.

    Raises:
        ConfigurationError: the file is no backup, or the folder is taken.
        CkmError: the backup is damaged, or cannot be written there.
        LoadRunning: the home that stands there is being loaded, or restored by another process.
    """
    manifest = read_manifest(file)
    if home.folder.is_mount():
        raise ConfigurationError(
            f"{home.folder} is a mounted volume, whose place nothing else can take: restore to another folder and copy "
            "what is in it."
        )
    if not replaces:
        _demand_free(home.folder)
    half = Home(home.folder.with_name(f"{home.folder.name}.restoring"))
    with half.lock():
        try:
            _clear(half.folder)
            _demand_room(half.folder, manifest)
            _unpack(file, half.folder, progress)
            if manifest.version:
                half.current.symlink_to(Path("versions") / manifest.version)
            _look_at(half, file, secret)
            for folder in (half.folder, *(path for path in half.folder.rglob("*") if path.is_dir())):
                sync(folder)
            moved_to = _switch(half.folder, home, replaces=replaces)
        except BaseException as error:
            shutil.rmtree(half.folder, ignore_errors=True)  # it holds personal data
            if not isinstance(error, OSError):
                raise
            raise CkmError(
                f"{error.filename or half.folder} cannot be written ({error.strerror or error}): make room, or "
                "restore elsewhere."
            ) from error
    return Restored(manifest, moved_to)


def _unpack(file: Path, folder: Path, progress: Progress) -> None:
    """Write each file that the manifest names, and nothing else, comparing sizes and checksums."""
    with _opened(file) as archive:
        manifest = _manifest(file, archive)
        waiting = {one.path: one for one in manifest.files}
        for member in _members(file, archive):
            one = waiting.pop(member.name, None)
            if one is None or not member.isreg():
                _refuse_foreign(file, f"it holds {member.name!r}, which its manifest does not name as a file")
            source = archive.extractfile(member)
            place = folder / one.path
            place.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                copied = _Hashing(source, progress)  # type: ignore[arg-type]
                shutil.copyfileobj(copied, target, AT_ONCE)
                target.flush()
                os.fchmod(target.fileno(), member.mode & 0o777)
                os.fsync(target.fileno())
            if member.size != one.size or copied.digest.hexdigest() != one.sha256:
                _refuse_damaged(file, f"{one.path} is not what was backed up")
        if waiting:
            _refuse_damaged(file, f"{min(waiting)} is missing")


def _look_at(half: Home, file: Path, secret: str | None) -> None:
    """Open what was unpacked, and see whether the key that is there is the one it was built with."""
    key = half.kept_secret(secret)
    try:
        with connect(half.warehouse, read_only=True) as connection:
            if key and has_other_key(connection, hmac_pads(key)):
                raise ConfigurationError(OTHER_KEY)
    except duckdb.Error as error:
        raise CkmError(
            f"the warehouse in {file} cannot be opened by DuckDB {duckdb.__version__} ({safe_reason(error)}): "
            "restore it with the release that made it."
        ) from error


def _switch(half: Path, home: Home, *, replaces: bool) -> Path | None:
    """Put what was restored in the home's place; returns where the home went that was there."""
    moved_to = None
    if replaces and home.folder.exists() and any(home.folder.iterdir()):
        with home.lock():
            names = (f"{home.folder.name}.replaced{n}" for n in ("", *(f"-{n}" for n in range(2, 1000))))
            moved_to = next(p for name in names if not (p := home.folder.with_name(name)).exists())
            home.folder.rename(moved_to)
    else:
        _demand_free(home.folder)
    half.rename(home.folder)
    sync(home.folder.parent)
    return moved_to


def _demand_free(folder: Path) -> None:
    if (folder / WAREHOUSE).exists() or (folder / SECRET).exists():
        raise ConfigurationError(
            f"{folder} already holds a home: give another folder, or --replace to move that one aside."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(
            f"{folder} is not empty: give another folder, or --replace to move it aside."
        )


def _demand_room(folder: Path, manifest: Manifest) -> None:
    free = shutil.disk_usage(folder).free
    if free < manifest.size:
        raise CkmError(
            f"{folder.parent} has {free:,} bytes free and the backup needs {manifest.size:,}: make room, or "
            "restore elsewhere."
        )


def _clear(folder: Path) -> None:
    """Remove what a restore that was killed left, but not the lock that is held."""
    for path in folder.iterdir():
        if path.name == ".lock":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (folder / "published" / "versions").mkdir(parents=True)


def sync(folder: Path) -> None:
    """Make sure that a folder's names are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        archive = tarfile.open(file, "r:gz")  # noqa: SIM115
    except BROKEN as error:
        _refuse_foreign(file, f"it does not begin like one ({safe_reason(error)})")
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read ({error.strerror}): give the path of a backup."
        ) from None
    with archive:
        try:
            yield archive
        except BROKEN as error:
            _refuse_damaged(file, f"it cannot be read to its end ({safe_reason(error)})")


def _members(file: Path, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members that are left, one after the other."""
    while (member := archive.next()) is not None:
        yield member


def _manifest(file: Path, archive: tarfile.TarFile) -> Manifest:
    """The manifest, which is the first member, checked.

    Raises:
        ConfigurationError: there is none, or a newer release wrote it.
    """
    member = archive.next()
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > LARGEST_MANIFEST:
        _refuse_foreign(file, "it does not begin with a manifest")
    try:
        values = json.loads(archive.extractfile(member).read())  # type: ignore[union-attr]
        if values["format"] > FORMAT or values["schema_version"] > SCHEMA_VERSION:
            raise ConfigurationError(
                f"{file} was made by ckm {values['ckm_version']} with schema {values['schema_version']}, and this "
                f"release knows {SCHEMA_VERSION}: install ckm {values['ckm_version']} or a later one."
            )
        manifest = Manifest(**{**values, "files": tuple(File(**one) for one in values["files"])})
        paths = [one.path for one in manifest.files]
        if WAREHOUSE not in paths or len(set(paths)) < len(paths):
            _refuse_foreign(file, "its manifest is not complete")
        for path in paths:
            if not _belongs(path, manifest.version):
                _refuse_foreign(file, f"its manifest names {path!r}, which is no part of a home")
    except (KeyError, TypeError, ValueError, AttributeError):
        _refuse_foreign(file, "its manifest cannot be read")
    return manifest


def _belongs(path: str, version: str | None) -> bool:
    """Whether a path is one that a backup holds, and leads nowhere else."""
    parts = PurePosixPath(path).parts
    if "/".join(parts) != path or ".." in parts or "\0" in path:
        return False
    return path in (WAREHOUSE, SECRET) or (parts[:3] == ("published", "versions", version) and len(parts) > 3)


def _refuse_foreign(file: Path, why: str) -> NoReturn:
    raise ConfigurationError(f"{file} is no backup that ckm backup made: {why}.")


def _refuse_damaged(file: Path, why: str) -> NoReturn:
    raise CkmError(f"{file} is damaged: {why}; nothing was restored, take another backup.")


def _member(name: str, size: int, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, mode
    return member


def _sha256(path: Path, progress: Progress) -> str:
    with path.open("rb") as source:
        copied = _Hashing(source, progress)
        while copied.read(AT_ONCE):
            pass
    return copied.digest.hexdigest()


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, source: IO[bytes], progress: Progress) -> None:
        self.digest = hashlib.sha256()
        self._source, self._progress = source, progress

    def read(self, size: int = -1) -> bytes:
        read = self._source.read(size)
        self.digest.update(read)
        self._progress(len(read))
        return read

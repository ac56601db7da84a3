"""A file as it lies in the folder: whether it can be read, still is what it was, or is another one's double.

folder/<glob>  →  files in the order of their names, each with its size and time
"""

import hashlib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ckm.errors import ObjectFailed


@dataclass(frozen=True)
class StoredFile:
    """One file under its name within the folder; `state` is its size in bytes and the time of its last change."""

    path: Path
    name: str
    state: tuple[int, int]

    @classmethod
    def found(cls, path: Path, name: str) -> "StoredFile":
        """The file as it is now.

        Raises:
            ObjectFailed: it is no file, or may not be read.
        """
        shown = name.encode(errors="backslashreplace").decode()
        try:
            if shown != name:
                raise refused(shown, "has a name that is not UTF-8 text: rename it")
            if path.is_dir():
                raise refused(name, "is a folder, not a file")
            with path.open("rb"):
                return cls(path, name, _state(path))
        except FileNotFoundError:
            raise refused(shown, "is a link that leads to no file") from None
        except OSError as error:
            raise refused(shown, f"may not be read: {(error.strerror or 'no access').lower()}") from None

    def demand_unchanged(self) -> None:
        """Raise ObjectFailed where the file is no longer what it was when it was found."""
        try:
            now = _state(self.path)
        except OSError:
            now = None
        if now != self.state:
            raise refused(
                self.name,
                "changed while it was read, as if it were still being written: it is read the next night",
            )


def refused(name: str, why: str) -> ObjectFailed:
    """The failure of an object because of one of its files, which is refused whole."""
    return ObjectFailed(f"{name} {why}.", refused=(name,))


def stored_files(folder: Path, pattern: str) -> list[StoredFile]:
    """The files that a name or glob stands for, in the order of their names.

    Raises:
        ObjectFailed: there is none, or one of them cannot be read.
    """
    paths = sorted(folder.glob(pattern))
    if not paths and (folder / pattern).is_symlink():
        paths = [folder / pattern]
    # A glob such as * also meets folders that nobody takes for a file.
    suffix = Path(pattern).suffix
    paths = [path for path in paths if not path.is_dir() or path.suffix == suffix != "" or len(paths) == 1]
    if not paths:
        raise ObjectFailed(f"no file matches {pattern} in {folder}.", "Correct file.")
    return [StoredFile.found(path, path.relative_to(folder).as_posix()) for path in paths]


def repeated(files: list[StoredFile]) -> set[str]:
    """The names of the files that are, byte for byte, an earlier one under another name."""
    again: set[str] = set()

    def size(file: StoredFile) -> int:
        return file.state[0]

    for _, group in groupby(sorted(files, key=size), key=size):  # sorting keeps the order of names
        alike = list(group)
        seen: set[str] = set()
        for file in alike if len(alike) > 1 else ():
            digest = _digest(file.path)
            again |= {file.name} & ({file.name} if digest in seen else set())
            seen.add(digest)
    return again


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns

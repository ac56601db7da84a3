"""What can end a run early, and the exit code each one means to the shell and to Airflow."""

import difflib
import errno
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class CkmError(Exception):
    """Base of every expected failure: its text is one sentence for a person, never a traceback."""

    exit_code = 1


class GateFailed(CkmError):
    """A critical gate failed; nothing was published."""

    exit_code = 1


class ConfigurationError(CkmError):
    """The command line, sources.yml, a contract or a suite is wrong; nothing has run."""

    exit_code = 2


class LoadRunning(CkmError):
    """Another load holds this home."""

    exit_code = 3


class ObjectFailed(CkmError):
    """One source object could not be read as its contract says; the other objects go on.

    The sentence goes on record and is published; `hint` is for the person at the terminal only, because it
    may hold what stands in a file. `refused` names the files that were refused whole.
    """

    exit_code = 4

    def __init__(self, sentence: str, hint: str = "", refused: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.refused = refused


class SourceDown(ObjectFailed):
    """A system does not answer: nothing is known to be wrong with how it is configured.

    `reaches_nothing` says that no object of the source can be read, so that none of the others need be tried.
    """

    def __init__(self, sentence: str, *, reaches_nothing: bool = False) -> None:
        super().__init__(sentence)
        self.reaches_nothing = reaches_nothing


class SourceChanging(SourceDown):
    """A system was being changed while it was read, so that what came may lack rows: it is read once more."""


class DiskFailed(CkmError):
    """The disk under the home is full, or nothing can be written to it any more."""


# How the libraries below say it: of most of them only the words of the operating system come through.
_FULL = ("no space left on device", "disk quota exceeded", "database or disk is full", "out of disk space")
_READ_ONLY = ("read-only file system", "readonly database")


def disk_failure(error: BaseException, folder: Path, *, by_words: bool = True) -> DiskFailed | None:
    """What is wrong with the disk of a folder, if that is what an error, or one behind it, comes from.

    Args:
        by_words: also where a library only says so; not where the words may be another system's about its own disk.
    """
    words, numbers = "", set()
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DiskFailed):
            return seen
        words += f"{seen}\n".lower() if by_words else ""
        numbers.add(seen.errno if isinstance(seen, OSError) else None)
        seen = seen.__cause__ or seen.__context__
    if numbers & {errno.ENOSPC, errno.EDQUOT} or any(said in words for said in _FULL):
        free = shutil.disk_usage(folder).free / 1e6
        return DiskFailed(
            f"the disk under {folder} is full ({free:,.0f} MB are free): make room and run again; readers keep the "
            "last version."
        )
    if numbers & {errno.EROFS} or any(said in words for said in _READ_ONLY):
        return DiskFailed(
            f"{folder} cannot be written to, because its disk is read-only: mend that and run again; "
            "readers keep the last version."
        )
    return None


@contextmanager
def disk_told(folder: Path) -> Iterator[None]:
    """Let whatever a full or read-only disk makes of the libraries inside end in the one sentence about it.

    Raises:
        DiskFailed: in place of an error that comes from the disk.
    """
    try:
        yield
    except Exception as error:
        failed = disk_failure(error, folder)
        if failed is None or failed is error:
            raise
        raise failed from error


def safe_reason(error: BaseException | str) -> str:
    """A library's message without the data in it: its first line, quoted values left out.

    Messages go on record in `audit`, which is published; libraries like to quote the cell or the line that
    they stumbled over.
    """
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"'[^']*'", "'…'", " ".join(first.split())).rstrip(".")[:300]


def sentence_of(error: BaseException) -> str:
    """A failure as it may go on record: our own sentence, of anybody else's only what holds no data."""
    if isinstance(error, CkmError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {safe_reason(error)}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known: the name that was probably meant, or some."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known[:20])}."

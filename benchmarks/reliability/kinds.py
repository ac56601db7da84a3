"""All kinds of bad input, in the order in which they are shown, each with the module that holds it."""

from pathlib import Path

from benchmarks.reliability import apis, databases, delimited, documents, putting_back, still, values
from benchmarks.reliability.records import Kind

MODULES = (delimited, documents, values, still, databases, apis, putting_back)
KINDS: tuple[Kind, ...] = tuple(kind for module in MODULES for kind in module.KINDS)


def module_of(kind: Kind) -> Path:
    """The file that holds a kind."""
    return next(Path(str(module.__file__)) for module in MODULES if kind in module.KINDS)

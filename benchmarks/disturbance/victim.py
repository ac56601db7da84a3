"""A `ckm` that kills itself with SIGKILL at a chosen moment, from outside: the product knows nothing of it.

    python -m benchmarks.disturbance.victim --at ckm.score:_record:after:1 -- run --date 2025-12-31

A moment is `MODULE:FUNCTION:before|after|within:N[:TEXT]`: before or after the function's N-th call (of those that have
TEXT in an argument), or before the N-th item of what a generator gives.
"""

import functools
import importlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Moment:
    """When to die: `module:function` is looked up where its caller does, `number` counts from 1."""

    module: str
    function: str
    place: str
    number: int = 1
    text: str = ""

    @classmethod
    def of(cls, words: str) -> "Moment":
        module, function, place, number, *text = words.split(":", 4)
        return cls(module, function, place, int(number), *text)

    def __str__(self) -> str:
        return ":".join([self.module, self.function, self.place, str(self.number), self.text]).rstrip(":")

    def owner(self) -> tuple[Any, str]:
        """The module or class that holds the function, and the function's own name.

        Raises:
            AttributeError: there is no such function.
        """
        *outer, name = self.function.split(".")
        owner = functools.reduce(getattr, outer, importlib.import_module(self.module))
        getattr(owner, name)
        return owner, name


def die() -> None:
    """What the kernel does to a process that runs out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: Moment, act: Callable[[], Any] = die) -> None:
    """Let this process do something, die if nothing else is said, at a moment."""
    owner, name = moment.owner()
    called, real = itertools.count(1), getattr(owner, name)

    def is_now() -> bool:
        return next(called) == moment.number

    @functools.wraps(real)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        words = [*arguments, *named.values()]
        meant = not moment.text or any(moment.text in word for word in words if isinstance(word, str))
        if moment.place == "within":
            return _items(real(*arguments, **named), is_now, act)
        is_due = meant and is_now()
        if is_due and moment.place == "before":
            act()
        result = real(*arguments, **named)
        if is_due and moment.place == "after":
            act()
        return result

    setattr(owner, name, wrapped)


def _items(items: Iterator[Any], is_now: Callable[[], bool], act: Callable[[], Any]) -> Iterator[Any]:
    for item in items:
        if is_now():
            act()
        yield item


def main() -> None:
    """Entry point: everything after `--` is for `ckm`."""
    cut = sys.argv.index("--")
    given = sys.argv[1:cut]
    from ckm import cli

    if given:
        arm(Moment.of(given[given.index("--at") + 1]))
    sys.argv = ["ckm", *sys.argv[cut + 1 :]]
    cli.main()


if __name__ == "__main__":
    main()

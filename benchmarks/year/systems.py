"""A company's systems in a process of their own, so that what the load's process holds is the load's alone."""

import multiprocessing
import shutil
import threading
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from ckm.simulate import simulate
from ckm.simulate.serve import ComplaintServer


class Systems:
    """The systems of a company under `folder`, which live on day by day while its complaint API is served."""

    def __init__(self, folder: Path, *, customers: int, seed: int) -> None:
        self.sources = folder / "sources.yml"
        context = multiprocessing.get_context("spawn")
        self._here, self._there = context.Pipe()
        self._process = context.Process(
            target=_live, args=(folder, customers, seed, self._there), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self._there.close()  # the child has it now, and must see that this side is closed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.close()
        self._process.join()

    def live_until(self, day: date) -> str:
        """Let the systems stand as they do at the end of a day; returns the address of the API."""
        self._here.send(day)
        return self._here.recv()


def _live(folder: Path, customers: int, seed: int, pipe: Connection) -> None:
    """Make the company anew for each day that comes, as it would have looked, until the load's process has gone."""
    server: ComplaintServer | None = None
    while (day := _next(pipe)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
        simulate(folder, customers=customers, seed=seed, until=day)
        if server is None:
            server = ComplaintServer(folder, port=0, token_seconds=3600, requests_per_second=100_000)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        pipe.send(server.url)


def _next(pipe: Connection) -> date | None:
    try:
        return pipe.recv()
    except EOFError:  # killed, perhaps
        return None

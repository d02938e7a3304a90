"""The tables are what the migrations make, and the command line may work beside the service."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cloud.store import Clash, open_store
from cloud.store.engine import sqlite_url
from cloud.store.schema import metadata
from cloud.vault import Vault, VaultProblem
from tests.service.conftest import CABINETS, Service

ROOT = Path(__file__).parents[2]


async def test_the_migrations_make_the_schema(tmp_path: Path) -> None:
    store = await open_store(sqlite_url(tmp_path))
    await store.close()
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'cloud.sqlite'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_every_table_names_its_tenant() -> None:
    assert [name for name, table in metadata.tables.items() if "tenant" not in table.c] == []


async def test_readers_cannot_write_and_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = await open_store(sqlite_url(tmp_path))
    row = "INSERT INTO enrolments VALUES ('x', 'default', 'c', 1, 2, NULL)"
    with pytest.raises(sqlalchemy.exc.OperationalError, match="readonly"):
        async with store.reading() as db:
            await db.exec_driver_sql(row)
    with pytest.raises(Clash):
        async with store.writing() as db:
            await db.exec_driver_sql(f"{row}, ('x', 'default', 'c', 1, 2, NULL)")
    async with store.reading() as db:
        assert (await db.exec_driver_sql("SELECT count(*) FROM enrolments")).scalar() == 0
        settings = [
            (await db.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")
        ]
    assert settings == ["wal", 2]
    await store.close()


def cloud(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "cloud", *words, "--folder", str(folder)]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=60)


async def test_the_command_line_works_beside_the_running_service(service: Service, tmp_path: Path) -> None:
    file = CABINETS / "locker-modbus.toml"
    folder = tmp_path / "cloud"
    made = await asyncio.to_thread(cloud, "enrol", str(file), folder=folder)
    answer = await service.http.post("/v1/enrolments/exchange", json={"token": made.stdout.strip()})
    assert answer.status_code == 200, made.stderr
    key = await asyncio.to_thread(cloud, "key", "create", "shop", "--scope", "read", folder=folder)
    mine = {"Authorization": f"Bearer {key.stdout.strip()}"}
    assert (await service.http.get("/v1/cabinets", headers=mine)).status_code == 200
    listed = await asyncio.to_thread(cloud, "key", "list", folder=folder)
    assert "shop\tread\tin force" in listed.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["enrol", "no-such.toml"], "no-such.toml: -: cannot be read"),
        (["key", "revoke", "nobody"], "no key named 'nobody' is in force"),
        (["serve", "--broker", "external"], "broker_url must be mqtt://"),
        (["serve", "--port", "70000"], "port"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(words: list[str], says: str, tmp_path: Path) -> None:
    done = cloud(*words, folder=tmp_path / "cloud")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path)
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(VaultProblem, match=r"master\.key"):
        Vault(tmp_path)


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "a").seal(b"secret", "x")
    with pytest.raises(VaultProblem, match="of another key"):
        Vault(tmp_path / "b").open(sealed, "x")
    with pytest.raises(VaultProblem):
        Vault(tmp_path / "a").open(sealed, "y")

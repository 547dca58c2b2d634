"""The clusters that tests run on keep their promises themselves."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests import postgres
from tests.postgres import Cluster, create_database, drop_database, execute

ROOT = Path(__file__).parent.parent


async def test_a_database_takes_asyncpg_connections(postgres_database):
    connection = await asyncpg.connect(postgres_database.replace("+asyncpg", ""))

    assert await connection.fetchval("SHOW fsync") == "on"

    await connection.close()


def test_a_database_is_empty_though_another_is_not(postgres_database, postgres_url):
    execute(postgres_database, "CREATE TABLE mine (id int)")

    other = create_database(postgres_url)

    assert execute(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == "0"
    drop_database(other)


def test_a_database_may_be_the_copy_of_another(postgres_database, postgres_url):
    execute(postgres_database, "CREATE TABLE mine AS SELECT 42 AS answer")

    copy = create_database(postgres_url, template=postgres_database.rpartition("/")[2])

    assert execute(copy, "SELECT answer FROM mine") == "42"
    drop_database(copy)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_survives_a_restart(mode):
    with Cluster() as cluster:
        url = cluster.url
        execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")

        cluster.stop(mode)
        with pytest.raises(postgres.PostgresFailed):
            execute(url, "SELECT 1")
        cluster.start()

        assert cluster.url == url
        assert execute(url, "SELECT answer FROM kept") == "42"
    assert not cluster.directory.exists()


def test_no_server_outlives_a_killed_pytest():
    script = (
        "from tests.postgres import Cluster; cluster = Cluster(); cluster.start();"
        "print(f'{cluster.pid} {cluster.directory}', flush=True); input()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid, directory = starter.stdout.readline().split()
        server = psutil.Process(int(pid))
        assert server.is_running()

        starter.kill()

    try:
        deadline = time.monotonic() + 10
        while _is_alive(server) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _is_alive(server)
    finally:
        if _is_alive(server):
            server.kill()
        shutil.rmtree(directory)


def _is_alive(process):
    """An orphan that ended may stay a zombie where nobody buries it, as in some containers."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_missing_server_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(postgres.PostgresMissing, match="sudo apt-get install postgresql"):
        Cluster()

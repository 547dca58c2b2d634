"""What every test may ask for."""

import signal
from collections.abc import Generator, Iterator
from typing import TypeVar

import pytest
import structlog

from tests.postgres import Cluster, PostgresFailed, PostgresMissing, create_database, drop_database

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)
# A shell has what it runs in the background ignore Ctrl-C, and so would what tests start and stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_cluster = pytest.StashKey[Cluster]()
_failure = pytest.StashKey[str]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Under xdist start PostgreSQL once, before the workers, for all of them."""
    config = session.config
    is_controller = config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")
    if is_controller and not config.option.collectonly:
        _start(config)


@pytest.hookimpl(optionalhook=True)  # xdist's
def pytest_configure_node(node) -> None:
    """Tell a worker of xdist where PostgreSQL is, or why it is not there."""
    node.workerinput.update(_told(node.config.stash))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the cluster that this process started, if it did."""
    cluster = config.stash.get(_cluster, None)
    if cluster is not None:
        cluster.remove()


def _start(config: pytest.Config) -> None:
    try:
        cluster = Cluster()
        config.stash[_cluster] = cluster
        cluster.start()
    except (PostgresFailed, PostgresMissing) as error:
        # Told by each test that needs PostgreSQL: the others can run.
        config.stash[_failure] = str(error)


def _told(stash: pytest.Stash) -> dict[str, str | None]:
    cluster = stash.get(_cluster, None)
    return {
        "postgres_url": cluster.url if cluster else None,
        "postgres_failure": stash.get(_failure, None),
    }


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> Iterator[None]:
    """A command that a test has run in this process sets up the logs of the process."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test proves nothing, and nobody reads that it was skipped: it fails."""
    return _not_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module."""
    return _not_skipped((yield))


def _not_skipped(report: _Report) -> _Report:
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> str:
    """The URL of a PostgreSQL server that all tests of this run share."""
    workerinput = getattr(pytestconfig, "workerinput", None)
    if workerinput is None:
        stash = pytestconfig.stash
        if _cluster not in stash and _failure not in stash:
            _start(pytestconfig)
        workerinput = _told(stash)
    if workerinput["postgres_failure"] is not None:
        pytest.fail(workerinput["postgres_failure"], pytrace=False)
    url: str | None = workerinput["postgres_url"]
    assert url is not None
    return url


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped after the test."""
    url = create_database(postgres_url)
    yield url
    drop_database(url)

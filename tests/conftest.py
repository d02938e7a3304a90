"""What every test of the project shares: proofs are chosen by their row and end in a table."""

import contextlib
import os
import resource
from collections.abc import Generator, Iterator

import pytest

from tests.proofs import Proofs, Reached, figures_into, rows_of

PROOFS = pytest.StashKey[Proofs]()
POLITE = 10
"""So nice is a test that computes: simulated boards of the tests beside it answer in time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--row", action="append", default=[], help="only tests of this target row, as R1")
    parser.addoption("--proofs", action="store_true", help="end with the table of the rows")
    parser.addoption("--resume", action="store_true", help="leave out proofs that passed on this checkout")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--proofs"):
        config.stash[PROOFS] = Proofs(config, resume=config.getoption("--resume"))
        config.pluginmanager.register(config.stash[PROOFS])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with _polite() if item.get_closest_marker("computes") else contextlib.nullcontext():
        return (yield)


@contextlib.contextmanager
def _polite() -> Iterator[None]:
    """Nice meanwhile; only for whom the system lets be as before again."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    may_return = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20 - before
    if not may_return:
        yield
        return
    os.setpriority(os.PRIO_PROCESS, 0, max(before, POLITE))
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture
def reached(request: pytest.FixtureRequest) -> Reached:
    """For a test of a row to say a figure before it is asserted."""
    proofs = request.config.stash.get(PROOFS, None)
    rows = rows_of(request.node)
    return figures_into(proofs.expect(request.node) if proofs and rows else None, rows)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = {row.upper() for row in config.getoption("--row")}
    if not wanted:
        return
    missing = wanted - set().union(*(rows_of(item) for item in items))
    if missing:
        raise pytest.UsageError(f"no selected test carries row {', '.join(sorted(missing))}")
    chosen = [item for item in items if rows_of(item) & wanted]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen

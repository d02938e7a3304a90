"""What every test of the project shares: choosing the long proofs by their row of the target table."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--row", action="append", default=[], help="only tests of this target row, as R1")


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


def rows_of(item: pytest.Item) -> set[str]:
    """The rows a test proves: what its `row` markers say."""
    return {row.upper() for marker in item.iter_markers("row") for row in marker.args}

"""Every fault of the table over a session of aiohttp. The manual quotes the rows that differ."""

from pathlib import Path

import pytest

from ..support import session_faults
from ..support.loops import LoopName
from ..support.session_faults import DIFFERENCES, OVER_SESSION, Fault, table, wrong

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "own-session.md"


@pytest.mark.parametrize("fault", OVER_SESSION, ids=lambda fault: fault.name)
def test_fault_over_a_session_is_as_expected(loop_name: LoopName, fault: Fault) -> None:
    """In every mode, with the outcome of its row and without a broken promise."""
    cells = [result for result in session_faults.run(loop_name).results if result.fault is fault]
    assert cells or (fault.struck and loop_name != "asyncio")
    told = "\n".join(f"{result.mode}: {result.measured}; {', '.join(result.problems)}" for result in wrong(cells))
    assert not told, f"expected {fault.default}, idempotent {fault.idempotent}:\n{told}"


def test_all_faults_over_sessions_leave_nothing(loop_name: LoopName) -> None:
    assert session_faults.run(loop_name).left == ()


def test_every_difference_is_that_of_a_row() -> None:
    assert {fault.name for fault in OVER_SESSION} >= set(DIFFERENCES)


def test_manual_quotes_the_rows_that_differ() -> None:
    quoted = PAGE.read_text().partition("<!-- fault table -->")[2].partition("<!-- end of fault table -->")[0]
    print(table())  # noqa: T201 - the text to quote
    assert quoted.strip() == table().strip()

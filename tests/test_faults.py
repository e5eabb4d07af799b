"""The table of faults: each way in which a connection can fail, in each mode. The manual quotes it."""

import itertools
from pathlib import Path

import attrs
import pytest

from aiolambda import Delivery

from .support import faults
from .support.fault_table import (
    ANSWER,
    FAULTS,
    MODES,
    Fault,
    Mode,
    Result,
    outcome,
    run,
    run_one,
    run_operations,
    run_race,
    run_urls,
    struck,
    table,
)
from .support.loops import LoopName

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "delivery-verdicts.md"


def _told(results: list[Result]) -> str:
    return "\n".join(f"{result.mode}: {result.measured}; {', '.join(result.problems)}" for result in results)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_has_the_outcome_of_its_row(loop_name: LoopName, fault: Fault) -> None:
    """In every mode: each type of invocation, over TCP and TLS, with `idempotent` and without."""
    wrong = [
        result
        for result in run(loop_name).results
        if result.fault is fault and not fault.expected(result.mode).allows(result.measured)
    ]
    assert not wrong, f"expected {fault.default}, idempotent {fault.idempotent}:\n{_told(wrong)}"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_breaks_no_promise(loop_name: LoopName, fault: Fault) -> None:
    """One execution at most, and no verdict that denies it; the limits hold; an answer is that of its call; nothing leaks."""
    wrong = [result for result in run(loop_name).results if result.fault is fault and result.problems]
    assert not wrong, _told(wrong)


def test_every_fault_met_every_mode(loop_name: LoopName) -> None:
    met = {(result.fault.name, result.mode) for result in run(loop_name).results}
    missing = [
        (fault.name, str(mode))
        for fault, mode in itertools.product(FAULTS, MODES)
        if fault.tls in (None, mode.tls) and (fault.name, mode) not in met
    ]
    assert not missing


def test_all_faults_together_leave_nothing(loop_name: LoopName) -> None:
    assert run(loop_name).left == ()


def test_fault_of_the_first_connection_is_overcome_if_safe(loop_name: LoopName) -> None:
    """An undelivered request is sent again by default, one that may have run only with `idempotent`."""
    gone = run(loop_name, faulty=1)
    assert gone.left == ()
    assert len(gone.results) > 100
    wrong = [result for result in gone.results if result.problems or not _is_overcome(result)]
    assert not wrong, "\n".join(f"{result.fault.name}, {_told([result])}" for result in wrong)


def _is_overcome(result: Result) -> bool:
    expected, measured = result.fault.expected(result.mode), result.measured
    if expected.attempts == (1,):
        return expected.allows(measured)
    before = {executions // 3 for executions in expected.executions}
    answered = measured.outcome == (ANSWER,) and measured.executions[0] - 1 in before
    if 1 in expected.attempts:  # chance decides whether it may be sent again
        return answered or expected.allows(measured)
    return answered and measured.attempts == (2,)


@pytest.mark.parametrize("tls", [False, True], ids=["TCP", "TLS"])
@pytest.mark.parametrize("ending", [faults.close_with_notice, faults.close_without_notice], ids=["notice", "no notice"])
def test_end_at_the_start_of_a_request_costs_no_second_execution(loop_name: LoopName, tls: bool, ending: faults.Script) -> None:
    """Within a millisecond. Chance decides which comes first. If it is the request, it may have been read, and the call fails.

    The table has the case in which the end always comes first, for asyncio's loop.
    """
    race = run_race(loop_name, tls=tls, ending=ending)
    print(race)  # noqa: T201 - how the moments fell
    assert race.most_executions == 1
    assert set(race.errors) <= {Delivery.UNKNOWN}
    assert race.answers + len(race.errors) == race.calls
    assert race.executions >= race.answers


OF_OPERATIONS = {
    "400 with a new code": outcome(1, 1, "LambdaServiceException", "refused"),
    "200 with a page": outcome(1, 1, ANSWER, "executed"),
}
"""The outcomes that differ from those of an invocation: a fault of the caller says that nothing was done, and an answer that is
the JSON of an output counts, whatever its content type."""


def test_operations_have_the_outcomes_of_invocations(loop_name: LoopName) -> None:
    """One that reads and an idempotent PUT are repeated, a POST only if the caller says so. The server's counter is of requests
    that it took, also of those that it refused."""
    found = run_operations(loop_name)
    wrong = [
        f"{result.fault.name}: {_told([result])}"
        for result in found.results
        if not OF_OPERATIONS.get(result.fault.name, result.fault.expected(result.mode)).allows(result.measured)
        or (result.problems and result.fault.name not in OF_OPERATIONS)
    ]
    assert not wrong, "\n".join(wrong)
    assert (len(found.results), found.left) == (4 * len({result.fault.name for result in found.results}), ())


OF_URLS = {
    name: outcome(1, 1, ANSWER, "executed")
    for name in (
        "a 302 to another host",
        "200 with a page",
        "206 Partial Content",
        "200, encoded unasked",
        "500 without a code",
        "502 without a code",
        "503 without a code",
        "504 without a code",
        "trailers with an error type, then a 502 without a code",
    )
}
"""The answers with a request id, and without the header of the platform's errors. They are a function's own."""


def test_requests_to_urls_have_the_outcomes_of_invocations(loop_name: LoopName) -> None:
    """GET and PUT are repeated no more than POST: only if the caller says so. Executions are counted at the server."""
    found = run_urls(loop_name)
    wrong = [
        f"{result.fault.name}: {_told([result])}"
        for result in found.results
        if not OF_URLS.get(result.fault.name, result.fault.expected(result.mode)).allows(result.measured) or result.problems
    ]
    assert not wrong, "\n".join(wrong)
    assert (len(found.results), found.left) == (6 * len({result.fault.name for result in found.results}), ())


EXECUTES_AFTER_ITS_END = struck("half-close, reads it, RST", faults.half_close_and(faults.read_and_reset), 2)


def test_reset_after_a_half_close_looks_like_a_close() -> None:
    """The remaining assumption: after RFC 9112 (9.6), a server that ended its side begins no further request. The kernel of
    this server sends RST before its acknowledgement, exactly like one that closed before the request came."""
    results = run_one("asyncio", EXECUTES_AFTER_ITS_END, [Mode(tls=False, kind="RequestResponse", idempotent=None)])
    assert [result.measured.executions for result in results] == [(2,)]


def test_without_retry_stale_connections_no_server_is_trusted() -> None:
    fault = attrs.evolve(EXECUTES_AFTER_ITS_END, settings={"retry_stale_connections": False})
    modes = [mode for mode in MODES if not mode.repeats and mode.kind != "DryRun"]  # which runs nothing
    results = run_one("asyncio", fault, modes)
    assert {str(result.measured) for result in results} == {"1 | 1 | ConnectionLostError | unknown"}


def test_manual_quotes_the_fault_table(loop_name: LoopName) -> None:
    text = PAGE.read_text()
    assert "<!-- fault table -->" in text
    assert "<!-- end of fault table -->" in text
    quoted = text.partition("<!-- fault table -->")[2].partition("<!-- end of fault table -->")[0]
    measured = table(run(loop_name).results)
    print(measured)  # noqa: T201 - the text to quote
    assert quoted.strip() == measured.strip()

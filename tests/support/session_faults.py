"""The table of faults over a session of aiohttp: the same rows, and the outcomes that differ.

Owns the differences, and the run over a `SessionTransport`. Must not know pytest.
"""

import asyncio
import functools
from collections.abc import Iterable

import attrs

from aiolambda import Timeouts

from . import THOROUGH
from .fault_table import (
    ANSWER,
    FAULTS,
    MODES,
    SILENCE,
    SILENT,
    Fault,
    Outcome,
    Result,
    Run,
    cells,
    close_left_sockets,
    outcome,
    run_cells,
)
from .loops import LoopName, loop_factory

_LOST = outcome(0, 1, "ConnectionLostError", "unknown")
_LOST_THEN_WELL = outcome(1, 2, ANSWER, "executed")
_EITHER = Outcome((0, 1), (1,), ("ConnectionLostError", ANSWER), ("unknown", "executed"))
_EITHER_THEN_WELL = Outcome((1,), (1, 2), (ANSWER,), ("executed",))
_TOO_SLOW = {
    "default": outcome(1, 1, "InvocationTimeoutError(read)", "unknown"),
    "idempotent": outcome(3, 3, "InvocationTimeoutError(read)", "unknown"),
    "limits": Timeouts(connect=20, read=1.0),
    "silence": 1.0,
}

DIFFERENCES: dict[str, dict[str, object]] = {
    # No fact of the kernel is known, so an idle connection that the peer closes as it is used is lost.
    "idle: close as the request is written": {"default": _LOST, "idempotent": _LOST_THEN_WELL},
    "TLS, idle: close without notice as the request is written": {"default": _LOST, "idempotent": _LOST_THEN_WELL},
    # Whether the loop has heard of the end before the call is a matter of chance.
    "idle: FIN": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    "idle: RST": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    "idle: close": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    # aiohttp keeps what comes on an idle connection. It is refused, and the next call is lost with the connection.
    "a second answer 50 ms later": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    "a 408 on an idle connection": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    "a 408 on an idle connection, then FIN": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    "a hundred answers on an idle connection": {"default": _EITHER, "idempotent": _EITHER_THEN_WELL},
    "TLS 1.2: an answer with the server's flight": {
        "default": Outcome((0,), (1,), ("ConnectionLostError",), ("unknown",)),
        "idempotent": Outcome((0, 1), (2, 3), ("ConnectionLostError", ANSWER), ("unknown", "executed")),
    },
    # If the answer that nobody asked for is dropped, none comes.
    "an answer before anything was read": {
        "default": Outcome(
            (0, 1),
            (1, 2, 3),
            (ANSWER, "ConnectionLostError", "ConnectError", "InvocationTimeoutError(read)"),
            ("not_delivered", "unknown", "executed"),
        ),
        "idempotent": Outcome(
            (0, 1, 2, 3),
            (1, 2, 3),
            (ANSWER, "ConnectionLostError", "ConnectError", "InvocationTimeoutError(read)"),
            ("not_delivered", "unknown", "executed"),
        ),
        "limits": SILENT,
        "silence": SILENCE,
    },
    # aiohttp shows neither 1xx heads nor trailers nor chunk extensions: time is their limit.
    "one 1xx head too many": {"default": outcome(1, 1, ANSWER, "executed"), "idempotent": outcome(1, 1, ANSWER, "executed")},
    "1xx heads without end": _TOO_SLOW,
    "a chunk extension without end": _TOO_SLOW,
}

OVER_SESSION: list[Fault] = [attrs.evolve(fault, over_session=True, **DIFFERENCES.get(fault.name, {})) for fault in FAULTS]


@functools.cache
def run(loop: LoopName) -> Run:
    """All cells on a loop, over a session."""
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        # Only asyncio's own loop writes through the methods of a socket, in which a fault can strike.
        faults = [fault for fault in OVER_SESSION if loop == "asyncio" or not fault.struck]
        modes = MODES if THOROUGH else [mode for mode in MODES if mode.kind == "RequestResponse"]
        result = runner.run(run_cells(cells(modes, faults)))
    close_left_sockets()
    return result


def table() -> str:
    """The quoted Markdown: the rows of the manual's table that differ, as expected with the defaults."""
    rows = [["fault", "built-in transport", "over a session"]]
    for ours, theirs in zip(FAULTS, OVER_SESSION, strict=True):
        if ours.quoted and ours.name in DIFFERENCES:
            rows.append([ours.name, _told(ours.default), _told(theirs.default)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [[value.ljust(width) for value, width in zip(row, widths, strict=True)] for row in rows]
    text.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(row)} |\n" for row in text)


def _told(row: Outcome) -> str:
    _, _, what, delivery = str(row).split(" | ")
    return f"{what}; {delivery}"


def wrong(results: Iterable[Result]) -> list[Result]:
    """The cells that are not as expected, or break a promise."""
    return [result for result in results if result.problems or not result.fault.expected(result.mode).allows(result.measured)]

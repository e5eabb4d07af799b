"""The table of faults: the outcome of each script of `faults`, in every mode. `python -m tests.support.fault_table` prints it.

Owns the expectations, which stand beside the faults, and the run that they are held against. Must not know pytest.
"""

import asyncio
import contextlib
import functools
import gc
import itertools
import os
import socket
import ssl
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import aiohttp
import attrs

from aiolambda import (
    Call,
    CallNext,
    ConnectionLostError,
    Credentials,
    Delivery,
    FetchCommand,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandOutput,
    LambdaClient,
    LambdaServiceException,
    ResponseLimits,
    SessionTransport,
    StandardRetry,
    Timeouts,
    TransportError,
)
from aiolambda.operations import (
    GetFunctionConfigurationCommand,
    PublishVersionCommand,
    PutProvisionedConcurrencyConfigCommand,
)
from aiolambda.transport.connection import Connection

from . import answer_faults, faults
from .faults import Certificates, FaultServer, Play, Script
from .loops import LoopName, loop_factory

Kind = Literal[
    "RequestResponse",
    "Event",
    "DryRun",
    "GetFunctionConfiguration",
    "PutProvisionedConcurrencyConfig",
    "PublishVersion",
    "GET",
    "PUT",
    "POST",
]
"""An invocation type, or an operation that runs no function: one that reads, an idempotent PUT, a POST that is sent once.
Or the method of a request to the URL of a function."""
URL_METHODS = ("GET", "PUT", "POST")
REPEATED = ("DryRun", "GetFunctionConfiguration", "PutProvisionedConcurrencyConfig")
"""The kinds that are repeated if the caller says nothing."""

KEYS = Credentials("AKIDEXAMPLE", "secret")
SILENCE = 0.3
"""The read limit, in seconds, of a fault that is silence; for the connect limit, of one that stalls."""
LIMITS = Timeouts(connect=20, read=20)
SILENT = Timeouts(connect=20, read=SILENCE)
LARGE = b'"' + b"x" * 900_000 + b'"'
"""More than the buffers of both kernels hold, with a small one at the server. An `Event` may not be larger."""
SMALL_BUFFER = 32_768
AT_A_TIME = 24
MARGIN = 8.0 if sys.flags.dev_mode else 4.0
"""Seconds beyond its limits that a cell may take on a machine that does other things, too."""

LONGEST_RUN = 400
"""Seconds for all cells together: 20 on a quiet machine. A cell that hangs is an error."""

ANSWER = "answer"
_OF_AN_ANSWER = {200: "executed", 202: "accepted", 204: "not_delivered"}


@attrs.frozen
class Outcome:
    """The result of one cell. A member has several values if a race decides it."""

    executions: tuple[int, ...]
    attempts: tuple[int, ...]
    outcome: tuple[str, ...]
    delivery: tuple[str, ...]

    def allows(self, other: "Outcome") -> bool:
        return all(set(theirs) <= set(ours) for ours, theirs in zip(attrs.astuple(self), attrs.astuple(other), strict=True))

    def __str__(self) -> str:
        return " | ".join(" or ".join(str(value) for value in values) for values in attrs.astuple(self))


def outcome(executions: int, attempts: int, what: str, delivery: str) -> Outcome:
    return Outcome((executions,), (attempts,), (what,), (delivery,))


@attrs.frozen(kw_only=True)
class Fault:
    """A row: the script of every connection, and the outcome by default and with `idempotent=True`."""

    name: str = attrs.field(kw_only=False)
    script: Script | None = attrs.field(kw_only=False)  # None: the port is closed
    default: Outcome
    idempotent: Outcome
    tls: bool | None = None  # None for both
    certificate: Literal["trusted", "older", "untrusted", "elsewhere"] = "trusted"
    warm: bool = False  # the script is one of an idle connection: the second call is the one that is looked at
    limits: Timeouts = LIMITS
    silence: float = 0.0  # seconds that an attempt takes by its limits
    waits: float = 0.0  # seconds of throttling
    settings: dict[str, object] = attrs.field(factory=dict)
    payload: bytes = b'{"n":1}'
    buffer: int | None = None
    foreign: bool = False  # the answer is one that no request asked for, and a client cannot tell
    goes_away: bool = True  # whether the fault can be on the first connection only
    quoted: bool = True  # in the manual's table; of many faults of one kind, one stands for all
    function_error: str | None = None
    struck: bool = False  # the script moves in the moment in which the second call is written; warm, too
    over_session: bool = False  # the client sends over a session of aiohttp

    def expected(self, mode: "Mode") -> Outcome:
        expected = self.idempotent if mode.repeats else self.default
        if mode.kind == "DryRun":  # which runs nothing
            verdicts = tuple("not_delivered" if verdict == "unknown" else verdict for verdict in expected.delivery)
            return attrs.evolve(expected, delivery=verdicts)
        return expected


@attrs.frozen
class Mode:
    """How a cell is called."""

    tls: bool
    kind: Kind
    idempotent: bool | None

    @property
    def repeats(self) -> bool:
        """Whether a request that may have run is sent again. A `DryRun` runs nothing."""
        return self.kind in REPEATED if self.idempotent is None else self.idempotent

    def __str__(self) -> str:
        return f"{self.kind} over {'TLS' if self.tls else 'TCP'}, idempotent={self.idempotent}"


MODES = [
    Mode(tls, kind, idempotent)
    for tls in (False, True)
    for kind, said in (("RequestResponse", (None, True)), ("Event", (None, True)), ("DryRun", (None, True, False)))
    for idempotent in said
]
OPERATION_MODES = [
    Mode(False, "GetFunctionConfiguration", None),
    Mode(False, "PutProvisionedConcurrencyConfig", None),
    Mode(False, "PublishVersion", None),
    Mode(False, "PublishVersion", True),
]
"""The modes of calls that run no function."""
URL_MODES = [Mode(False, method, idempotent) for method in URL_METHODS for idempotent in (None, True)]
"""The modes of requests to the URL of a function."""
_NO_OBJECTS = ("trailers ", "a body as long as it may be")
"""The faults whose whole answers are strings and numbers, which only a function returns."""
_QUOTED = (Mode(False, "RequestResponse", None), Mode(False, "RequestResponse", True))


@attrs.frozen(kw_only=True)
class Result:
    """The measured outcome of a cell."""

    fault: Fault
    mode: Mode
    measured: Outcome
    problems: tuple[str, ...]


# Rows


def unknown(
    name: str, script: Script, error: str = "ConnectionLostError", *, executions: int = 1, again: bool = True, **more: Any
) -> Fault:
    """The request may have run. It is sent again only if that does no harm; without `again` never, since it would not help."""
    once, thrice = outcome(executions, 1, error, "unknown"), outcome(3 * executions, 3, error, "unknown")
    return Fault(name, script, default=once, idempotent=thrice if again else once, **more)


def undelivered(name: str, script: Script | None, error: str = "ConnectError", *, attempts: int = 3, **more: Any) -> Fault:
    """The request has certainly not run, so it is always sent again."""
    row = outcome(0, attempts, error, "not_delivered")
    return Fault(name, script, default=row, idempotent=row, **more)


def refused(name: str, script: Script, error: str, *, attempts: int, **more: Any) -> Fault:
    row = outcome(0, attempts, error, "refused")
    return Fault(name, script, default=row, idempotent=row, goes_away=False, **more)


def answered(name: str, script: Script, *, attempts: int = 1, **more: Any) -> Fault:
    row = outcome(1, attempts, ANSWER, "executed")
    return Fault(name, script, default=row, idempotent=row, goes_away=False, **more)


def raced(name: str, script: Script, *errors: str, executions: tuple[int, ...] = (0,), **more: Any) -> Fault:
    """The end of the connection and the first byte of the request cross each other."""
    errors = errors or ("ConnectionLostError",)
    verdicts = ("not_delivered", "unknown", *(["executed"] if ANSWER in errors else []))
    once = Outcome(executions, (1, 2, 3), errors, verdicts)
    again = attrs.evolve(
        once, executions=tuple(range(3 * executions[-1] + 1)), attempts=once.attempts if more.get("foreign") else (3,)
    )
    return Fault(name, script, default=once, idempotent=again, **more)


def silent(name: str, script: Script, **more: Any) -> Fault:
    return unknown(name, script, "InvocationTimeoutError(read)", limits=SILENT, silence=SILENCE, **more)


def _cut_answers() -> Iterable[Fault]:
    parts = {
        "half a status line": faults.half_a_status_line,
        "half the headers": faults.half_the_headers,
        "half the body": faults.half_the_body,
    }
    for name, part in parts.items():
        yield unknown(f"{name}, then FIN", faults.reply(part, faults.fin))
        yield unknown(f"{name}, then RST", faults.reply(part, faults.rst))
        yield silent(f"{name}, then silence", faults.reply(part, faults.silence))


def struck(name: str, ending: Script, executions: int, **more: Any) -> Fault:
    """An idle connection ends in the moment in which the next request is written; the one after it is served well."""
    answer = outcome(executions, 2, ANSWER, "executed")
    default = answer if executions == 1 else outcome(1, 1, "ConnectionLostError", "unknown")
    script = faults.on_strike(ending)
    return Fault(name, script, default=default, idempotent=answer, warm=True, struck=True, goes_away=False, **more)


_BROKEN = "LambdaServiceException"
_SMALL = {"response_limits": ResponseLimits(body=1000, head=2000, interim=3)}
_WHOLE = b'"whole"'
_IN_A_CHUNK = b"7\r\n" + _WHOLE + b"\r\n0\r\n\r\n"
_CHUNKED = "Transfer-Encoding: chunked\r\n"
_HEADS = {
    "no length": ("", _WHOLE, "1.1"),
    "no length, in HTTP/1.0": ("", _WHOLE, "1.0"),
    "Transfer-Encoding: xchunked": ("Transfer-Encoding: xchunked\r\n", _IN_A_CHUNK, "1.1"),
    "Transfer-Encoding: gzip, chunked": ("Transfer-Encoding: gzip, chunked\r\n", _IN_A_CHUNK, "1.1"),
    "Transfer-Encoding: chunked, gzip": ("Transfer-Encoding: chunked, gzip\r\n", _WHOLE, "1.1"),
    "Transfer-Encoding: chunked, chunked": ("Transfer-Encoding: chunked, chunked\r\n", _IN_A_CHUNK, "1.1"),
    "Transfer-Encoding: identity": ("Transfer-Encoding: identity\r\n", _WHOLE, "1.1"),
    "Transfer-Encoding in two fields": (f"Transfer-Encoding: identity\r\n{_CHUNKED}", _IN_A_CHUNK, "1.1"),
    "Transfer-Encoding of nothing": ("Transfer-Encoding:\r\n", _WHOLE, "1.1"),
    "Transfer-Encoding: chunked, in HTTP/1.0": (_CHUNKED, _IN_A_CHUNK, "1.0"),
    "a length, and chunked": (f"Content-Length: 17\r\n{_CHUNKED}", _IN_A_CHUNK, "1.1"),
    "chunked, and a length": (f"{_CHUNKED}Content-Length: 17\r\n", _IN_A_CHUNK, "1.1"),
    "two lengths that differ": ("Content-Length: 7\r\nContent-Length: 3\r\n", _WHOLE, "1.1"),
    "two lengths in one field": ("Content-Length: 7, 7\r\n", _WHOLE, "1.1"),
    "a length of -7": ("Content-Length: -7\r\n", _WHOLE, "1.1"),
    "a length of +7": ("Content-Length: +7\r\n", _WHOLE, "1.1"),
    "a length of 0x7": ("Content-Length: 0x7\r\n", _WHOLE, "1.1"),
    "a length of 7.0": ("Content-Length: 7.0\r\n", _WHOLE, "1.1"),
    "a length of 7 7": ("Content-Length: 7 7\r\n", _WHOLE, "1.1"),
    "a length of nothing": ("Content-Length:\r\n", _WHOLE, "1.1"),
    "a length of 2 to the 64th and 7": ("Content-Length: 18446744073709551623\r\n", _WHOLE, "1.1"),
    "HTTP/2.0": ("Content-Length: 7\r\n", _WHOLE, "2.0"),
    "HTTP/1.2": ("Content-Length: 7\r\n", _WHOLE, "1.2"),
}
"""Heads that do not say exactly where the answer ends: their framing fields, the bytes after them, the HTTP version."""
_ENDINGS = (("FIN", faults.fin), ("RST", faults.rst), ("silence", faults.silence))


def _unframed() -> Iterable[Fault]:
    """Such a head makes no valid answer, with any bytes after it."""
    for name, (framing, body, version) in _HEADS.items():
        what = answer_faults.framed(framing, body, version=version)
        all_endings = name in ("no length", "Transfer-Encoding: xchunked")
        for ending, script in _ENDINGS if all_endings else _ENDINGS[:1]:
            quoted = script is faults.fin and (all_endings or name == "a length, and chunked")
            yield unknown(f"{name}, then {ending}", faults.reply(what, script), quoted=quoted)


def _cut_chunks() -> Iterable[Fault]:
    parts = {
        "in a chunk": b'9\r\n"hal',
        "before the last chunk": b"7\r\n" + _WHOLE + b"\r\n",
        "in the trailers": b"0\r\nX-T: h",
    }
    for where, body in parts.items():
        part = answer_faults.framed(_CHUNKED, body)
        yield unknown(f"chunked, {where}, then FIN", faults.reply(part, faults.fin), quoted=where == "before the last chunk")
        yield unknown(f"chunked, {where}, then RST", faults.reply(part, faults.rst), quoted=False)
        yield silent(f"chunked, {where}, then silence", faults.reply(part, faults.silence), quoted=False)


def _trailers() -> Iterable[Fault]:
    """Trailers must not leak into another answer."""
    bare_502 = faults.service_error("502 Bad Gateway", None)
    throttle = answer_faults.chunked(trailers="X-Amzn-Errortype: TooManyRequestsException\r\n")
    name = "trailers with an error type, then a 502 without a code"
    yield unknown(name, answer_faults.one_then(throttle, bare_502), _BROKEN, warm=True, goes_away=False)
    for what, field in {
        "a function error": "X-Amz-Function-Error: Unhandled",
        "Connection: close": "Connection: close",
        "another request id": "x-amzn-requestid: another",
    }.items():
        first = answer_faults.chunked(trailers=f"{field}\r\n")
        script = answer_faults.one_then(first)
        yield answered(f"trailers with {what}, then an answer", script, warm=True, quoted=what == "a function error")
        yield answered(f"trailers with {what}", faults.always(first), quoted=False)


def _surplus() -> Iterable[Fault]:
    """Bytes after an answer that belong to no request."""
    for what, piece in {
        "half a head": faults.half_an_intruder(20),
        "a byte": faults.half_an_intruder(1),
        "half a body": faults.half_an_intruder(-1),
    }.items():
        script = answer_faults.with_surplus(piece)
        yield answered(f"an answer with {what} behind it", script, warm=True, quoted=what == "half a head")
    flood = faults.idle(answer_faults.floods_while_idle, faults.serve_on)
    yield answered("a hundred answers on an idle connection", flood, warm=True, quoted=False)


def _bounds() -> Iterable[Fault]:
    """Answers that just keep within the client's limits, and some that pass them."""
    for name, what in {
        "a body as long as it may be": answer_faults.chunked(body=b"1" * 1000),
        "trailers as long as they may be": answer_faults.chunked(trailers=answer_faults.fields(17, 80)),
        "a head as long as it may be": answer_faults.headed(answer_faults.fields(200, 1)),
        "as many 1xx heads as may be": answer_faults.after_interims(3),
    }.items():
        yield answered(name, faults.always(what), settings=_SMALL, quoted=False)
    too_long = b"3e9\r\n" + b"1" * 1001 + b"\r\n0\r\n\r\n"
    for name, what in {
        "a body that is too long": answer_faults.sized(1001),
        "a body that is too long, chunked": answer_faults.framed(_CHUNKED, too_long),
        "a length that is too long": answer_faults.framed("Content-Length: 1001\r\n"),
        "too many fields": answer_faults.headed(answer_faults.fields(300, 1)),
        "a field that is too long": answer_faults.headed(answer_faults.fields(1, 2000)),
        "too long a reason": answer_faults.framed("", b"", reason="x" * 2000),
        "one 1xx head too many": answer_faults.after_interims(4),
    }.items():
        yield unknown(name, faults.always(what), settings=_SMALL, quoted=name == "a body that is too long", goes_away=False)
    body, trailers = answer_faults.framed(_CHUNKED, b""), answer_faults.framed(_CHUNKED, b"1\r\n1\r\n0\r\nX-T: x")
    for name, start, piece in (
        ("a body", body, b"400\r\n" + b"1" * 1024 + b"\r\n"),
        ("a field of the head", answer_faults.begun_head, b"x" * 1024),
        ("a head", answer_faults.begun_head, b"1\r\nX-More: " * 100),
        ("1xx heads", faults.nothing, b"HTTP/1.1 102 Processing\r\n\r\n"),
        ("trailers", trailers, b"1\r\nX-More: " * 100),
        ("a trailer", trailers, b"x" * 1024),
        ("a chunk extension", answer_faults.framed(_CHUNKED, b"1;"), b"x" * 1024),
    ):
        script, quoted = answer_faults.endless(start, piece), name in ("a body", "a head", "1xx heads")
        yield unknown(f"{name} without end", script, settings=_SMALL, quoted=quoted)
    for name, start, piece in (
        ("a head", answer_faults.begun_head, b"x"),
        ("a body", body, b"1\r\n1\r\n"),
        ("a body of a known length", answer_faults.framed("Content-Length: 900\r\n", b""), b"1"),
        ("trailers", trailers, b"x"),
    ):
        script = answer_faults.endless(start, piece, pause=SILENCE / 10)
        yield silent(f"{name} without end, a bit at a time", script, quoted=name == "a head")


_THROTTLE = faults.service_error(
    "429 Too Many Requests",
    "TooManyRequestsException",
    "Retry-After: 0\r\n",
    Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
    Type="User",
)
FAULTS: list[Fault] = [
    answered("none", faults.well),
    undelivered("nobody listens", None, goes_away=False),
    silent("accepts, and stays silent", faults.at_once(faults.silence), executions=0),
    raced("RST before the request", faults.at_once(faults.rst), "ConnectError", "ConnectionLostError"),
    raced("close before the request", faults.at_once(faults.hangs_up), "ConnectError", "ConnectionLostError"),
    unknown("reads 20 bytes, then FIN", faults.after_bytes(20, faults.fin), executions=0),
    unknown("reads 20 bytes, then RST", faults.after_bytes(20, faults.rst), executions=0),
    unknown(
        "RST in a large request",
        faults.after_bytes(20, faults.rst),
        executions=0,
        payload=LARGE,
        buffer=SMALL_BUFFER,
    ),
    silent(
        "stops reading in a large request",
        faults.after_bytes(20, faults.silence),
        executions=0,
        payload=LARGE,
        buffer=SMALL_BUFFER,
    ),
    unknown("reads all, then FIN", faults.reply(faults.nothing, faults.fin)),
    unknown("reads all, then RST", faults.reply(faults.nothing, faults.rst)),
    silent("reads all, then silence", faults.reply(faults.nothing, faults.silence)),
    unknown("half-close in the request, reads it, stays", faults.half_closed_in_the_request(faults.silence)),
    unknown("half-close in the request, reads it, closes", faults.half_closed_in_the_request(faults.hangs_up)),
    *_cut_answers(),
    unknown("chunked with a bad size", faults.reply(faults.bad_chunk, faults.silence)),
    unknown(
        "chunked with a bad size behind the first chunk",
        faults.reply(faults.first_chunk, faults.bad_chunk_later),
        silence=1.1,  # until the client looks whether the connection is still there
    ),
    unknown("a body longer than its length", faults.reply(faults.longer_body, faults.silence)),
    answered("a second answer at once", faults.twice, warm=True),
    answered("a second answer 50 ms later", faults.idle(faults.answers_again_late, faults.serve_on), warm=True),
    answered("a 408 on an idle connection", faults.idle(faults.says_408, faults.serve_on), warm=True),
    answered("a 408 on an idle connection, then FIN", faults.idle(faults.says_408_and_ends, faults.serve_on), warm=True),
    answered("an answer before the body was read", faults.answer_before_the_body),
    raced(
        "an answer before anything was read",
        faults.answer_before_anything,
        ANSWER,
        "ConnectionLostError",
        "ConnectError",
        executions=(0, 1),
        foreign=True,
        goes_away=False,
    ),
    answered("a 100 before the answer", faults.always(faults.after_a_100)),
    unknown(
        "a 302 to another host",
        faults.always(faults.service_error("302 Found", None, "Location: http://127.0.0.1:9/\r\n")),
        _BROKEN,
        again=False,
    ),
    unknown("200 with a page", faults.always(faults.good("200 OK", "Content-Type: text/html; charset=utf-8\r\n"))),
    unknown("206 Partial Content", faults.always(faults.good("206 Partial Content"))),
    unknown("200, encoded unasked", faults.always(faults.good("200 OK", "Content-Encoding: gzip\r\n"))),
    unknown(
        "one byte a second",
        faults.slowly(1.0),
        "InvocationTimeoutError(read)",
        limits=SILENT,
        silence=SILENCE,
    ),
    unknown(
        "one byte every 100 ms, within a total of 3 s",
        faults.slowly(0.1),
        "InvocationTimeoutError(total)",
        again=False,
        limits=Timeouts(total=3.0, connect=20, read=20),  # long enough for a busy machine to connect
        silence=3.0,
    ),
    answered("idle: FIN", faults.idle(faults.ends), warm=True),
    answered("idle: RST", faults.idle(faults.resets), warm=True),
    answered("idle: close", faults.idle(faults.closes), warm=True),
    answered("idle: half-close, then reads and stays", faults.idle(faults.ends, faults.read_and_stay), warm=True),
    answered("idle: half-close, then reads and closes", faults.idle(faults.ends, faults.read_and_close), warm=True),
    struck("idle: close as the request is written", faults.close_with_notice, 1),
    struck("idle: half-close as the request is written, reads it, stays", faults.half_close_and(faults.read_and_stay), 2),
    struck("idle: half-close as the request is written, reads it, closes", faults.half_close_and(faults.read_and_close), 2),
    # Answers of the service, or of a proxy in front of it.
    unknown("500 without a code", faults.always(faults.service_error("500 Oops", None)), _BROKEN),
    unknown("502 without a code", faults.always(faults.service_error("502 Bad Gateway", None)), _BROKEN),
    unknown("503 without a code", faults.always(faults.service_error("503 Service Unavailable", None)), _BROKEN),
    unknown("504 without a code", faults.always(faults.service_error("504 Gateway Timeout", None)), _BROKEN),
    unknown("500 ServiceException", faults.always(faults.service_error("500 Oops", "ServiceException")), "ServiceException"),
    unknown(
        "400 with a new code",
        faults.always(faults.service_error("400 Bad Request", "NewException")),
        _BROKEN,
        again=False,
    ),
    refused(
        "502 ResourceNotReadyException",
        faults.always(faults.service_error("502 Bad Gateway", "ResourceNotReadyException"), executes=False),
        "ResourceNotReadyException",
        attempts=3,
    ),
    refused(
        "403 AccessDeniedException",
        faults.always(faults.service_error("403 Forbidden", "AccessDeniedException"), executes=False),
        "AccessDeniedException",
        attempts=1,
    ),
    refused(
        "429, three attempts",
        faults.always(_THROTTLE, executes=False),
        "TooManyRequestsException",
        attempts=3,
        settings={"retry": StandardRetry(throttling="attempts", max_backoff=0.1)},
        waits=0.2,
    ),
    answered(
        "429 four times, then well",
        faults.always(_THROTTLE, executes=False, first=4),
        attempts=5,
        waits=0.4,
        settings={"retry": StandardRetry(max_backoff=0.1)},
    ),
    answered("200 with a function error", faults.always(faults.function_error), function_error="Unhandled"),
    # Answers that are odd, or too much.
    *_unframed(),
    *_cut_chunks(),
    *_trailers(),
    *_surplus(),
    *_bounds(),
    # TLS alone.
    undelivered("TLS: FIN before the ClientHello is read", faults.fin_at_once, tls=True),
    undelivered("TLS: RST before the ClientHello is read", faults.rst, tls=True),
    undelivered("TLS: FIN on the ClientHello", faults.on_client_hello(faults.fin_without_notice), tls=True),
    undelivered("TLS: RST on the ClientHello", faults.on_client_hello(faults.rst), tls=True),
    undelivered(
        "TLS: garbage for a ServerHello",
        faults.on_client_hello(faults.silence, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        tls=True,
    ),
    undelivered("TLS: FIN in the server's flight", faults.in_the_flight(0.5, faults.fin_without_notice), tls=True),
    undelivered("TLS: RST in the server's flight", faults.in_the_flight(0.5, faults.rst), tls=True),
    undelivered(
        "TLS 1.2: FIN after the server's flight",
        faults.in_the_flight(1, faults.fin_without_notice),
        tls=True,
        certificate="older",
    ),
    undelivered("TLS 1.2: RST after the server's flight", faults.in_the_flight(1, faults.rst), tls=True, certificate="older"),
    undelivered(
        "TLS 1.2: an answer with the server's flight",
        answer_faults.answers_with_the_handshake,
        tls=True,
        certificate="older",
    ),
    raced(
        "TLS 1.3: RST after the server's flight",
        faults.in_the_flight(1, faults.rst),
        "ConnectError",
        "ConnectionLostError",
        tls=True,
    ),
    raced(
        "TLS: FIN right after the handshake",
        faults.at_once(faults.fin_without_notice),
        "ConnectError",
        "ConnectionLostError",
        tls=True,
    ),
    undelivered(
        "TLS: the handshake stalls",
        faults.stalls,
        "InvocationTimeoutError(connect)",
        tls=True,
        limits=Timeouts(connect=SILENCE, read=20),
        silence=SILENCE,
        goes_away=False,
    ),
    undelivered("TLS: an unknown authority", faults.well, attempts=1, tls=True, certificate="untrusted", goes_away=False),
    undelivered("TLS: another host's name", faults.well, attempts=1, tls=True, certificate="elsewhere", goes_away=False),
    unknown("TLS: reads all, then FIN without notice", faults.reply(faults.nothing, faults.fin_without_notice), tls=True),
    unknown(
        "TLS: half the body, then FIN without notice", faults.reply(faults.half_the_body, faults.fin_without_notice), tls=True
    ),
    struck("TLS, idle: close without notice as the request is written", faults.close_without_notice, 1, tls=True),
    answered("TLS, idle: close_notify, no FIN", faults.idle(faults.ends_tls_only), tls=True, warm=True),
    answered("TLS, idle: FIN without notice", faults.idle(faults.ends_without_notice), tls=True, warm=True),
]


# The run


@attrs.frozen
class Run:
    """All cells of a run, and the tasks, files and complaints that it left."""

    results: tuple[Result, ...]
    left: tuple[str, ...]


@contextlib.asynccontextmanager
async def client_of(play: Play, certificates: Certificates, **settings: Any) -> AsyncIterator[LambdaClient]:
    client = LambdaClient(
        region="us-east-1", credentials=KEYS, endpoint_url=play.url, ca_bundle=certificates.bundle, **settings
    )
    try:
        yield client
    finally:
        await client.close(grace=0)


@contextlib.asynccontextmanager
async def client_over_session(play: Play, certificates: Certificates, **settings: Any) -> AsyncIterator[LambdaClient]:
    """A client with a `SessionTransport`, and a session with the same certificates."""
    tls = ssl.create_default_context(cafile=certificates.bundle)
    limits = settings.get("response_limits", ResponseLimits())
    with kept_sockets(_left_open) as make_socket:
        connector = aiohttp.TCPConnector(limit=0, ssl=tls, socket_factory=make_socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            transport = SessionTransport(session, response_limits=limits)
            async with client_of(play, certificates, transport=transport, **settings) as client:
                yield client


@contextlib.contextmanager
def kept_sockets(left: list[socket.socket] | None = None) -> Iterator[Callable[[Any], socket.socket]]:
    """A socket factory for aiohttp on the other loops, which err if the peer resets while the connection is opened.

    uvloop closes the descriptor and not the socket. The socket would close that number again when it is collected, and by
    then a file of another test may have it. aiofastnet closes neither: `left` takes the sockets that are still open.
    """
    made: list[tuple[socket.socket, int]] = []

    def make(address: Any) -> socket.socket:
        sock = socket.socket(*address[:3])
        made.append((sock, os.fstat(sock.fileno()).st_ino))
        return sock

    try:
        yield make
    finally:
        for sock, inode in made:
            if sock.fileno() >= 0 and _inode_of(sock.fileno()) != inode:
                sock.detach()
        if left is not None:
            left.extend(sock for sock, _ in made if sock.fileno() >= 0)


_left_open: list[socket.socket] = []


def close_left_sockets() -> None:
    """Close the sockets of `client_over_session` that the loop has not closed. The loop must have ended."""
    while _left_open:
        _left_open.pop().close()


def _files_of(sockets: Iterable[socket.socket]) -> set[tuple[str, str]]:
    """As `open_files` names them."""
    return {(str(sock.fileno()), f"socket:[{_inode_of(sock.fileno())}]") for sock in sockets}


def _inode_of(number: int) -> int | None:
    try:
        return os.fstat(number).st_ino
    except OSError:
        return None


@attrs.frozen
class Measured:
    """One call: its attempts, outcome, delivery, seconds and broken promises."""

    attempts: int
    outcome: str
    delivery: str
    seconds: float
    problems: list[str]


async def measure(client: LambdaClient, call: str, fault: Fault, mode: Mode) -> Measured:
    command = _command_of(call, fault, mode, str(client.config.endpoint_url))
    clock = asyncio.get_running_loop().time
    started = clock()
    try:
        output = await client.send(command, idempotent=mode.idempotent)
    except (TransportError, LambdaServiceException) as error:
        seconds = clock() - started
        metadata = error.metadata if isinstance(error, LambdaServiceException) else error
        limit = f"({error.exceeded})" if isinstance(error, InvocationTimeoutError) else ""
        problems = list(_wrong_error(error, call, len(metadata.history) - metadata.attempts))
        return Measured(metadata.attempts, type(error).__name__ + limit, str(error.delivery), seconds, problems)
    except Exception as error:  # the other cells go on
        return Measured(0, type(error).__name__, "-", clock() - started, [f"it raised {error!r}"])
    problems = list(_wrong_answer(output, call, fault, mode))
    # The delivery of an Event or a DryRun is checked above; the table has one word for all answers.
    return Measured(output.metadata.attempts, ANSWER, "executed", clock() - started, problems)


def _command_of(call: str, fault: Fault, mode: Mode, server: str) -> Any:
    if mode.kind in URL_METHODS:
        url, body = f"{server}/2015-03-31/functions/{call}/invocations", None if mode.kind == "GET" else fault.payload
        return FetchCommand(url=url, method=mode.kind, content=body, sign=True, region="us-east-1")
    if mode.kind == "GetFunctionConfiguration":
        return GetFunctionConfigurationCommand(function_name=call)
    if mode.kind == "PutProvisionedConcurrencyConfig":
        return PutProvisionedConcurrencyConfigCommand(function_name=call, qualifier="live", provisioned_concurrent_executions=1)
    if mode.kind == "PublishVersion":
        return PublishVersionCommand(function_name=call)
    return InvokeCommand(function_name=call, payload=fault.payload, invocation_type=mode.kind)


def _wrong_error(error: TransportError | LambdaServiceException, call: str, superfluous: int) -> Iterator[str]:
    if superfluous:
        yield "the history has another length than there were attempts"
    if error.function_name != call and not str(error.function_name).startswith(("127.0.0.1:", "localhost:")):
        yield f"the error names {error.function_name}"
    if isinstance(error, LambdaServiceException) and error.request_id != call:
        yield f"the error is that of {error.request_id}"
    if error.may_have_run is not (error.delivery not in (Delivery.NOT_DELIVERED, Delivery.REFUSED)):
        yield f"{error.delivery}, and may_have_run is {error.may_have_run}"


def _wrong_answer(output: Any, call: str, fault: Fault, mode: Mode) -> Iterator[str]:
    if len(output.metadata.history) != output.metadata.attempts:
        yield "the history has another length than there were attempts"
    if output.metadata.request_id != call and not fault.foreign:
        yield f"the answer is that of {output.metadata.request_id}"
    verdict = output.metadata.history[-1].delivery
    if not isinstance(output, InvokeCommandOutput):
        if verdict != Delivery.EXECUTED:
            yield f"an answer to {mode.kind} is {verdict}"
        return
    if output.function_error != fault.function_error:
        yield f"its function error is {output.function_error}"
    if verdict != _OF_AN_ANSWER[output.status_code]:
        yield f"an answer {output.status_code} to {mode.kind} is {verdict}"


async def run_cell(
    server: FaultServer, certificates: Certificates, fault: Fault, mode: Mode, *, faulty: int | None = None
) -> Result:
    """One fault in one mode: a server and a client of its own. `faulty` is on how many connections it is."""
    tls = getattr(certificates, fault.certificate) if mode.tls else None
    play = await server.play(fault.script, faulty=faulty, tls=tls, buffer=fault.buffer)
    opened = client_over_session if fault.over_session else client_of
    async with opened(play, certificates, timeout=fault.limits, **fault.settings) as client:
        call = "call-2" if fault.warm else "call-1"
        problems = (await _warmed(client, play, fault, mode)).problems if fault.warm else []
        if fault.struck:
            _before_write[play.address] = lambda: server.strike(play, wait=True)
        measured = await measure(client, call, fault, mode)
        stats, others = client.stats, client._state.control_slots
    left = await server.ended(play)
    if left:
        problems.append(f"{left} of {play.opened} connections are still open")
    if stats.in_flight or stats.waiting or others.in_flight or others.waiting:
        problems.append("a slot is not given back")
    if _before_write.pop(play.address, None):
        problems.append("nothing was written")
    problems += [*measured.problems, *_broken_promises(play, call, mode, measured, fault)]
    return Result(
        fault=fault,
        mode=mode,
        measured=outcome(play.executions[call], measured.attempts, measured.outcome, measured.delivery),
        problems=tuple(problems),
    )


async def _warmed(client: LambdaClient, play: Play, fault: Fault, mode: Mode) -> Measured:
    """The first call. Returns when the script has acted on the connection that it left idle."""
    first = await measure(client, "call-1", fault, mode)
    await asyncio.wrap_future(play.deed)
    return first


def _broken_promises(play: Play, call: str, mode: Mode, measured: Measured, fault: Fault) -> Iterator[str]:
    """The promises that hold for every cell of every row."""
    executions = play.executions[call]
    if executions > 1 and not mode.repeats:
        yield f"it ran {executions} times"
    if executions and mode.kind != "DryRun" and measured.delivery in ("not_delivered", "refused"):
        yield f"it ran, and is said to be {measured.delivery}"
    if fault.warm and play.executions["call-1"] != 1:
        yield f"the call before it ran {play.executions['call-1']} times"
    longest = MARGIN + fault.waits + measured.attempts * (fault.silence + 0.1)
    if measured.seconds > longest:
        yield f"it took {measured.seconds:.2f} s, and its limits allow {longest:.2f} s"


_before_write: dict[tuple[Any, ...], Callable[[], None]] = {}
"""Actions, each done once before the next byte is written to the server at this address."""


@contextlib.contextmanager
def watched_writes() -> Iterator[None]:
    """The actions of `_before_write` run between the client's last check and the write of a request, which is the subject.

    The client has no seam there. Over a session, the write is that of the socket, which asyncio's own loop calls.
    """
    ours, theirs = Connection.request, socket.socket.send

    def request(connection: Connection, *arguments: Any, **options: Any) -> "asyncio.Future[None]":
        _act(connection.transport.get_extra_info("peername"))
        return ours(connection, *arguments, **options)

    def send(sock: socket.socket, *arguments: Any) -> int:
        if _before_write:
            with contextlib.suppress(OSError):
                _act(sock.getpeername())
        return theirs(sock, *arguments)

    Connection.request = request  # type: ignore[method-assign]
    socket.socket.send = send  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Connection.request = ours  # type: ignore[method-assign]
        del socket.socket.send


def _act(address: Any) -> None:
    _before_write.pop(tuple(address[:2]), lambda: None)()  # that of a pair of sockets is empty


def cells(modes: Iterable[Mode], chosen: Iterable[Fault]) -> list[tuple[Fault, Mode]]:
    return [(fault, mode) for fault, mode in itertools.product(chosen, modes) if fault.tls in (None, mode.tls)]


async def run_cells(chosen: list[tuple[Fault, Mode]], *, faulty: int | None = None) -> Run:
    """Run many cells at a time, and report the tasks, open files and complaints that they left."""
    left: list[str] = []

    def complained(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # aiofastnet 1.2 tells the loop of each handshake that the peer ends, with the class of the error in place of the error.
        if context.get("exception") is not ConnectionResetError:
            left.append(f"the loop complained: {context}")

    asyncio.get_running_loop().set_exception_handler(complained)
    with faults.certificates() as certificates:
        with FaultServer() as server:  # a loop opens some files when it is first used: before they are counted
            for mode in MODES:
                await run_cell(server, certificates, FAULTS[0], mode)
        before = open_files()
        with FaultServer() as server, watched_writes():
            turns = asyncio.Semaphore(AT_A_TIME)

            async def run(fault: Fault, mode: Mode) -> Result:
                async with turns:
                    return await run_cell(server, certificates, fault, mode, faulty=faulty)

            # The slow ones first: they wait for limits, and the others are done meanwhile.
            order = sorted(range(len(chosen)), key=lambda number: -chosen[number][0].silence - chosen[number][0].waits)
            async with asyncio.timeout(LONGEST_RUN):
                outcomes = await asyncio.gather(*(run(*chosen[number]) for number in order))
            done = dict(zip(order, outcomes, strict=True))
        left += [f"a task: {task}" for task in asyncio.all_tasks() - {asyncio.current_task()}]
        gc.collect()
        after = open_files()
        left += [f"an open file: {file}" for file in after - before - _files_of(_left_open)]
        left += [f"somebody else's file was closed: {file}" for file in before - after]
    return Run(tuple(done[number] for number in range(len(chosen))), tuple(left))


@attrs.frozen
class Race:
    """Calls on connections that end, by chance, just before or just after they begin to be written."""

    calls: int
    answers: int
    repeated: int
    errors: tuple[str, ...]
    executions: int
    most_executions: int


async def _run_race(*, tls: bool, ending: Script, calls: int) -> Race:
    with faults.certificates() as certificates, FaultServer() as server:
        play = await server.play(
            faults.on_strike(ending, pause=faults.within_a_millisecond), tls=certificates.trusted if tls else None
        )

        async def strike(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
            server.strike(play)
            return await call_next(call)

        async with client_of(play, certificates, timeout=LIMITS) as client:
            client.middleware_stack.add(strike, step="deserialize")
            names = [f"call-{number}" for number in range(calls)]
            errors: list[str] = []
            for name in names:
                try:
                    output = await client.send(InvokeCommand(function_name=name, payload=b"1"))
                    assert output.metadata.request_id == name
                except ConnectionLostError as error:
                    errors.append(str(error.delivery))
            retried = client.stats.retries
        assert not await server.ended(play)
    executions = play.executions
    return Race(calls, calls - len(errors), retried, tuple(errors), executions.total(), max(executions.values()))


def run_one(loop: LoopName, fault: Fault, modes: Iterable[Mode] = MODES) -> tuple[Result, ...]:
    """A fault that is no row of the table."""
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(run_cells(cells(modes, [fault]))).results


@functools.cache
def run_operations(loop: LoopName) -> Run:
    """The calls that run no function, with every fault over TCP but those that are about payloads and their answers."""
    chosen = [fault for fault in FAULTS if not fault.tls and fault.payload is not LARGE and fault.function_error is None]
    chosen = [fault for fault in chosen if not fault.name.startswith(_NO_OBJECTS)]
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(run_cells(cells(OPERATION_MODES, chosen)))


@functools.cache
def run_urls(loop: LoopName) -> Run:
    """The requests to the URL of a function, with every fault over TCP but those that are about payloads and their answers."""
    chosen = [fault for fault in FAULTS if not fault.tls and fault.payload is not LARGE and fault.function_error is None]
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(run_cells(cells(URL_MODES, chosen)))


def run_race(loop: LoopName, *, tls: bool, ending: Script, calls: int = 200) -> Race:
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(_run_race(tls=tls, ending=ending, calls=calls))


def open_files() -> set[tuple[str, str]]:
    """The open files of this process: number and target. Empty if there is no /proc."""
    found: set[tuple[str, str]] = set()
    for file in Path("/proc/self/fd").iterdir() if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):  # the one that lists
            found.add((file.name, str(file.readlink())))
    return found


@functools.cache
def run(loop: LoopName, *, faulty: int | None = None) -> Run:
    """All cells on a loop; or those of the faults that can go away, on the first connections only."""
    chosen = cells(MODES, FAULTS)
    if faulty is not None:
        chosen = [(fault, mode) for fault, mode in chosen if fault.goes_away and mode.kind == "RequestResponse"]
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(run_cells(chosen, faulty=faulty))


# The table

_HEAD = ["fault", *(f"{column}{mark}" for mark in ("", ", idempotent") for column in ("runs", "sent", "outcome", "delivery"))]


def table(results: Iterable[Result]) -> str:
    """The quoted Markdown: `RequestResponse`, over TCP if the fault allows it. A race shows all outcomes that it may have."""
    rows: dict[str, list[str]] = {}
    for result in results:
        mode = attrs.evolve(result.mode, tls=False)
        if result.fault.quoted and mode in _QUOTED and result.mode.tls is bool(result.fault.tls):
            expected = result.fault.expected(result.mode)
            shown = expected if expected.allows(result.measured) else result.measured
            rows.setdefault(result.fault.name, []).extend(str(shown).split(" | "))
    lines = [_HEAD, *([name, *values] for name, values in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [[value.ljust(width) for value, width in zip(line, widths, strict=True)] for line in lines]
    text.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in text)


if __name__ == "__main__":
    warnings.simplefilter("error")
    sys.stdout.write(table(run("asyncio").results))

"""Functions that run in this process: their names, versions and qualifiers, and one run of a handler.

Must not know where an invocation comes from, or where its response goes.
"""

import asyncio
import contextlib
import datetime as dt
import sys
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from typing import Any

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_seconds, check_whole
from ..protocol import names
from ..types.mistakes import kind_of, nearest
from .durable.store import DurableScript
from .executions import Execution
from .failure_script import Decision
from .function_facts import EventFacts, FunctionFacts
from .function_failure import response_of
from .function_log import FunctionLog, Usage
from .handlers import Handler, HandlerFailed, pieces_of, takes_context
from .identifiers import LATEST, log_stream_name
from .printed_output import following_output
from .python_runtime import LambdaContext

__all__ = [
    "RUNTIME",
    "FunctionTable",
    "HandlerInvocation",
    "HandlerRun",
    "InProcessFunction",
    "function_of",
    "problem_of_handler",
]

_MEMORY_SIZE = 128
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The name of the runtime of functions in this Python."""


@attrs.frozen(kw_only=True)
class InProcessFunction:
    """A handler with its name, one of its qualifiers or `None`, its version, its timeout in seconds, its reserved concurrency.

    `takes_context` says whether the handler is called with event and context, `log_stream_name` is that of its context. A
    durable function has a script, and its handler may not run.
    """

    name: str
    handler: Handler
    takes_context: bool
    qualifier: str | None
    version: str
    timeout: float
    log_stream_name: str
    concurrency: int | None = None
    durable: DurableScript | None = None


class FunctionTable:
    """Functions by name and qualifier. A function without qualifiers answers to all of them."""

    def __init__(self) -> None:
        self._functions: dict[str, dict[str | None, InProcessFunction]] = {}

    def add(self, function: InProcessFunction) -> None:
        """Add a function, in place of one of the same name and qualifier."""
        self._functions.setdefault(function.name, {})[function.qualifier] = function

    def remove(self, name: str) -> None:
        """Remove a function with all its qualifiers, if there is one."""
        self._functions.pop(name, None)

    def clear(self) -> None:
        """Remove all functions."""
        self._functions.clear()

    def find(self, name: str, qualifier: str | None) -> InProcessFunction | None:
        """The function, or `None`."""
        found = self._functions.get(name, {})
        if qualifier in (None, LATEST) or found.keys() == {None}:
            return found.get(None)
        return found.get(qualifier)

    def is_durable(self, name: str) -> bool:
        """Whether a function is durable, with any of its qualifiers."""
        return any(function.durable is not None for function in self._functions.get(name, {}).values())

    def function_names(self) -> Collection[str]:
        """The names of all functions."""
        return list(self._functions)

    def facts_of(self, name: str, /, *, events: Mapping[str | None, EventFacts] | None = None) -> FunctionFacts | None:
        """The configuration of a function, with this treatment of its events; `None` if there is no such function."""
        found = dict(self._functions.get(name, {}))
        if not found:
            return None
        main = found.get(None) or next(iter(found.values()))
        qualified = {qualifier: function.version for qualifier, function in found.items() if qualifier is not None}
        versions = dict.fromkeys(version for version in qualified.values() if version != LATEST)
        return FunctionFacts(
            name=name,
            handler=_handler_name(main.handler),
            runtime=RUNTIME,
            timeout=main.timeout,
            memory_size=_MEMORY_SIZE,
            versions=versions,
            aliases={qualifier: {version: 1.0} for qualifier, version in qualified.items() if not qualifier.isdigit()},
            any_qualifier=found.keys() == {None},
            concurrency=main.concurrency,
            durable=main.durable is not None,
            durable_timeout=None if main.durable is None else main.durable.execution_timeout,
            events=events or {},
        )

    def check_known(self, name: str, *, others: Iterable[str] = ()) -> None:
        """`ConfigurationError` if no function has this name; `others` are those that stand elsewhere."""
        if name in self._functions:
            return
        all_names = [*self._functions, *others]
        meant = nearest(name, all_names)
        known = f"did you mean {meant}?" if meant is not None else f"add it first; known: {', '.join(all_names) or 'none'}"
        raise ConfigurationError(f"there is no function {name!r}; {known}")


def _handler_name(handler: object) -> str:
    """The setting `Handler` of a handler of this process."""
    module, name = getattr(handler, "__module__", None), getattr(handler, "__qualname__", None)
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "handler"


def problem_of_handler(function_name: str, handler: object) -> str:
    """Why something that cannot be called is no handler."""
    return (
        f"the handler of {function_name!r} is {kind_of(handler)}, not a function of the event: "
        "for a fixed answer, write lambda event: answer"
    )


def function_of(
    function_name: str,
    handler: object,
    *,
    qualifier: str | None = None,
    version: str | None = None,
    timeout: float = 60.0,
    concurrency: int | None = None,
    durable: DurableScript | None = None,
) -> InProcessFunction:
    """A function of these settings. `ConfigurationError` if one of them is wrong."""
    if not isinstance(function_name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise ConfigurationError(f"a function name must be a string; got {kind_of(function_name)}")
    check_seconds("timeout", timeout, optional=False)
    if concurrency is not None:
        check_whole("concurrency", concurrency, least=0)
    if not callable(handler):
        raise ConfigurationError(problem_of_handler(function_name, handler))
    own_qualifier = names.qualifier_of(function_name)
    if None not in (qualifier, own_qualifier) and qualifier != own_qualifier:
        raise ConfigurationError(f"{function_name!r} names another qualifier than {qualifier!r}")
    qualifier = qualifier or own_qualifier
    if qualifier == LATEST:
        qualifier = None
    if version is None:
        version = LATEST if qualifier is None else qualifier if qualifier.isdigit() else "1"
    return InProcessFunction(
        name=names.plain_name_of(function_name),
        handler=handler,
        takes_context=takes_context(handler),
        qualifier=qualifier,
        version=version,
        timeout=timeout,
        log_stream_name=log_stream_name(dt.datetime.now(dt.UTC).date(), version),
        concurrency=concurrency,
        durable=durable,
    )


@attrs.frozen(kw_only=True)
class HandlerInvocation:
    """The input of one run. `client_context` is decoded."""

    request_id: str
    invocation_type: str
    payload: bytes = attrs.field(repr=False)
    function_arn: str
    client_context: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    tenant_id: str | None = attrs.field(default=None, repr=False)


class HandlerRun:
    """One run of a handler, with what the script of failures decided for it. Use it once.

    With a `log`, it gets the lines of Lambda and what the handler prints. Afterwards `log_tail` has its end.
    """

    def __init__(
        self,
        function: InProcessFunction,
        invocation: HandlerInvocation,
        decision: Decision,
        *,
        on_end: Callable[[Execution], object],
        log: FunctionLog | None = None,
    ) -> None:
        self._function = function
        self._invocation = invocation
        self._decision = decision
        self._on_end = on_end
        self.log = log
        self.log_tail = b""

    @property
    def version(self) -> str:
        """The version that runs."""
        return self._function.version

    async def whole(self) -> bytes:
        """The whole response. Raises `HandlerFailed` if the function fails."""
        async with contextlib.aclosing(self.pieces()) as pieces:
            return b"".join([piece async for piece in pieces])

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The response in the pieces of the handler. Raises `HandlerFailed` if the function fails."""
        started, response = time.perf_counter(), bytearray()
        failed: HandlerFailed | None = None
        error: BaseException | None = None
        if self.log is not None:
            self.log.start(self._invocation.request_id, self._function.version)
        try:
            if self._decision.delay:
                await asyncio.sleep(self._decision.delay)
            async with contextlib.aclosing(self._source()) as pieces:
                async for piece in pieces:
                    response += piece
                    yield piece
        except HandlerFailed as raised:
            failed, error = raised, raised.error
            raise
        except GeneratorExit:
            raise  # the rest of the stream is not wanted
        except BaseException as other:
            error = other
            raise
        finally:
            self._end_log(failed, time.perf_counter() - started)
            self._on_end(self._execution(bytes(response) if failed is None else failed.response.payload, failed, error))

    def _source(self) -> AsyncGenerator[bytes]:
        """The pieces of the handler, or up to the failure that was scripted."""
        scenario = self._decision.scenario
        pieces = self._handled() if self.log is None else _followed(self._handled(), self.log)
        if scenario is None or scenario.function is None:
            return pieces
        failure = scenario.function
        failed = HandlerFailed(response_of(failure, self._invocation.request_id), kind=failure.kind)
        return _cut_off(pieces, scenario.chunks, failed)

    def _handled(self) -> AsyncGenerator[bytes]:
        function = self._function
        return pieces_of(function.handler, self._invocation.payload, self._context(), with_context=function.takes_context)

    def _context(self) -> LambdaContext:
        function, invocation = self._function, self._invocation
        return LambdaContext(
            aws_request_id=invocation.request_id,
            function_name=function.name,
            function_version=function.version,
            invoked_function_arn=invocation.function_arn,
            memory_limit_in_mb=str(_MEMORY_SIZE),
            log_group_name=f"/aws/lambda/{function.name}",
            log_stream_name=function.log_stream_name,
            deadline=time.time() + function.timeout,
            client_context=invocation.client_context,
            tenant_id=invocation.tenant_id,
        )

    def _end_log(self, failed: HandlerFailed | None, duration: float) -> None:
        if self.log is None:
            return
        response = None if failed is None else failed.response
        if failed is not None and failed.log:
            self.log.write(failed.log.encode(errors="backslashreplace"))
        usage = Usage(
            duration=duration * 1000,
            memory_size=_MEMORY_SIZE,
            max_memory_used=0,  # a handler in this process has no memory of its own
            status=None if response is None else response.status,
            error_type=None if response is None else response.error_type,
        )
        self.log_tail = self.log.end(self._invocation.request_id, usage)

    def _execution(self, response: bytes, failed: HandlerFailed | None, error: BaseException | None) -> Execution:
        error_type = failed.response.error_type if failed is not None else type(error).__name__ if error is not None else None
        return Execution(
            function_name=self._function.name,
            version=self._function.version,
            request_id=self._invocation.request_id,
            invocation_type=self._invocation.invocation_type,
            payload=self._invocation.payload,
            response=response,
            error_type=error_type,
            error=error,
        )


async def _cut_off(pieces: AsyncGenerator[bytes], most: int, failed: HandlerFailed) -> AsyncGenerator[bytes]:
    """At most so many pieces, and then the failure."""
    async with contextlib.aclosing(pieces):
        while most:
            piece = await anext(pieces, None)
            if piece is None:
                break
            yield piece
            most -= 1
    raise failed


async def _followed(pieces: AsyncGenerator[bytes], log: FunctionLog) -> AsyncGenerator[bytes]:
    """The pieces, with what the handler prints in the log. Each step may run in another task, so each is followed by itself."""
    async with contextlib.aclosing(pieces):
        while True:
            with following_output(lambda text: log.write(text.encode(errors="backslashreplace"))):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece

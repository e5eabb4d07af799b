"""The client: wires the stack, the built-in steps, the configuration and the transport together; the only place that does.

Owns the life of a client and the calls that it offers. Must not hold a rule that a layer below could hold.
"""

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Awaitable, Coroutine, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, Unpack, overload

import attrs

from ..config import ClientSettings, LambdaClientConfig
from ..errors import ClientClosedError
from ..errors.checks import check_flag, check_seconds
from ..errors.tracebacks import forget_locals
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import EventReceipt, InvokeCommandOutput
from ..operations.payload import Payload, check_json_text
from ..pipeline import BuiltinMiddlewares, PipelineContext, PipelineState, Slots, dispatch_over, slot_limit
from ..pipeline.call import Call, CallNext, Command, CommandInput, CommandOutput
from ..pipeline.stack import ClientStack, MiddlewareStack
from ..policy.retry import StandardRetry
from ..transport import connection_room
from ..types.interfaces import DetachableTransport
from ..types.values import (
    UNSET,
    ClientStats,
    LogType,
    Metadata,
    Timeouts,
    Unset,
    shown,
)
from .in_flight import InFlightCalls
from .loop_binding import LoopBinding
from .maps import MapCalls, Maps
from .startup import Startup

if TYPE_CHECKING:
    from ..fanout import Send
    from ..operations.response_stream import ResponseStream

__all__ = ["LambdaClient", "uuid_of"]

In = TypeVar("In")
Out = TypeVar("Out")
Item = TypeVar("Item")


class LambdaClient(MapCalls):
    """Invokes Lambda functions. Building one does no I/O and needs no running loop; it belongs to one event loop at a time.

    `async with` equals `await open()` ... `await close()`. A client that is only used opens itself at the first call.
    `timeout` is everywhere in seconds for the whole call, or `Timeouts`; `None` is no limit. The settings are those of
    `LambdaClientConfig`. A `transport` that is given is closed with the client.
    """

    @overload
    def __init__(self, config: LambdaClientConfig, /) -> None: ...
    @overload
    def __init__(self, **settings: Unpack[ClientSettings]) -> None: ...
    def __init__(self, config: LambdaClientConfig | None = None, **settings: Any) -> None:
        if config is not None and settings:
            raise TypeError(f"give a config or settings, not both; got a config and {', '.join(settings)}")
        try:
            config = LambdaClientConfig(**settings) if config is None else config
        except Exception as error:
            forget_locals(error)
            raise
        finally:
            del settings  # a traceback that is printed with locals would show the proxy's password
        if not isinstance(config, LambdaClientConfig):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise TypeError(f"LambdaClient takes settings by keyword, or one LambdaClientConfig; got {shown(config)}")
        logger = config.logger or logging.getLogger("aiolambda")
        room = None if config.transport is not None else connection_room()
        context = PipelineContext(
            codec=config.codec,
            limits=config.limits,
            response_limits=config.response_limits,
            logger=logger,
            environment=os.environ,
            retry=config.retry or StandardRetry(),
        )
        self._state = PipelineState(context=context, slots=Slots(slot_limit(config.max_concurrency, room), logger=logger))
        self._send_over = dispatch_over(self._state)
        self._stack: ClientStack[CommandInput, CommandOutput] = ClientStack()
        self._stack.use(BuiltinMiddlewares(self._state))
        self._limits: dict[float, Timeouts] = {}
        self._lifetime = InFlightCalls()
        self._maps = Maps(
            max_concurrency=self._state.slots.limit,
            codec=config.codec,
            idempotent=bool(config.idempotent),
            sender=self._map_sender,
            jitter=self._state.jitter,
            enter=self._enter,
        )
        self._opening = Startup(config, self._state, signs=lambda: "httpSigningMiddleware" in self._stack)
        self._home = LoopBinding(leave=self._leave_loop, is_busy=self._is_busy)

    @property
    def config(self) -> LambdaClientConfig:
        """The settings; once the client is open, with the region and endpoint that were found."""
        return self._opening.config

    @property
    def middleware_stack(self) -> MiddlewareStack[CommandInput, CommandOutput]:
        """The middlewares of every call. A change is seen by the next `send`, never by one in flight."""
        return self._stack

    @property
    def stats(self) -> ClientStats:
        """The counters at this moment."""
        slots, counters = self._state.slots, self._state.counters
        return ClientStats(
            in_flight=slots.in_flight,
            waiting=slots.waiting,
            executed=counters.executed,
            retried=counters.retried,
            unknown=counters.unknown,
            throttled=dict(counters.throttled),
        )

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close(grace=30.0 if exc_type is None else 0)

    async def open(self) -> LambdaClientConfig:
        """Find region, endpoint and the source of credentials, off the loop; `ConfigurationError` where one is missing."""
        self._enter()
        await self._opening.run()
        return self._opening.config

    async def close(self, *, grace: float | None = 30.0) -> None:
        """Start nothing more, let calls in flight end for `grace` seconds (0 cuts them, `None` waits), close connections.

        A call that is cut raises `ClientClosedError`. Closing twice is fine. A middleware may close the client: its own call is
        neither awaited nor cut, and fails with the same error if it sends something afterwards.
        """
        check_seconds("grace", grace)
        self._home.enter(asyncio.get_running_loop())
        self._maps.stop()
        async with contextlib.AsyncExitStack() as endings:  # each of them comes, whatever becomes of those before it
            endings.callback(self._home.release)
            endings.push_async_callback(self._close_transport)
            endings.push_async_callback(self._opening.stop)
            endings.push_async_callback(self._maps.close)
            await self._lifetime.close(grace)

    async def send(
        self, command: Command[In, Out], *, timeout: float | Timeouts | Unset | None = UNSET, idempotent: bool | None = None
    ) -> Out:
        """Send a command through the client's middlewares and its own, and give its output.

        Raises an `AiolambdaError`, whose `delivery` says whether the function may have run. A function that failed is not
        an error here, as in the API: see `output.function_error`, or call `invoke`.
        """
        return await self._run(self._call(command, timeout, idempotent))

    def _run(self, call: Call[In, Out]) -> Coroutine[Any, Any, Out]:
        chain = self._chain(call.command)
        return self._lifetime.run(call, chain if self._opening.done else self._opening_first(chain))

    def _map_sender(self, timeout: float | Timeouts | Unset | None, idempotent: bool | None) -> "Send":
        """How a map sends: its throttles come back at once, and a call's time begins with its slot."""

        def send(command: InvokeCommand, run_ended: "asyncio.Future[None]") -> Awaitable[InvokeCommandOutput]:
            call = self._call(command, timeout, idempotent)
            call.run_ended = run_ended
            return self._run(call)

        if timeout is not UNSET:
            self._timeouts(timeout, 1.0)  # a wrong limit is an error of the map, not of each item
        return send

    async def invoke(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        tenant_id: str | None = None,
        durable_execution_name: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> InvokeCommandOutput:
        """Invoke a function and wait for its answer. Raises `FunctionError` where it failed, and whatever `send` raises."""
        try:
            command = InvokeCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                qualifier=qualifier,
                log_type=log_type,
                client_context=client_context,
                tenant_id=tenant_id,
                durable_execution_name=durable_execution_name,
            )
        finally:
            del payload, client_context, tenant_id  # a traceback that is printed with locals would show them
        output = await self.send(command, timeout=timeout, idempotent=idempotent)
        return output.raise_for_function_error()

    async def invoke_event(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        tenant_id: str | None = None,
        durable_execution_name: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> EventReceipt:
        """Queue an event for a function. Accepted is not done: Lambda may run it up to three times, or drop it."""
        try:
            command = InvokeCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                invocation_type="Event",
                qualifier=qualifier,
                tenant_id=tenant_id,
                durable_execution_name=durable_execution_name,
            )
        finally:
            del payload, tenant_id  # as above
        output = await self.send(command, timeout=timeout, idempotent=idempotent)
        return EventReceipt(
            status_code=output.status_code, durable_execution_arn=output.durable_execution_arn, metadata=output.metadata
        )

    def stream(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        tenant_id: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> "ResponseStream":
        """Invoke a function and read its answer as it writes it: `async with client.stream(...) as stream:`.

        Entering the block sends the invocation, and raises whatever `send` raises; leaving it closes the stream. Of `timeout`,
        `read` holds until the answer begins, `idle` between its pieces, and `total` until the stream is closed. The stream
        holds its slot for so long.
        """
        from ..operations.response_stream import ResponseStream  # noqa: PLC0415
        from ..operations.stream_command import InvokeWithResponseStreamCommand  # noqa: PLC0415 - loaded by the first stream

        try:
            command = InvokeWithResponseStreamCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                qualifier=qualifier,
                log_type=log_type,
                client_context=client_context,
                tenant_id=tenant_id,
            )
        finally:
            del payload, client_context, tenant_id  # as above

        async def open_stream() -> ResponseStream:
            return (await self.send(command, timeout=timeout, idempotent=idempotent)).event_stream

        return ResponseStream(open_stream)

    async def dry_run(self, function_name: str, payload: Payload = None, *, qualifier: str | None = None) -> Metadata:
        """Ask whether these credentials may invoke the function; nothing runs."""
        try:
            command = InvokeCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                invocation_type="DryRun",
                qualifier=qualifier,
            )
        finally:
            del payload  # as above
        return (await self.send(command)).metadata

    def __reduce__(self) -> Never:
        """No client is copied or pickled: it has connections, and belongs to a loop."""
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled: it holds connections, and belongs to one event loop; make "
            "another with the same settings, LambdaClient(client.config)"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} region {self._opening.config.region}, {self._state.slots.in_flight} calls in flight>"

    def _opening_first(self, chain: CallNext[In, Out]) -> CallNext[In, Out]:
        async def open_first(call: Call[In, Out]) -> Out:
            await self.open()
            return await chain(call)

        return open_first

    def _enter(self) -> None:
        """Begin something on the running loop, if the client is not closed and belongs to no other."""
        if self._lifetime.closed:
            raise ClientClosedError("this client is closed")
        self._home.enter(asyncio.get_running_loop())

    async def _close_transport(self) -> None:
        transport = self._state.take_transport() or self._opening.config.transport
        if transport is not None:
            await transport.close()

    def _is_busy(self) -> bool:
        return self._lifetime.is_busy or bool(self._maps.runs) or self._opening.is_under_way

    def _leave_loop(self, *, forked: bool) -> None:
        """Begin anew on another loop: whatever waits on the one that was left never ends, and must not be waited for."""
        self._lifetime, self._state.slots = self._lifetime.anew(), self._state.slots.renewed()
        self._maps.detach(forked=forked)
        self._opening.forget()
        transport = self._state.transport
        if transport is not None and isinstance(transport, DetachableTransport):
            transport.detach(forked=forked)

    def _call(
        self, command: Command[In, Out], timeout: float | Timeouts | Unset | None, idempotent: bool | None
    ) -> Call[In, Out]:
        if idempotent is None:
            idempotent = self._opening.config.idempotent if command.idempotent is None else command.idempotent
        if not (idempotent is None or idempotent is False or idempotent is True):
            check_flag("idempotent", idempotent)  # type: ignore[unreachable] # callers need not be typed
        input, loop = command.input, asyncio.get_running_loop()
        if loop is not self._home.loop:
            self._home.enter(loop)
        return Call(
            command=command,
            input=input,
            client_name=type(self).__name__,
            invocation_id=uuid_of(random.getrandbits(128)),
            said_idempotent=idempotent,
            durable=self._state.durable,
            timeouts=self._timeouts(timeout, command.operation.default_read_timeout(input)),
            loop=loop,
            started=loop.time(),
        )

    def _timeouts(self, given: float | Timeouts | Unset | None, default_read_timeout: float) -> Timeouts:
        """The limits of a call: its own or the client's, with the read limit filled in."""
        if given is UNSET:
            kept = self._limits.get(default_read_timeout)
            if kept is None:
                kept = self._limits[default_read_timeout] = self._opening.config.timeout.with_read_limit(default_read_timeout)
            return kept
        timeouts = given if isinstance(given, Timeouts) else attrs.evolve(self._opening.config.timeout, total=given)
        return timeouts.with_read_limit(default_read_timeout)

    def _chain(self, command: Command[In, Out]) -> CallNext[In, Out]:
        """The client's stack and the command's, joined and folded; commands without middlewares share one fold."""
        return self._stack.chain_for(command, self._send_over)


_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def uuid_of(bits: int) -> str:
    """The UUID of version 4 that 128 random bits make; `uuid.UUID` takes three times as long."""
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"

"""The client: connects the middleware stack, the configuration and the transport. No other module does.

Owns the life of a client, and `send`. Must not hold a rule that a lower layer could hold.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, Unpack, overload

import attrs

from ..config import ClientSettings, LambdaClientConfig
from ..errors import ClientClosedError
from ..errors.checks import check_flag, check_seconds
from ..errors.tracebacks import forget_locals
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandOutput
from ..pipeline import BuiltinMiddlewares, Dispatch, PipelineContext, PipelineState, Slots, slot_limit
from ..pipeline.call import Call, CallNext, Command, CommandInput, CommandOutput, NewCall
from ..pipeline.command import own_stack
from ..pipeline.stack import ClientStack, MiddlewareStack
from ..policy.retry import StandardRetry
from ..transport import connection_room
from ..types.interfaces import can_detach
from ..types.values import UNSET, ClientStats, Timeouts, Unset, shown
from .in_flight import InFlightCalls
from .invocation_ids import InvocationIds
from .invocations import InvocationCalls
from .loop_binding import LoopBinding
from .maps import MapCalls, Maps
from .startup import Startup

if TYPE_CHECKING:
    from ..fanout import Send

__all__ = ["LambdaClient"]

In = TypeVar("In")
Out = TypeVar("Out")


class LambdaClient(InvocationCalls, MapCalls):
    """An asyncio client that invokes Lambda functions.

    ::

        async with LambdaClient(region="eu-west-1") as client:
            output = await client.invoke("orders", {"id": 7}, timeout=30)
            print(output.json())

    `async with` opens the client and closes it. A client that is not opened opens itself at the first call; end it with
    `await client.close()`. Building a client does no I/O and needs no running event loop. A client is bound to one event loop
    at a time.

    Settings are keyword arguments, or one `LambdaClientConfig`. A wrong type or value raises `ConfigurationError` at once.
    These are looked up in the environment, then in the profile, if they are not given:

    - `region`: the AWS region. `profile`: a profile of the shared AWS config files.
    - `credentials`: `Credentials`, or a provider of them.
    - `endpoint_url`: another endpoint than the region's. `ignore_configured_endpoint_urls=True`: ignore the endpoints of the
      environment and the profile.
    - `use_fips_endpoint`, `use_dualstack_endpoint`: choose the kind of endpoint (default `False`).
    - `retry`: a retry strategy (default `StandardRetry()`).
    - `disable_clock_skew_correction=True`: do not adapt to the clock of the service.
    - `tcp_keepalive`: a `TcpKeepAlive` (the default), or `None` to switch it off.
    - `ca_bundle`: a PEM file or a folder of certificates (default: the authorities of the system).
    - `proxy`: the URL of an HTTP proxy, which may hold a user and a password; `""` is no proxy.
    - `user_agent_app_id`: the name of your program in the user agent.

    The others are arguments only:

    - `use_arn_region=True`: if a function is given as an ARN of another region, call it there (default: refuse it).
    - `timeout`: seconds for each whole call, or `Timeouts`; `None` is no limit for the whole call (the default).
    - `max_concurrency`: calls in flight at a time; further calls wait. The default is 1,000, or fewer if the limit of open
      files leaves less room.
    - `idempotent=True`: running any function twice does no harm. `False`: it does, even if an input implies that it does not.
    - `retry_stale_connections=False`: do not send again if the server closed a pooled connection before the request reached it.
    - `limits`, `response_limits`: the sizes of requests and answers.
    - `codec`: encodes values to payloads and decodes answers (default `JsonCodec()`).
    - `transport`: in place of the built-in one, such as `FakeTransport` or `SessionTransport`. The client closes it.
    - `idle_connection_timeout`: seconds for which an unused connection stays open (default 60).
    - `ssl_context`: an `ssl.SSLContext` in place of `ca_bundle`, such as one with a client certificate.
    - `logger`: default `logging.getLogger("aiolambda")`.
    - `user_agent_extra`: text that is appended to the user agent.
    """

    @overload
    def __init__(self, config: LambdaClientConfig, /) -> None: ...
    @overload
    def __init__(self, **settings: Unpack[ClientSettings]) -> None: ...
    def __init__(self, config: LambdaClientConfig | None = None, **settings: Any) -> None:
        if config is not None and settings:
            raise TypeError(f"LambdaClient takes a config or settings, not both; got a config and {', '.join(settings)}")
        try:
            config = LambdaClientConfig(**settings) if config is None else config
        except Exception as error:
            forget_locals(error)
            raise
        finally:
            del settings  # a traceback that is printed with locals would show the password of a proxy
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
        self._dispatch = Dispatch(self._state)
        self._stack: ClientStack[CommandInput, CommandOutput] = ClientStack()
        self._stack.use(BuiltinMiddlewares(self._state))
        self._limits: dict[float, Timeouts] = {}
        self._invocation_ids = InvocationIds()
        self._in_flight = InFlightCalls()
        self._maps = Maps(
            max_concurrency=self._state.slots.limit,
            codec=config.codec,
            idempotent=bool(config.idempotent),
            sender=self._map_sender,
            jitter=self._state.jitter,
            enter=self._enter,
        )
        self._startup = Startup(config, self._state, signs=lambda: "httpSigningMiddleware" in self._stack)
        self._loop_binding = LoopBinding(detach=self._detach, is_busy=self._is_busy)

    @property
    def config(self) -> LambdaClientConfig:
        """The settings. Once the client is open, region, endpoint and keep-alive are those that were looked up."""
        return self._startup.config

    @property
    def middleware_stack(self) -> MiddlewareStack[CommandInput, CommandOutput]:
        """The middlewares of all calls. A change affects calls that start later, never a call in flight."""
        return self._stack

    @property
    def stats(self) -> ClientStats:
        """The counters of this client now."""
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
        """Look up region, endpoint and credentials source, in a thread, and return the settings.

        Raises `ConfigurationError` if a setting is missing or wrong, and `ClientClosedError` if the client is closed.
        """
        self._enter()
        await self._startup.run()
        return self._startup.config

    async def close(self, *, grace: float | None = 30.0) -> None:
        """Start no more calls, wait `grace` seconds for those in flight, abort the rest, and close all connections.

        `grace=0` aborts at once; `None` waits without a limit. Aborted calls raise `ClientClosedError`. Closing twice is
        fine. A middleware may close the client: its own call is neither awaited nor aborted, and cannot send again.
        """
        check_seconds("grace", grace)
        self._loop_binding.bind(asyncio.get_running_loop())
        self._maps.stop()
        async with contextlib.AsyncExitStack() as exits:  # in reverse order; each runs, even if another raises
            exits.callback(self._loop_binding.unbind)
            exits.push_async_callback(self._close_transport)
            exits.push_async_callback(self._startup.abort)
            exits.push_async_callback(self._maps.close)
            await self._in_flight.close(grace)

    async def send(
        self, command: Command[In, Out], *, timeout: float | Timeouts | Unset | None = UNSET, idempotent: bool | None = None
    ) -> Out:
        """Send a command through the middlewares of the client and of the command, and return its output.

        `timeout` and `idempotent` are those of `invoke`. A function that failed does not raise: see `output.function_error`.

        Raises an `AiolambdaError`; its `may_have_run` says whether the function may have run:

        - `InvalidInputError`, `ConfigurationError`: nothing was sent.
        - `LambdaServiceException`: Lambda answered with an error code.
        - `TransportError`: no complete answer came. Its subclasses `ConnectError`, `ConnectionLostError` and
          `InvocationTimeoutError` say why.
        - `ClientClosedError`: the client is closed, or was closed during the call.
        """
        return await self._call(command, timeout, idempotent, None)

    def _map_sender(self, timeout: float | Timeouts | Unset | None, idempotent: bool | None) -> "Send":
        """The `send` of a map: it reports throttles at once, and the time of a call starts with its slot."""

        def send(command: InvokeCommand, run_ended: "asyncio.Future[None]") -> Awaitable[InvokeCommandOutput]:
            return self._call(command, timeout, idempotent, run_ended)

        if timeout is not UNSET:
            self._timeouts(timeout, 1.0)  # so that a wrong limit fails the map, and not each item
        return send

    def __reduce__(self) -> Never:
        """Refuse copying and pickling."""
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, because it has connections and an event loop; create "
            "another with the same settings: LambdaClient(client.config)"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} region {self._startup.config.region}, {self._state.slots.in_flight} calls in flight>"

    def _with_opening(self, chain: CallNext[In, Out]) -> CallNext[In, Out]:
        async def open_first(call: Call[In, Out]) -> Out:
            await self.open()
            return await chain(call)

        return open_first

    def _enter(self) -> None:
        """Bind the client to the running loop before something starts there. Raises if it is closed or bound elsewhere."""
        if self._in_flight.closed:
            raise ClientClosedError("this client is closed")
        self._loop_binding.bind(asyncio.get_running_loop())

    async def _close_transport(self) -> None:
        transport = self._state.take_transport() or self._startup.config.transport
        if transport is not None:
            await transport.close()

    def _is_busy(self) -> bool:
        return self._in_flight.is_busy or bool(self._maps.runs) or self._startup.is_running

    def _detach(self, *, forked: bool) -> None:
        """Drop everything that belongs to the old loop: calls that wait there never end, and must not be awaited."""
        self._in_flight, self._state.slots = InFlightCalls(closed=self._in_flight.closed), self._state.slots.renewed()
        self._maps.detach(forked=forked)
        self._startup.detach()
        transport = self._state.transport
        if transport is not None and can_detach(transport):
            transport.detach(forked=forked)

    def _call(
        self,
        command: Command[In, Out],
        timeout: float | Timeouts | Unset | None,
        idempotent: bool | None,
        run_ended: "asyncio.Future[None] | None",
    ) -> Coroutine[Any, Any, Out]:
        """A call of a command, which starts when it is awaited."""
        if idempotent is None:
            idempotent = self._startup.config.idempotent if command.idempotent is None else command.idempotent
        if not (idempotent is None or idempotent is False or idempotent is True):
            check_flag("idempotent", idempotent)  # type: ignore[unreachable] # callers need not be typed
        input, loop = command.input, asyncio.get_running_loop()
        if loop is not self._loop_binding.loop:
            self._loop_binding.bind(loop)
        read = command.operation.default_read_timeout(input)
        timeouts = self._limits.get(read) if timeout is UNSET else None
        call = NewCall(
            command,
            input,
            type(self).__name__,
            self._invocation_ids.next(),
            timeouts or self._timeouts(timeout, read),
            loop,
            loop.time(),
            idempotent,
            self._state.durable,
            run_ended,
        )
        fold = self._stack.fold_for(type(command), own_stack(command), self._dispatch)
        call.is_shared = fold.shares
        return self._in_flight.run(call, fold.chain if self._startup.done else self._with_opening(fold.chain))

    def _timeouts(self, given: float | Timeouts | Unset | None, default_read_timeout: float) -> Timeouts:
        """The limits of the call, or else of the client, with `read` filled in."""
        if given is UNSET:
            kept = self._limits[default_read_timeout] = self._startup.config.timeout.with_read_limit(default_read_timeout)
            return kept
        timeouts = given if isinstance(given, Timeouts) else attrs.evolve(self._startup.config.timeout, total=given)
        return timeouts.with_read_limit(default_read_timeout)

"""The client: connects the middleware stack, the configuration and the transport. No other module does.

Owns the life of a client, and `send`. Must not hold a rule that a lower layer could hold.
"""

import asyncio
import contextlib
import inspect
import logging
import os
import ssl
from abc import ABCMeta
from collections.abc import Awaitable, Coroutine
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, cast

import attrs

from ..codecs import JsonCodec
from ..config import LambdaClientConfig
from ..errors import ClientClosedError, InvalidInputError
from ..errors.checks import check_flag, check_seconds, problem_of_timeout
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandOutput
from ..pipeline import BuiltinMiddlewares, Dispatch, PipelineContext, PipelineState, Slots, control_plane_slots, slot_limit
from ..pipeline.call import Call, CallNext, Command, NewCall
from ..pipeline.command import parts_of
from ..pipeline.observers import Observation
from ..pipeline.operation import CommandInput, CommandOutput, ControlPlaneOperation
from ..pipeline.stack import ClientStack, MiddlewareStack
from ..policy.retry import StandardRetry
from ..transport import connection_room
from ..types.events import ClientObserver, MapFacts
from ..types.interfaces import Codec, CredentialsProvider, RetryStrategy, Transport, can_abort, can_detach
from ..types.loggers import PACKAGE
from ..types.mistakes import HidesNamesElsewhere, name_elsewhere
from ..types.stats import ClientStats
from ..types.values import (
    UNSET,
    Credentials,
    HedgeAfter,
    PayloadLimits,
    ResponseLimits,
    TcpKeepAlive,
    Timeouts,
    Unset,
)
from . import registry
from .arguments import CLIENT_ATTRIBUTES, by_keyword, explained_call
from .durable_calls import DurableCalls
from .endings import Endings
from .fetches import FetchCalls
from .in_flight import InFlightCalls
from .invocation_ids import InvocationIds
from .invocations import InvocationCalls
from .loop_binding import LoopBinding, running_loop
from .management import ManagementCalls
from .map_runs import Maps
from .maps import MapCalls
from .startup import Startup

if TYPE_CHECKING:
    from ..fanout import Send
    from ..operations.fetch_command import FetchCommand
    from ..operations.fetch_types import HttpOutput
    from ..pipeline.hedging import Leg
    from .durable.questions import Questions
    from .function_facts import FunctionFacts
    from .hedging import HedgedCalls
    from .processes.workers import Workers

__all__ = ["LambdaClient"]

In = TypeVar("In")
Out = TypeVar("Out")


class _ClientClass(HidesNamesElsewhere, ABCMeta):
    """The class of `LambdaClient`, which has abstract bases."""


@name_elsewhere(CLIENT_ATTRIBUTES)
class LambdaClient(InvocationCalls, FetchCalls, DurableCalls, MapCalls, ManagementCalls, metaclass=_ClientClass):
    """An asyncio client that invokes Lambda functions.

    ::

        async with LambdaClient(region="eu-west-1") as client:
            output = await client.invoke("orders", {"id": 7}, timeout=30)
            print(output.json())

    `async with` opens the client and closes it. A client that is not opened opens itself at the first call; end it with
    `await client.close()`. Building a client does no I/O and needs no running event loop. A client is bound to one event loop
    at a time.

    Settings are keyword arguments, or one `LambdaClientConfig`. `LambdaClient.__init__` explains each of them, and
    `print(client.config.explain())` shows their values and where each comes from. Many calls at a time may use one client.
    """

    @by_keyword
    def __init__(
        self,
        config: LambdaClientConfig | None = None,
        /,
        *,
        region: str | None = None,
        profile: str | None = None,
        credentials: Credentials | CredentialsProvider | None = None,
        endpoint_url: str | None = None,
        ignore_configured_endpoint_urls: bool | None = None,
        use_fips_endpoint: bool | None = None,
        use_dualstack_endpoint: bool | None = None,
        use_arn_region: bool = False,
        timeout: float | Timeouts | None = None,
        tcp_keepalive: TcpKeepAlive | Unset | None = UNSET,
        retry: RetryStrategy | None = None,
        retry_stale_connections: bool = True,
        disable_clock_skew_correction: bool | None = None,
        max_concurrency: int | None = None,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | None = None,
        limits: PayloadLimits = PayloadLimits(),  # noqa: B008 - frozen
        response_limits: ResponseLimits = ResponseLimits(),  # noqa: B008 - frozen
        codec: Codec = JsonCodec(),  # noqa: B008 - without state
        transport: Transport | None = None,
        idle_connection_timeout: float = 60.0,
        ca_bundle: str | PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        logger: logging.Logger | None = None,
        user_agent_extra: str | None = None,
        user_agent_app_id: str | None = None,
    ) -> None:
        """Build a client. This does no I/O: settings that are not given here are looked up when the client opens.

        "Looked up" means: in the environment, then in the profile. `None` means "not given", unless said otherwise.

        ::

            client = LambdaClient(region="eu-west-1", max_concurrency=200, timeout=30)

        Args:
            config: The settings as one value, in place of the keyword arguments.
            region: The AWS region, such as `"eu-west-1"`. Looked up; without one, opening fails.
            profile: The profile of the AWS config files. Looked up in the environment; by default `default`.
            credentials: `Credentials`, or a provider such as those of `aiolambda.credentials`. Looked up by default.
                Without them the client asks the environment, the profile, the container and the instance, in this order.
            endpoint_url: Another endpoint than the region's, such as `"http://localhost:9000"`. Looked up.
            ignore_configured_endpoint_urls: `True` ignores endpoints of environment and profile. Looked up; by default `False`.
            use_fips_endpoint: `True` calls the FIPS endpoint of the region. Looked up; by default `False`.
            use_dualstack_endpoint: `True` calls the endpoint that has IPv6 too. Looked up; by default `False`.
            use_arn_region: `True` sends a call to the region that the function's ARN names. Default `False`.
                Without it, an ARN of another region is refused.
            timeout: Seconds for each whole call, or `Timeouts`. By default a call as a whole has no limit.
            tcp_keepalive: When to probe silent connections; `None`: never. Looked up; by default `TcpKeepAlive()`.
            retry: The retry strategy. By default `StandardRetry()`, with the number of attempts that is looked up.
            retry_stale_connections: `True` (the default) sends again at once if the server had closed the pooled connection.
                This applies only if no byte of the request had arrived, so the function has not run.
            disable_clock_skew_correction: `True` never adapts to the clock of the service. Looked up; by default `False`.
            max_concurrency: Invocations in flight at a time; further calls wait. Default 1,000.
                It is fewer by default if the limit of open files leaves less room.
            idempotent: `True`: running any function twice does no harm. By default each call decides.
                With `True`, an attempt with an unknown outcome is repeated. `False` also switches off the repeats that a kind
                of invocation allows.
            hedge_after: When an idempotent call that has no answer is sent a second time. Default `None`: never.
                Seconds, or `"p90"`, `"p95"` or `"p99"`: the time in which that share of the function's answers came.
                The first answer wins. The function may run twice, and both runs are billed. It holds for calls that wait for
                the whole answer of a function.
            limits: The largest payloads and client context to send, in bytes. Default: the limits of Lambda.
            response_limits: The largest answer to accept, in bytes. Default: 16 MiB and a head of 64 KiB.
            codec: Converts values to payloads, and answers to values. Default `JsonCodec()`.
            transport: Sends the requests: `FakeTransport`, `SessionTransport` or one of your own. Default: the built-in one.
                The client closes it.
            idle_connection_timeout: Seconds after which an unused connection is closed. Default 60.
            ca_bundle: A PEM file or a folder of certificates to trust. Looked up; by default those of the system.
            ssl_context: An `ssl.SSLContext` in place of `ca_bundle`, such as one with a client certificate. Default none.
                It must verify the server. It is used for the endpoint, and for a proxy that is reached over https.
            proxy: The URL of an HTTP proxy; `""` is no proxy. Looked up in the environment; by default none.
                It may hold the proxy's user and password, percent-encoded.
            logger: The logger of calls and warnings. Default `logging.getLogger("aiolambda")`.
            user_agent_extra: Text that is appended to the user agent. Default none.
            user_agent_app_id: The name of your program in the user agent. Looked up; by default none.

        Raises:
            ConfigurationError: A value is wrong, or two contradict each other. It names the setting.
                For an argument that does not exist it is a `TypeError` too, and names the nearest one.
        """
        config = config or LambdaClientConfig()  # `by_keyword` gives a config always, and no settings
        log = config.logger or PACKAGE
        room = None if config.transport is not None else connection_room()
        asked = cast("int | None", config.given("max_concurrency"))
        context = PipelineContext(
            codec=config.codec,
            limits=config.limits,
            response_limits=config.response_limits,
            logger=log,
            environment=os.environ,
            retry=config.retry or StandardRetry(),
        )
        self._state = PipelineState(
            context=context,
            slots=Slots(slot_limit(asked, room), logger=log),
            control_slots=control_plane_slots(log),
        )
        self._dispatch = Dispatch(self._state)
        self._stack: ClientStack[CommandInput, CommandOutput] = ClientStack()
        self._stack.use(BuiltinMiddlewares(self._state))
        self._limits: dict[float, Timeouts] = {}
        self._facts: FunctionFacts | None = None
        self._durable: Questions | None = None
        self._hedge_after: HedgeAfter | None = config.hedge_after
        self._hedged: HedgedCalls | None = None
        self._last_limits: tuple[object, Timeouts] = None, config.timeout
        """The limits of the last call that had a limit of its own: most calls have the same."""
        self._invocation_ids = InvocationIds()
        self._endings = Endings()
        self._in_flight = InFlightCalls(self._endings)
        self._runs = self._maps = Maps(
            max_concurrency=self._state.slots.limit,
            codec=config.codec,
            idempotent=bool(config.idempotent),
            sender=self._map_sender,
            hedging=lambda: self._hedging,
            hedge_after=config.hedge_after,
            jitter=self._state.jitter,
            enter=self._enter,
            observers=self._state.observers,
            logger=log,
            concurrency_of=self._concurrency_of,
            workers=self._map_workers,
        )
        self._startup = Startup(config, self._state, signs=lambda: "httpSigningMiddleware" in self._stack)
        self._transport_closing: asyncio.Task[None] | None = None
        """Closes a transport that cannot be aborted."""
        self._loop_binding = LoopBinding(detach=self._detach, is_busy=self._is_busy)
        registry.add(self)

    @property
    def config(self) -> LambdaClientConfig:
        """The settings. Once the client is open, region, endpoint, keep-alive and `max_concurrency` are those in force."""
        return self._startup.config

    @property
    def middleware_stack(self) -> MiddlewareStack[CommandInput, CommandOutput]:
        """The middlewares of all calls. A change affects calls that start later, never a call in flight."""
        return self._stack

    def observe(self, observer: ClientObserver, /) -> Observation:
        """Tell an observer of the calls and maps that start from now on.

        ::

            from aiolambda.telemetry import CallEnded, ClientObserver


            class Durations(ClientObserver):
                def call_ended(self, event: CallEnded, /) -> None:
                    print(event.call.function_name, event.outcome, event.duration)


            with client.observe(Durations()):
                await client.invoke("orders", {"id": 7})

        Args:
            observer: An object of a class derived from `aiolambda.telemetry.ClientObserver`.

        Raises:
            ConfigurationError: It is something else.
        """
        return self._state.observers.add(observer)

    @property
    def stats(self) -> ClientStats:
        """The counters of this client now. Any thread may read them."""
        loop = self._loop_binding.loop
        return self._endings.counters.stats(self._state, None if loop is None else loop.time())

    if not TYPE_CHECKING:  # a type checker finds this mistake by itself

        def __enter__(self) -> Never:
            raise TypeError("a client is used in an async block: async with LambdaClient(...) as client: ...")

        __exit__ = __enter__

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close(grace=30.0 if exc_type is None else 0)

    async def open(self) -> LambdaClientConfig:
        """Look up region, endpoint and credentials source, in a thread, and return the settings.

        Raises:
            ConfigurationError: A setting is missing or wrong. The error names it, and where it comes from.
            ClientClosedError: The client is closed.
        """
        self._enter()
        await self._startup.run()
        return self._startup.config

    async def close(self, *, grace: float | None = 30.0) -> None:
        """Start no more calls, wait for those in flight, abort the rest, and close all connections.

        Aborted calls raise `ClientClosedError`. Closing twice is fine. A middleware may close the client: its own call is
        neither awaited nor aborted, and cannot send again.

        Args:
            grace: Seconds to wait for calls in flight. Default 30; 0 aborts at once, `None` waits without a limit.
        """
        check_seconds("grace", grace)
        self._loop_binding.bind(asyncio.get_running_loop())
        self._maps.stop()
        durable, until = self._durable, asyncio.get_running_loop().time() + (grace or 0.0)
        async with contextlib.AsyncExitStack() as exits:  # in reverse order; each runs, even if another raises
            exits.callback(self._loop_binding.unbind)
            exits.push_async_callback(self._close_transport)
            exits.push_async_callback(self._startup.close)
            exits.push_async_callback(self._maps.close)
            if durable is not None:
                exits.push_async_callback(durable.close)
                durable.abort()
            await self._in_flight.close(grace)
            await self._maps.workers.end_calls(None if grace is None else max(0.0, until - asyncio.get_running_loop().time()))

    def abort(self) -> None:
        """Close the client at once, without waiting: end the calls in flight, and close all connections.

        ::

            import atexit

            client = LambdaClient(region="eu-west-1")
            atexit.register(client.abort)  # no event loop runs any more

        The peers see the end of the connections now; the event loop ends calls and frees descriptors when it runs on. A call
        that is ended raises `ClientClosedError`, whose `may_have_run` says whether its request may have left. After it, the
        client is closed as after `close`, which may still be called. Aborting twice is fine.

        It needs no running event loop: that of the client may stand still, be closed, or never have run. If it runs, call this
        in its thread, from a task or a callback; from elsewhere use `loop.call_soon_threadsafe(client.abort)`. In a forked
        child the connections of the parent stay open. A middleware may abort the client: its own call goes on, and cannot send
        again.

        A transport of your own ends at once if it has a method `abort()`. Otherwise a task closes it, if the loop runs.

        Raises:
            ConfigurationError: The event loop of the client runs in another thread.
        """
        is_inherited = self._loop_binding.is_inherited
        loop = self._loop_binding.leave()
        self._in_flight.closed = True
        with contextlib.ExitStack() as exits:  # in reverse order; each runs, even if another raises
            if is_inherited:
                self._state.take_transport()  # it is detached, and its loop is the parent's
            else:
                exits.callback(self._abort_transport, loop)
                exits.callback(self._maps.workers.kill)
            if loop is not None and loop.is_running():
                exits.callback(self._abort_work)
            elif loop is not None:
                exits.callback(loop.call_soon, self._abort_work)  # the first that it does if it runs again

    @explained_call
    async def send(
        self,
        command: Command[In, Out],
        *,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
    ) -> Out:
        """Send a command through the middlewares of the client and of the command, and return its output.

        A function that failed does not raise: see `output.function_error`. The errors of the client are `AiolambdaError`s, and
        `may_have_run` says whether the function may have run. An exception of a middleware of yours passes as it is.

        Args:
            command: An `InvokeCommand` or an `InvokeWithResponseStreamCommand`, or a command of your own.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            idempotent: `True` if running the function twice does no harm. Default: as the command says, then the client.
                With `True`, an attempt with an unknown outcome is repeated. `False` also switches off the repeats that the
                input allows.
            hedge_after: When an idempotent call that has no answer is sent a second time. Default: that of the client.
                Seconds, or `"p90"`, `"p95"` or `"p99"`: the time in which that share of the function's answers came.
                The first answer wins. The function may run twice, and both runs are billed. `None` is never.

        Raises:
            InvalidInputError: Lambda would refuse the input. Nothing was sent.
            ConfigurationError: A setting is missing or wrong. Nothing was sent.
            LambdaServiceException: Lambda answered with an error code.
            TransportError: No complete answer came.
                Its subclasses `ConnectError`, `ConnectionLostError` and `InvocationTimeoutError` say why.
            ClientClosedError: The client is closed, or was closed during the call.
            AiolambdaError: A middleware of yours returned no output.
        """
        if hedge_after is not UNSET or self._hedge_after is not None:
            return await self._hedging.send(command, timeout, idempotent, hedge_after)
        return await self._call(command, timeout, idempotent, None, None)

    @property
    def _hedging(self) -> "HedgedCalls":
        """Makes the calls that may be sent a second time."""
        from .hedging import HedgedCalls  # noqa: PLC0415 - most clients hedge nothing

        if self._hedged is None:
            self._hedged = HedgedCalls(
                self._call,
                self._timeouts,
                self._state,
                config=self._startup.config,
                is_closed=lambda: self._in_flight.closed,
            )
        return self._hedged

    def _map_sender(self, timeout: float | Timeouts | Unset | None, idempotent: bool | None, facts: MapFacts) -> "Send":
        """The `send` of a map: it reports throttles at once, and the time of a call starts with its slot."""

        def send(
            command: "InvokeCommand | FetchCommand", run_ended: "asyncio.Future[None]"
        ) -> "Awaitable[InvokeCommandOutput | HttpOutput]":
            one: Any = command  # of the one class or of the other; `cast` would take longer
            return self._call(one, timeout, idempotent, run_ended, facts)

        if timeout is not UNSET:
            self._timeouts(timeout, 1.0)  # so that a wrong limit fails the map, and not each item
        return send

    def _map_workers(
        self, processes: int, timeout: float | Timeouts | Unset | None, idempotent: bool | None, function_name: str | None
    ) -> "Workers":
        """The worker processes of a map. `ConfigurationError` if a part of this client cannot reach them."""
        from .processes.parts import workers_of  # noqa: PLC0415 - most maps are made by one process

        return workers_of(
            processes,
            stack=self._stack,
            startup=self._startup,
            state=self._state,
            endings=self._endings,
            open=self.open,
            timeout=timeout,
            idempotent=idempotent,
            function_name=function_name,
        )

    def __reduce__(self) -> Never:
        """Refuse copying and pickling."""
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, because it has connections and an event loop; create "
            "another with the same settings: LambdaClient(client.config)"
        )

    def __repr__(self) -> str:
        if "_loop_binding" not in vars(self):  # a traceback that is printed with locals shows a client that was refused
            return f"<{type(self).__name__}, not built>"
        state = ", closed" if self._in_flight.closed else ""
        calls = self._state.slots.in_flight
        return f"<{type(self).__name__} region {self._startup.config.region}, {calls} calls in flight{state}>"

    def _with_opening(self, chain: CallNext[In, Out]) -> CallNext[In, Out]:
        async def open_first(call: Call[In, Out]) -> Out:
            await self.open()
            return await chain(call)

        return open_first

    def _with_function_timeout(self, chain: CallNext[In, Out], default: float) -> CallNext[In, Out]:
        async def ask_first(call: Call[In, Out]) -> Out:
            call.timeouts = attrs.evolve(call.timeouts, read=await self._function_facts.read_limit(call, default))
            return await chain(call)

        return ask_first

    async def _concurrency_of(self, function_name: str, qualifier: str | None) -> int | None:
        return await self._function_facts.concurrency(function_name, qualifier)

    @property
    def _function_facts(self) -> "FunctionFacts":
        """What the client has asked about functions: only if a limit says so."""
        from .function_facts import FunctionFacts  # noqa: PLC0415 - most clients never need it

        if self._facts is None:
            self._facts = FunctionFacts(self, self._state.context.log)
        return self._facts

    def _questions(self) -> "Questions":
        """The questions about durable executions, on the running loop."""
        from .durable.questions import Questions  # noqa: PLC0415 - most clients never ask

        self._enter()
        if self._durable is None:
            self._durable = Questions(self, jitter=self._state.jitter)
        return self._durable

    def _enter(self) -> None:
        """Bind the client to the running loop before something starts there. Raises if it is closed or bound elsewhere."""
        if self._in_flight.closed:
            raise ClientClosedError("this client is closed")
        self._loop_binding.bind(running_loop())

    async def _close_transport(self) -> None:
        transport, closing = self._state.take_transport() or self._startup.config.transport, self._transport_closing
        if closing is not None:
            await asyncio.wait([closing])
        if transport is not None:
            await transport.close()

    def _abort_work(self) -> None:
        """End everything that runs on the loop of the client, which runs in this thread."""
        with contextlib.ExitStack() as exits:  # as in `abort`
            exits.callback(self._startup.abort)
            exits.callback(self._in_flight.abort)
            exits.callback(self._maps.workers.abort)
            exits.callback(self._maps.stop)
            if self._durable is not None:
                exits.callback(self._durable.abort)

    def _abort_transport(self, loop: asyncio.AbstractEventLoop | None) -> None:
        transport = self._state.take_transport() or self._startup.config.transport
        if transport is None:
            return
        if can_abort(transport):
            transport.abort()
        elif loop is not None and loop.is_running():
            self._transport_closing = loop.create_task(transport.close(), name="close the transport of an aborted LambdaClient")
        elif loop is not None and can_detach(transport):
            transport.detach()

    def _is_busy(self) -> bool:
        is_asked = self._durable is not None and self._durable.is_busy
        return self._in_flight.is_busy or bool(self._maps.runs) or self._startup.is_running or is_asked

    def _detach(self, *, forked: bool) -> None:
        """Drop everything that belongs to the old loop: calls that wait there never end, and must not be awaited."""
        self._in_flight, state = InFlightCalls(self._endings, closed=self._in_flight.closed), self._state
        state.slots, state.control_slots = state.slots.renewed(), state.control_slots.renewed()
        self._facts = self._durable = None
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
        map_facts: MapFacts | None,
        leg: "Leg | None" = None,
    ) -> Coroutine[Any, Any, Out]:
        """A call of a command, which starts when it is awaited."""
        input, said, own = parts_of(command)
        if idempotent is None:
            idempotent = self._startup.config.idempotent if said is None else said
            if idempotent is not said and isinstance(command.operation, ControlPlaneOperation):
                idempotent = None  # the setting of the client is about functions
        if not (idempotent is None or idempotent is False or idempotent is True):
            check_flag("idempotent", idempotent)  # type: ignore[unreachable] # callers need not be typed
        loop = running_loop()
        if loop is not self._loop_binding.loop:
            self._loop_binding.bind(loop)
        read = command.operation.default_read_timeout(input)
        timeouts = self._limits.get(read) if timeout is UNSET else None
        fold = self._stack.fold_for(type(command), own, self._dispatch)
        chain = fold.chain if self._startup.done else self._with_opening(fold.chain)
        if timeouts is None:
            timeouts = self._timeouts(timeout, read)
            if timeouts.read == "function":
                chain = self._with_function_timeout(chain, read)
        call = (NewCall if fold.explains else Call)(
            command,
            input,
            type(self).__name__,
            self._invocation_ids.next(),
            timeouts,
            loop,
            loop.time(),
            idempotent,
            self._state.durable,
            run_ended,
        )
        call.is_shared = bool(fold.added)
        if (observers := self._state.observers).all or leg is not None:
            call.watch = observers.watch(map_facts, leg)
        return self._in_flight.run(call, chain, fold.added)

    def _timeouts(self, given: float | Timeouts | Unset | None, default_read_timeout: float) -> Timeouts:
        """The limits of the call, or else of the client, with `read` filled in."""
        if given is UNSET:
            limits = self._startup.config.timeout.with_read_limit(default_read_timeout)
            if limits.read != "function":  # which each call looks up
                self._limits[default_read_timeout] = limits
            return limits
        if isinstance(given, Timeouts):
            return given.with_read_limit(default_read_timeout)
        key = type(given), given, default_read_timeout  # with the type: `True` equals 1, and is refused
        if key != self._last_limits[0]:
            problem = problem_of_timeout("timeout", given)
            if problem is not None:
                raise InvalidInputError(problem, member="timeout")
            own = self._startup.config.timeout
            read = default_read_timeout if own.read is UNSET else own.read
            self._last_limits = key, attrs.evolve(own, total=given, read=read)
        return self._last_limits[1]


def _take_for_own(*parts: type) -> None:
    """Let the methods of these parts say that they are the client's, and name the argument that was meant if one is wrong."""
    for part in parts:
        for name, method in list(vars(part).items()):
            if inspect.isfunction(method) and not name.startswith("_"):
                method.__qualname__ = f"{LambdaClient.__name__}.{name}"
                setattr(part, name, explained_call(method))


_take_for_own(InvocationCalls, FetchCalls, DurableCalls, MapCalls, ManagementCalls)

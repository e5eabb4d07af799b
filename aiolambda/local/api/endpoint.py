"""The local endpoint: an HTTP server on 127.0.0.1 with the API of Lambda.

Owns the settings, the life of the server, and what a test asks about it. Must not know requests, or how functions run.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Never, Self, cast, overload

import attrs

from ...emulation.emulated_lambda import EmulatedLambda
from ...emulation.executions import Execution
from ...emulation.function_log import LogListener
from ...emulation.handlers import Handler
from ...emulation.identifiers import arn_of
from ...emulation.in_process import function_of
from ...emulation.recorded_call import RecordedCall
from ...emulation.scenarios import FailureKind, Scenario
from ...emulation.url_config import FunctionUrl
from ...errors import ConfigurationError
from ...errors.checks import check_callable, check_choice, check_plain_function, check_seconds, check_whole
from ...protocol import names
from ...types.mistakes import explains_arguments, kind_of
from ...types.values import Credentials
from .. import listeners
from ..durable.executions import DurableExecutions
from ..durable.peer import DurablePeer, PeerSettings
from ..event_config import EventInvokeConfig
from ..functions import DEFAULT_TIMEOUT, LocalFunction, function_of_callable
from ..init_check import InitFailure, check_inits
from ..invocation_log import InvocationListener, InvocationLog
from ..reload import Reload, Reloader
from ..runtime.debugging import debugger_of
from ..runtime.environment import SharedEnvironment
from ..runtime.pool import ProcessPool
from ..runtime.process import INIT_LIMIT, RuntimeProcess
from ..runtime.process_groups import ProcessGroups
from ..served_functions import ServedFunctions
from ..urls.address import path_of
from . import authentication
from .listening import ListeningServer
from .server import InvokeApi, Observers

__all__ = ["LocalEndpoint"]

_REGION = "us-east-1"
"""The region that functions see if the endpoint takes requests of any region."""


@explains_arguments
class LocalEndpoint(EmulatedLambda):
    """Serve functions on 127.0.0.1 while the block is open.

    ::

        async with LocalEndpoint([function]) as endpoint:
            async with LambdaClient(
                region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials
            ) as client:
                output = await client.invoke("orders", {"id": 7})

    No process runs before `start`, and none is left after `close`.

    A test adds functions of its own process with `add`, lets calls fail with `fail` and `delay`, and reads `calls` and
    `executions`. An `Event` is answered with 202, and runs afterwards: await `wait_idle()`. It and all methods without `async`
    may be called in any thread and on any event loop.
    """

    def __init__(
        self,
        functions: Iterable[LocalFunction] = (),
        *,
        port: int = 0,
        region: str | None = None,
        credentials: Credentials | None = None,
        verify_signatures: bool = True,
        on_log: LogListener | None = None,
        on_invocation: InvocationListener | None = None,
        reload: bool | Reload = False,
        init_limit: float = INIT_LIMIT,
        keep_records: bool = True,
        account_concurrency: int | None = None,
        debug: bool | int = False,
        durable_python: str | os.PathLike[str] | None = None,
    ) -> None:
        """Build an endpoint. This starts nothing.

        Args:
            functions: The functions to serve in processes, each with a name of its own. Default none; `add` adds more.
            port: The port to listen on. Default 0: the system chooses one.
            region: The region that requests must be signed for. Default: any; functions then see `"us-east-1"`.
            credentials: The keys that requests must be signed with. By default, random ones are made.
            verify_signatures: `False` accepts requests without verifying signatures. Default `True`.
                Requests of web pages are refused either way, but for function URLs that are open to them.
            on_log: Called with the output of the functions, as they write it.
                For a function of this process, it is called in the thread of its handler.
            on_invocation: Called on the event loop with an `InvocationEvent` at each change of an invocation.
                This includes invocations that are refused or throttled.
            reload: Whether an invocation runs new code after a file of its function was saved. Default `False`.
                Those in flight finish on the old code. `Reload(...)` also reads the functions again.
            init_limit: The longest duration of the init of a runtime, in seconds. Default 10.
                An init that takes longer goes on in the time of the first invocation.
            keep_records: Whether `calls` and `executions` are kept, with their payloads. Default `True`.
            account_concurrency: The most concurrent invocations of all functions together. Default `None`: no limit.
            debug: `True` lets `breakpoint()` in a handler use the standard input of this program. Default `False`.
                A port starts the built-in runtime under debugpy, which waits there for a debugger; a further process waits at
                the next port.
                Either way, each function has one process without time limits, and calls wait for it.
                debugpy obeys every program of this machine that connects to its port.
            durable_python: The Python of an environment with AWS's testing SDK for durable functions. Default: see below.
                It runs the executions of functions with a `DurableConfig`, by `aws-durable-execution-sdk-python-testing`.
                The default is that of the environment variable `AIOLAMBDA_DURABLE_PYTHON`, else this Python.
        """
        super().__init__()
        check_choice("keep_records", keep_records)
        check_choice("verify_signatures", verify_signatures)
        check_whole("port", port, least=0, most=65_535)
        if account_concurrency is not None:
            check_whole("account_concurrency", account_concurrency, least=0)
        check_seconds("init_limit", init_limit)
        check_callable("on_log", on_log)
        self._debugger = debugger_of(debug)
        check_plain_function("on_invocation", on_invocation)
        if not isinstance(reload, bool | Reload):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"reload must be True, False or Reload(...); got {kind_of(reload)}")
        if not (region is None or isinstance(region, str)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"region must be a string; got {type(region).__name__}")
        if not (credentials is None or isinstance(credentials, Credentials)):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            raise ConfigurationError(f"credentials must be Credentials(...); got {kind_of(credentials)}")
        if not (durable_python is None or isinstance(durable_python, str | os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            raise ConfigurationError(f"durable_python must be the path of a Python; got {kind_of(durable_python)}")
        self._durable_python = None if durable_python is None else os.fspath(durable_python)
        self.region = _REGION if region is None else region
        """The region that the endpoint reports, and that functions see."""
        self._only_region = region
        self.credentials = credentials or authentication.fresh_credentials()
        """The keys that requests must be signed with."""
        self._on_log = None if on_log is None else listeners.guarded("on_log", on_log)
        self._account_concurrency = account_concurrency
        self._served = ServedFunctions(self._on_log, self._decide_run, account_concurrency)
        self._served.in_processes.update(_by_name(functions))
        self._log = InvocationLog(on_invocation)
        self._reload = Reload() if reload is True else reload or None
        self._looking: asyncio.Task[None] | None = None
        """The task that looks for new code from time to time."""
        self._server = ListeningServer(port)
        self._verify_signatures = verify_signatures
        self._init_limit = init_limit
        self._keep_records = keep_records
        self._groups = ProcessGroups()
        self._is_started = False
        self._api: InvokeApi | None = None
        self._durable: DurableExecutions | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._url: str | None = None

    @property
    def functions(self) -> Mapping[str, LocalFunction]:
        """The functions that run in processes, by name."""
        return self._served.in_processes

    @property
    def url(self) -> str:
        """The URL of the endpoint. Raises `ConfigurationError` before `start`."""
        if self._url is None:
            raise ConfigurationError("the local endpoint has no URL before it is started; use `async with` or `start()`")
        return self._url

    def function_url(self, function_name: str, /) -> str:
        """The URL of a function, with a slash at its end, for HTTP requests in the payload format 2.0.

        ::

            async with LocalEndpoint([function]) as endpoint:
                print(endpoint.function_url("orders"))  # http://127.0.0.1:9001/_url/orders/

        Args:
            function_name: The name of the function, also as `name:qualifier`.

        Raises:
            ConfigurationError: The endpoint is not started, or there is no such function.
        """
        names.check_function_name(function_name)
        self._served.check_known(names.plain_name_of(function_name))
        return f"{self.url}{path_of(function_name)}"

    def environment(self) -> dict[str, str]:
        """The environment variables that point boto3, the AWS CLI and subprocesses at this endpoint.

        Raises `ConfigurationError` before `start`.
        """
        variables = {
            "AWS_ENDPOINT_URL_LAMBDA": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,  # boto3 reads only this one
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
        }
        token = self.credentials.session_token
        return variables if token is None else {**variables, "AWS_SESSION_TOKEN": token}

    @overload
    def add(self, function: LocalFunction, /) -> None: ...

    @overload
    def add(
        self,
        function: str,
        handler: Handler,
        /,
        *,
        qualifier: str | None = None,
        version: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        process: bool = False,
        events: EventInvokeConfig | None = None,
        url: FunctionUrl | None = None,
    ) -> None: ...

    def add(
        self,
        function: str | LocalFunction,
        handler: Handler | None = None,
        /,
        *,
        qualifier: str | None = None,
        version: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        process: bool = False,
        events: EventInvokeConfig | None = None,
        url: FunctionUrl | None = None,
    ) -> None:
        """Add a function, or replace it.

        ::

            endpoint.add("orders", lambda event: {"total": 3 * event["id"]})

        Args:
            function: The name of the function, also as `name:qualifier`, or a `LocalFunction`, which runs in processes.
            handler: A function of the event, or of event and context; a coroutine function or a generator, too.
                It runs in this process, on a thread with an event loop of its own.
            qualifier: The version or alias that this handler serves. Default `None`: any, or calls without one.
            version: The version that answers state. Default: `"$LATEST"`, the qualifier if it is a number, or `"1"`.
            timeout: The timeout of the function, in seconds. It ends processes only. Default 60.
            process: Whether the handler runs in processes of the real runtime. Default `False`.
                It must be a function at the top of a module, and have no qualifier.
            events: The treatment of an `Event`: retries, age limit, destinations. Default `None`: no retries.
                With `process=True`, the default is `EventInvokeConfig()`, which has two.
            url: The configuration of the function URL, also for the other qualifiers of the function.
                Default `None`: the one of an earlier `add`, else the URL needs a signature.

        Raises:
            ConfigurationError: The name is not a string, the handler not a function, or not one that a process can import.
        """
        if not (events is None or isinstance(events, EventInvokeConfig)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"events must be an EventInvokeConfig; got {kind_of(events)}")
        if not isinstance(url, FunctionUrl | None):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            raise ConfigurationError(f"url must be a FunctionUrl; got {kind_of(url)}")
        if isinstance(function, LocalFunction):
            for member, value in (("events", events), ("url", url)):
                if value is not None:
                    raise ConfigurationError(f"a LocalFunction has its own {member}: write LocalFunction(..., {member}=...)")
            self._served.add_process(function)
        elif not process:
            added = function_of(function, handler, qualifier=qualifier, version=version, timeout=timeout)
            self._served.add_handler(added, events, url)
        elif qualifier is None and version is None:
            added_process = attrs.evolve(function_of_callable(function, handler, timeout), url=url)
            self._served.add_process(added_process if events is None else attrs.evolve(added_process, events=events))
        else:
            raise ConfigurationError("a function in a process has no qualifiers and versions; remove process=True")

    def remove(self, function_name: str, /) -> None:
        """Remove a function. Calls of it are answered with `ResourceNotFoundException` from now on, and its events are dropped.

        Args:
            function_name: The name of the function.

        Raises:
            ConfigurationError: There is no such function.
        """
        self._served.check_known(function_name)
        self._served.remove(function_name)

    async def wait_idle(self) -> None:
        """Wait until no function runs and every `Event` that was accepted has ended, with its retries and records."""
        await self._served.activity.wait()

    def wait_idle_sync(self, timeout: float | None = 30.0) -> None:
        """Block this thread until no function runs and every `Event` that was accepted has ended, with retries and records.

        Args:
            timeout: The longest wait, in seconds. Default 30; `None` is no limit.

        Raises:
            TimeoutError: Something still runs.
            ConfigurationError: This is the thread of the endpoint's own event loop.
        """
        check_seconds("timeout", timeout)
        if self._loop is not None and self._loop is _loop_of_this_thread():
            raise ConfigurationError("wait_idle_sync() would block the event loop of the endpoint; await wait_idle()")
        if not self._served.activity.wait_sync(timeout):
            raise TimeoutError(f"the local endpoint is still busy after {timeout:g} s")

    async def clear(self) -> None:
        """Remove all functions, and forget all failures, delays, calls and executions. What still runs is cancelled.

        Call it on the event loop of the endpoint.
        """
        if self._durable is not None:
            await self._durable.clear()
        await self._served.clear()
        self._end_silence()
        if self._api is not None:
            self._api.forget_executions()
        self.reset()
        self._calls, self._executions = [], []  # a handler that blocks its thread may still end

    def reset(self) -> None:
        """Forget all failures, delays, calls and executions, and end silent connections. The functions stay.

        Events that wait for a run, a retry or a delivery are dropped. What runs goes on.
        """
        super().reset()
        self._served.drop_events()
        self._log.clear()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_silence)

    async def check(self, *function_names: str) -> list[InitFailure]:
        """Start a process of each function and each of its versions, and return those whose init fails.

        The processes of the others serve their next invocations. A function with a concurrency of 0 has no process to start. A
        function whose code changes during the check is left out. Under a debugger, only `$LATEST` is checked.

        ::

            async with LocalEndpoint([function]) as endpoint:
                for failure in await endpoint.check():
                    print(failure.function_name, failure.error_type, failure.error_message)

        Args:
            function_names: The functions to check. Default: all that run in processes.

        Raises:
            ConfigurationError: The endpoint is not started, or there is no such function.
        """
        if self._loop is None:
            raise ConfigurationError("functions can be checked once the endpoint is started; use `async with` or `start()`")
        for name in function_names:
            self._served.check_known(name)
        if self._served.refresh is not None:
            await self._served.refresh()  # the code that is checked is known before
        return await check_inits(self._served, function_names)

    def runtime_pids(self, function_name: str) -> list[int]:
        """The process ids of the function's runtimes, idle or busy.

        Args:
            function_name: The name of the function.
        """
        pool = self._served.pools.get(function_name)
        return [] if pool is None else pool.pids

    if not TYPE_CHECKING:  # a type checker finds this mistake by itself

        def __enter__(self) -> Never:
            raise TypeError("an endpoint is used in an async block: async with LocalEndpoint(...) as endpoint: ...")

        __exit__ = __enter__

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start listening.

        Raises `ConfigurationError` if the port is in use, if the endpoint was started and is not closed, or if the system is
        not Linux or macOS.
        """
        if os.name != "posix":
            raise ConfigurationError("the local endpoint needs a POSIX system; run it on Linux, macOS or WSL")
        if self._is_started:
            raise ConfigurationError("the local endpoint is already started; close it before another start")
        self._is_started = True
        async with AsyncExitStack() as started:
            started.push_async_callback(self.close)
            if self._served.in_processes:
                await self._groups.start()
            await self._listen()
            started.pop_all()

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        on_call = self._record_call if self._keep_records else None
        observers = Observers(
            decide=self._decide,
            decide_operation=self._decide_operation,
            on_call=on_call,
            on_operation=self._control_plane_calls.append if self._keep_records else None,
            on_end_of_run=self._recorder,
        )
        credentials = self.credentials if self._verify_signatures else None
        self._durable = DurableExecutions(self._make_durable_peer, self._served)
        self._api = InvokeApi(
            self._served,
            observers,
            self._log,
            self._states,
            region=self.region,
            only_region=self._only_region,
            credentials=credentials,
            account_concurrency=self._account_concurrency,
            url_of=lambda name: f"{self.url}{path_of(name)}",
            executions=self._durable,
        )
        self._url = self._server.bind()
        self._served.open(self._make_pool)  # which needs the URL, and comes before the first request
        await self._server.serve(self._api.server())
        if self._reload is not None:
            reloader = Reloader(self._served, self._reload)
            self._served.refresh = reloader.refresh
            self._looking = asyncio.create_task(reloader.run(), name="reload of LocalEndpoint")

    def _make_pool(self, function: LocalFunction) -> ProcessPool:
        shared = SharedEnvironment(url=self.url, region=self.region, credentials=self.credentials, inherited=dict(os.environ))

        def make_process(version: str) -> RuntimeProcess:
            return RuntimeProcess(
                function,
                shared,
                self._groups,
                version=version,
                on_log=self._on_log,
                init_limit=self._init_limit,
                debugger=self._debugger,
            )

        is_debugged = self._debugger is not None
        concurrency = min(function.concurrency, 1) if is_debugged else function.concurrency
        return ProcessPool(concurrency, make_process, one_at_a_time=is_debugged)

    def _make_durable_peer(self) -> DurablePeer:
        settings = PeerSettings(
            python=self._durable_python,
            url=self.url,
            region=self.region,
            arn_prefix=arn_of("any", self.region).removesuffix(":function:any"),
            credentials=self.credentials,
        )
        return DurablePeer(settings, self._groups)

    async def close(self) -> None:
        """Kill all runtimes and stop listening. Invocations in progress are answered with `ServiceException`.

        Events that have not ended are dropped, with their retries and records. A handler of this process is cancelled; one that
        blocks gets 5 seconds, and so does a destination.
        """
        self._served.refresh = None
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
            self._looking = None
        if self._durable is not None:
            await self._durable.close()
        await self._served.close()
        self._end_silence()
        if self._api is not None:
            self._api.forget_executions()
        await self._server.close()
        await self._groups.close()
        self._loop = self._api = self._durable = None
        self._is_started = False

    def _end_silence(self) -> None:
        if self._api is not None:
            self._api.end_silence()

    def _record_call(self, call: RecordedCall) -> None:
        self._calls.append(call)

    def _recorder(self) -> Callable[[Execution], object]:
        """For the record of one run: it belongs to the records of now."""
        return self._executions.append if self._keep_records else _forget

    def _check_known(self, function_name: str) -> None:
        self._served.check_known(function_name)

    def _check_effect(self, effect: Scenario | float) -> None:
        if isinstance(effect, Scenario) and effect.kind is FailureKind.CONNECT:
            raise ConfigurationError(
                "the local endpoint accepts every connection, so it cannot act out "
                f"{type(effect.error).__name__}: use FakeTransport, or a URL of a port that nothing listens on"
            )


def _forget(execution: Execution) -> None:
    """In place of a record."""


def _loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _by_name(functions: object) -> dict[str, LocalFunction]:
    form = "functions must be LocalFunctions, as in LocalEndpoint([LocalFunction(...)])"
    kind = kind_of(functions)
    if not isinstance(functions, Iterable) or isinstance(functions, str | bytes | Mapping):
        raise ConfigurationError(f"{form}; got {kind}")
    named: dict[str, LocalFunction] = {}
    for function in cast("Iterable[object]", functions):
        if not isinstance(function, LocalFunction):
            raise ConfigurationError(f"{form}; got one of type {type(function).__name__}")
        if function.name in named:
            raise ConfigurationError(f"the function {function.name!r} is defined twice; function names must be unique")
        named[function.name] = function
    return named

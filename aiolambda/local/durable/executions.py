"""The durable executions of an endpoint: their names, their start, their end, and the operations on them.

Laws: a name begins one execution, whatever follows. The process of AWS's testing SDK runs from the first start until `close`;
without it there are no executions.

Use it on one event loop. Must not know HTTP requests, or how a handler runs.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from ...emulation import api_errors
from ...emulation.api_errors import ApiError
from ...emulation.control_plane.routes import Asked
from ...emulation.durable_names import DurableExecution, DurableNames
from ...emulation.function_responses import FunctionResponse
from ...emulation.identifiers import ACCOUNT
from ..durable_config import DurableConfig
from ..functions import LocalFunction
from ..runtime.process import EndpointClosed
from ..served_functions import ServedFunctions
from . import operations
from .peer import DurablePeer, PeerUnavailable

__all__ = ["DurableExecutions", "DurableStart"]

_Result = TypeVar("_Result")
_log = logging.getLogger("aiolambda.local.durable")


@attrs.frozen(kw_only=True)
class DurableStart:
    """What an execution begins with. `function_arn` has no qualifier; without a name, the execution is new."""

    function: LocalFunction
    config: DurableConfig
    function_arn: str
    version: str
    name: str | None
    payload: bytes = attrs.field(repr=False)
    tenant_id: str | None = attrs.field(repr=False)
    on_begin: Callable[[str], object]
    """Called with the ARN when a new execution has begun."""
    on_end: Callable[[FunctionResponse | None], object]
    """Called with the result of a new execution that has begun; `None` if the endpoint ended it."""


@attrs.define(eq=False)
class _Run:
    """An execution that has not ended."""

    begun: "asyncio.Future[None]"
    ended: "asyncio.Future[None]"
    task: "asyncio.Task[FunctionResponse] | None" = None


class DurableExecutions:
    """`make_peer` makes a process that is not started yet. `clear` ends all executions, and `close` also refuses new ones."""

    def __init__(self, make_peer: Callable[[], DurablePeer], functions: ServedFunctions) -> None:
        self._make_peer = make_peer
        self._functions = functions
        self._names = DurableNames()
        self._runs: dict[str, _Run] = {}
        self._peer: DurablePeer | None = None
        self._start: asyncio.Task[DurablePeer] | None = None
        self._follower: asyncio.Task[None] | None = None
        self._told: Mapping[str, object] | None = None
        """The functions as the process knows them."""
        self._is_closed = False

    def has_sent(self, token: str) -> bool:
        """Whether the process has sent a request with this token: it asks for one run of a handler."""
        peer = self._peer
        if peer is None:
            return False
        return hmac.compare_digest(token.encode(errors="replace"), peer.token.encode())

    async def begin(self, start: DurableStart) -> tuple[str, bool]:
        """The ARN of an execution that has begun, and whether it is new.

        Raises the `ApiError` of a start that failed, or of a name that another payload has, and `EndpointClosed`.
        """
        try:
            peer = await self._running_peer()
            await self.tell_functions()
        except PeerUnavailable as reason:
            raise api_errors.invalid_parameter(str(reason)) from None
        execution, is_new = self._names.begin(start.function_arn, start.version, start.name, start.payload)
        if is_new:
            loop = asyncio.get_running_loop()
            run = self._runs[execution.arn] = _Run(loop.create_future(), loop.create_future())
            run.task = asyncio.create_task(self._run(peer, execution, run, start), name="durable execution")
            run.task.add_done_callback(_retrieve)
        known = self._runs.get(execution.arn)
        if known is not None and known.task is not None:
            either: tuple[asyncio.Future[Any], ...] = (known.begun, known.task)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not known.begun.done():
                _result_of(known.task)
        return execution.arn, is_new

    async def result(self, arn: str) -> FunctionResponse:
        """The result of an execution, once it has ended. Raises `EndpointClosed` if that will not be."""
        run = self._runs.get(arn)
        if run is not None and run.task is not None:
            await asyncio.wait({run.task})  # unlike `await run.task`, it does not cancel the execution with this request
            return _result_of(run.task)
        if self._peer is None:
            raise EndpointClosed
        try:
            return await self._ended(self._peer, arn)
        except PeerUnavailable:
            raise EndpointClosed from None

    async def _run(self, peer: DurablePeer, execution: DurableExecution, run: _Run, start: DurableStart) -> FunctionResponse:
        """Start an execution, and wait for its end."""
        token = self._functions.activity.begin()
        response: FunctionResponse | None = None
        try:
            await self._begin(peer, execution.arn, start)
            run.begun.set_result(None)
            start.on_begin(execution.arn)
            await run.ended
            response = result = await self._ended(peer, execution.arn)
        except PeerUnavailable as reason:
            _log.error("the durable execution %s has no end: %s", execution.arn, reason)
            raise EndpointClosed from None
        finally:
            self._runs.pop(execution.arn, None)
            if not run.ended.cancel() and not run.ended.cancelled():
                run.ended.exception()  # known here, whatever else has failed
            self._functions.activity.end(token)
            if run.begun.done():
                start.on_end(response)
            else:
                self._names.forget(execution)
        return result

    async def _begin(self, peer: DurablePeer, arn: str, start: DurableStart) -> None:
        _, name, execution_id = arn.rsplit("/", 2)
        members: dict[str, object] = {
            "AccountId": ACCOUNT,
            "FunctionName": start.function.name,
            "FunctionQualifier": start.version,
            "ExecutionName": name,
            "ExecutionTimeoutSeconds": start.config.execution_timeout,
            "ExecutionRetentionPeriodDays": start.config.retention_days,
            "InvocationId": execution_id,
            "Input": (start.payload or b"{}").decode(),
        }
        if start.tenant_id is not None:
            members["TenantId"] = start.tenant_id
        status, content = await peer.ask("POST", "/start-durable-execution", body=json.dumps(members).encode())
        if status != 201:
            raise operations.error_of(content)

    async def _ended(self, peer: DurablePeer, arn: str) -> FunctionResponse:
        """The result of an execution that has ended."""
        asked = Asked("GetDurableExecution", {"DurableExecutionArn": arn}, "")
        return _response_of(await self._asked(peer, asked, b""))

    async def answer(self, asked: Asked, body: bytes, version_of: Callable[[Asked], tuple[str, str | None]]) -> bytes:
        """The body of the answer to an operation. `version_of` tells the function and the version that a list is about.

        Raises an `ApiError`.
        """
        if (error := operations.not_supported(asked.operation)) is not None:
            raise error
        try:
            if asked.operation == operations.LIST:
                return json.dumps(await self._page(asked, *version_of(asked))).encode()
            if self._peer is None:
                raise api_errors.not_found("There is no such durable execution.")
            return json.dumps(await self._asked(self._peer, asked, body)).encode()
        except (PeerUnavailable, KeyError, TypeError):  # the last two: an execution of a list is not what it should be
            raise _lost() from None

    async def _asked(self, peer: DurablePeer, asked: Asked, body: bytes) -> Mapping[str, Any]:
        request = operations.request_of(asked, body)
        status, content = await peer.ask(request.method, request.path, request.query, request.body)
        return operations.answer_of(asked, status, content)

    async def _page(self, asked: Asked, function_name: str, version: str | None) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = []
        marker = ""
        while self._peer is not None:
            request = operations.list_request(function_name, marker)
            status, content = await self._peer.ask(request.method, request.path, request.query)
            if status != 200:
                raise operations.error_of(content)
            found += content.get("DurableExecutions", [])
            marker = content.get("NextMarker") or ""
            if not marker:
                break
        return operations.page_of(asked, found, version)

    async def tell_functions(self) -> None:
        """Tell the process which functions there are, so that one can invoke another."""
        if self._peer is None:
            return
        functions = {name: _described(self._functions.in_processes.get(name)) for name in self._functions.function_names()}
        if functions != self._told:
            await self._peer.ask("PUT", "/aiolambda/functions", body=json.dumps(functions).encode())
            self._told = functions

    async def _running_peer(self) -> DurablePeer:
        if self._is_closed:
            raise EndpointClosed
        if self._peer is not None and not self._peer.is_running and self._follower is not None:
            await asyncio.wait({self._follower})
        if self._start is None:
            self._start = asyncio.create_task(self._start_peer(), name="start of durable executions")
            self._start.add_done_callback(_retrieve)
        start = self._start
        await asyncio.wait({start})
        return _result_of(start)

    async def _start_peer(self) -> DurablePeer:
        peer = self._make_peer()
        try:
            await peer.start()
        except BaseException:
            self._start = None
            await peer.close()
            raise
        self._peer, self._told = peer, None
        self._follower = asyncio.create_task(self._follow(peer), name="end of durable executions")
        return peer

    async def _follow(self, peer: DurablePeer) -> None:
        """Learn which executions have ended, until the process ends."""
        known = 0
        reason = PeerUnavailable("the process of durable executions has ended")
        try:
            while True:
                _, content = await peer.ask("GET", "/aiolambda/ended", f"after={known}")
                for arn in content.get("Ended", ()):
                    known += 1
                    if (run := self._runs.get(arn)) is not None and not run.ended.done():
                        run.ended.set_result(None)
        except PeerUnavailable as error:
            reason = error
        finally:
            self._peer = self._start = None
            self._names.clear()
            for run in self._runs.values():
                if not run.ended.done():
                    run.ended.set_exception(reason)
            await peer.close()

    async def clear(self) -> None:
        """End all executions, and the process."""
        peer, runs = self._peer, dict(self._runs)
        tasks = [task for task in (self._start, self._follower, *(run.task for run in runs.values())) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        # A task that was cancelled before its first step has cleaned up nothing.
        for arn in runs:
            self._runs.pop(arn, None)
        self._start = None if self._start in tasks else self._start
        if peer is not None:
            self._peer = None if self._peer is peer else self._peer
            await peer.close()
        self._names.clear()

    async def close(self) -> None:
        """End all executions and the process, and begin none from now on."""
        self._is_closed = True
        await self.clear()


def _described(function: LocalFunction | None) -> Mapping[str, object]:
    if function is None or not isinstance(function.durable, DurableConfig):
        return {}
    config = function.durable
    return {"DurableConfig": {"ExecutionTimeout": config.execution_timeout, "RetentionPeriodInDays": config.retention_days}}


def _response_of(execution: Mapping[str, Any]) -> FunctionResponse:
    """The response of a function whose execution has ended: its result, or its error in the form of a function's error."""
    status = execution.get("Status")
    if status is None:
        raise PeerUnavailable("the process of durable executions told no status")
    if status == "SUCCEEDED":
        return FunctionResponse(str(execution.get("Result") or "null").encode())
    error: Mapping[str, Any] = execution.get("Error") or {}
    error_type = error.get("ErrorType") or f"DurableExecution.{str(status).title().replace('_', '')}"
    content = {"errorType": error_type, "errorMessage": error.get("ErrorMessage") or f"The durable execution is {status}."}
    more = {"errorData": error.get("ErrorData"), "stackTrace": error.get("StackTrace")}
    content |= {name: value for name, value in more.items() if value is not None}
    return FunctionResponse(json.dumps(content).encode(), str(error_type))


def _lost() -> ApiError:
    members = {"Type": "Service", "Message": "The process of the durable executions has ended."}
    return ApiError(status=500, code="ServiceException", members=members)


def _result_of(task: "asyncio.Task[_Result]") -> _Result:
    if task.cancelled():
        raise EndpointClosed
    return task.result()


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Those who wait for the task learn of its error; there may be none."""
    if not task.cancelled():
        task.exception()

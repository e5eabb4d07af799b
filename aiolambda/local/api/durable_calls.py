"""Invocations of durable functions: a caller's call begins an execution, and that of the testing SDK runs the handler once.

Owns the answer to the caller. Must not know the process of the SDK, or how a handler runs.
"""

import asyncio
import contextlib

import attrs
from aiohttp import web

from ...emulation import api_errors, lineage
from ...emulation.executions import Execution
from ...emulation.failure_script import Decision
from ...emulation.function_failure import response_of
from ...emulation.function_responses import FunctionResponse
from ...emulation.identifiers import ACCOUNT, arn_of
from ..durable.executions import DurableExecutions, DurableStart
from ..durable.peer import PeerUnavailable
from ..durable_config import DurableConfig
from ..functions import LocalFunction
from ..invocation_log import Watch
from ..jobs import Job, Selection
from ..runtime.invocations import InvocationResult
from ..runtime.pool import ConcurrencyExceeded
from ..runtime.process import EndpointClosed
from ..served_functions import ServedFunctions
from . import errors
from .bodies import NoAnswer
from .requests import InvokeRequest

__all__ = ["DurableCalls", "durable_config_of", "handler_job"]

_PAUSE = 0.05
"""Seconds until a run of a handler that was throttled tries again. The execution has begun, so it is not refused."""


def durable_config_of(selection: Selection) -> DurableConfig | None:
    """The configuration of a function whose calls begin executions with checkpoints; `None` for all others."""
    function = selection.function
    durable = function.durable if isinstance(function, LocalFunction) else None
    return durable if isinstance(durable, DurableConfig) else None


def handler_job(invoke: InvokeRequest, selection: Selection, arn: str, watch: Watch) -> Job:
    """One run of the handler of an execution. It is no call of its own, so no script and no record knows it."""
    trace_id, _ = lineage.extended(invoke.trace_id, arn)
    qualified = attrs.evolve(invoke, target=attrs.evolve(invoke.target, qualifier=selection.version))
    return Job(
        selection=selection,
        invocation=qualified.invocation(watch.request_id, arn, trace_id),
        decision=Decision(),
        on_end=_forget,
        watch=watch,
        keeps_stream=False,
        is_handler_run=True,
    )


class DurableCalls:
    """The calls of durable functions of one endpoint."""

    def __init__(self, executions: DurableExecutions, functions: ServedFunctions, region: str) -> None:
        self._executions = executions
        self._functions = functions
        self._region = region

    async def run_handler(self, job: Job) -> InvocationResult:
        """Run the handler as soon as the concurrency allows it. It may invoke the functions that there are now."""
        with contextlib.suppress(PeerUnavailable):  # then nobody waits for this run
            await self._executions.tell_functions()
        while True:
            try:
                return await self._functions.invoke(job)
            except ConcurrencyExceeded:
                if getattr(job.selection.function, "concurrency", None) == 0:
                    raise
            await asyncio.sleep(_PAUSE)

    async def respond(self, invoke: InvokeRequest, job: Job, config: DurableConfig) -> web.Response:
        """Begin an execution, and answer with its result, or at once for an `Event`. Raises an `ApiError`, or `NoAnswer`."""
        decision = job.decision
        if decision.delay:
            await asyncio.sleep(decision.delay)
        headers = {"x-amzn-RequestId": job.invocation.request_id, "X-Amz-Executed-Version": job.selection.version}
        headers["X-Amzn-Trace-Id"] = job.invocation.trace_id
        failure = None if decision.scenario is None else decision.scenario.function
        if failure is not None:
            kind, failed = failure.kind, response_of(failure, job.invocation.request_id)
            response: FunctionResponse | None = failed
            job.on_end(_record(job, failed))
            job.watch.answer()
        else:
            headers["X-Amz-Durable-Execution-Arn"], response = await self._execute(invoke, job, config)
            kind = "Unhandled"
        if decision.loss is not None:
            raise NoAnswer(decision.loss)
        if response is None or invoke.invocation_type == "Event":
            del headers["X-Amz-Executed-Version"]
            return web.Response(status=202, headers=headers)
        if response.error_type is not None:
            headers["X-Amz-Function-Error"] = kind
        return web.Response(body=response.payload, headers=headers, content_type="application/json")

    async def _execute(self, invoke: InvokeRequest, job: Job, config: DurableConfig) -> tuple[str, FunctionResponse | None]:
        """The ARN of the execution that the call begins or repeats, and its result; `None` for an `Event`."""
        try:
            arn, is_new = await self._executions.begin(self._start(invoke, job, config))
            response = None if invoke.invocation_type == "Event" else await self._executions.result(arn)
        except EndpointClosed:
            raise errors.endpoint_closed() from None
        if not is_new:
            job.watch.answer()
        return arn, response

    def _start(self, invoke: InvokeRequest, job: Job, config: DurableConfig) -> DurableStart:
        function, watch = job.selection.function, job.watch
        if not isinstance(function, LocalFunction):
            raise api_errors.invalid_parameter("A function of this process cannot be durable.")

        def on_end(response: FunctionResponse | None) -> None:
            watch.end_execution(None if response is None else response.error_type, is_stopped=response is None)
            if response is not None:
                job.on_end(_record(job, response))

        return DurableStart(
            function=function,
            config=config,
            function_arn=arn_of(function.name, self._region, account=ACCOUNT),
            version=job.selection.version,
            name=invoke.durable_execution_name,
            payload=invoke.payload,
            tenant_id=invoke.tenant_id,
            on_begin=watch.begin_execution,
            on_end=on_end,
        )


def _record(job: Job, response: FunctionResponse) -> Execution:
    return Execution(
        function_name=job.selection.function.name,
        version=job.selection.version,
        request_id=job.invocation.request_id,
        invocation_type=job.invocation.invocation_type,
        payload=job.invocation.payload,
        response=response.payload,
        error_type=response.error_type,
        error=None,
    )


def _forget(execution: Execution) -> None:
    """In place of a record."""

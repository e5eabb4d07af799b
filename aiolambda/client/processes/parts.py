"""The worker processes of a client: checks that its parts can reach them, and gives them what they need.

Owns the mapping of a client's parts to those of its workers. Must not know how a worker runs.
"""

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

from ...errors import AiolambdaError, LambdaServiceException, TransportError
from ...errors.service import TooManyRequestsException
from ...pipeline.command import parts_of
from ...pipeline.context import PipelineState
from ...pipeline.stack import ClientStack
from ...policy.retry import NoRetry, StandardRetry
from ...types.interfaces import RetryStrategy
from ...types.values import Timeouts, Unset
from ..endings import Endings
from ..startup import Startup
from .frames import Message
from .setup import WorkerSetup, check_client, check_processes, settings_of, stack_entries
from .worker_parts import WorkerParts
from .workers import Workers

__all__ = ["workers_of"]

_ATTEMPTS = 2
"""Attempts of a command whose workers were lost, if the retry strategy states no maximum."""


def workers_of(
    processes: int,
    *,
    stack: ClientStack[Any, Any],
    startup: Startup,
    state: PipelineState,
    endings: Endings,
    open: Callable[[], Awaitable[object]],
    timeout: float | Timeouts | Unset | None,
    idempotent: bool | None,
    function_name: str | None,
) -> Workers:
    """The workers of a map. `ConfigurationError` if a part of the client cannot reach them."""
    check_processes(processes)
    check_client(startup.config, state.observers.all)
    entries, codec = stack_entries(stack, startup.config)

    def setup() -> Message:
        given = WorkerSetup(
            settings=settings_of(startup.config),
            codec=codec,
            entries=entries,
            timeout=timeout,
            idempotent=idempotent,
            map_function=function_name,
        )
        return "setup", pickle.dumps(given, pickle.HIGHEST_PROTOCOL)

    def may_repeat(command: Any) -> bool:
        input, said, _ = parts_of(command)
        stated = said if idempotent is None else idempotent
        if stated is None:
            stated = startup.config.idempotent
        return command.operation.is_idempotent(input, durable=state.durable) if stated is None else bool(stated)

    def count(output: Any, error: AiolambdaError | None, seconds: float, is_cancelled: bool) -> None:
        endings.elsewhere(output, error, asyncio.get_running_loop().time(), seconds, is_cancelled=is_cancelled)
        _count_requests(state, output, error, is_cancelled=is_cancelled)

    return Workers(
        processes,
        WorkerParts(
            open=open,
            setup=setup,
            credentials=lambda: state.context.credentials,
            codec=state.context.codec,
            logger=state.context.logger,
            idempotent=may_repeat,
            most_attempts=lambda: _most_attempts(state.context.retry),
            count=count,
        ),
    )


def _most_attempts(retry: RetryStrategy) -> int:
    if isinstance(retry, NoRetry):
        return 1
    return retry.max_attempts if isinstance(retry, StandardRetry) else _ATTEMPTS


def _count_requests(state: PipelineState, output: Any, error: AiolambdaError | None, *, is_cancelled: bool) -> None:
    """Count the requests of a call, and that of its last throttle."""
    if is_cancelled:  # its error does not tell them
        attempts = int(error is not None and error.may_have_run)
    elif isinstance(error, TransportError):
        attempts = error.attempts
    elif isinstance(error, LambdaServiceException):
        attempts = error.metadata.attempts
    else:
        attempts = 0 if output is None else output.metadata.attempts
    counters = state.counters
    counters.attempts += attempts
    counters.retries += max(0, attempts - 1)
    if isinstance(error, TooManyRequestsException):
        counters.throttled[error.reason] = counters.throttled.get(error.reason, 0) + 1

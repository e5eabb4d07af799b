"""Initialize, once per send: the log record of a call, and the check of its input.

Must not touch requests: there is none yet.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from ..errors import AiolambdaError
from ..policy import delivery
from .call import Call, CallNext
from .context import PipelineState
from .preparation import Preparation, unwrapped
from .stack import FusibleMiddleware

__all__ = ["LoggerMiddleware", "validation_middleware"]


class LoggerMiddleware(FusibleMiddleware):
    """One DEBUG record for each call: command, function, outcome, request id, attempts, seconds. Never a payload."""

    def __init__(self, state: PipelineState) -> None:
        self._state = state
        self._logger = state.context.logger

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return self._logged(call, call_next) if self._logger.isEnabledFor(logging.DEBUG) else call_next(call)

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """Without a record, the call goes straight on."""
        is_enabled_for, walk = self._logger.isEnabledFor, unwrapped(call_next)

        def log_call(call: Call[Any, Any], /) -> Awaitable[Any]:
            return self._logged(call, walk) if is_enabled_for(logging.DEBUG) else walk(call)

        return log_call

    async def _logged(self, call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        started = time.perf_counter()
        outcome, request_id = "done", None
        try:
            output = await call_next(call)
        except BaseException as error:
            outcome, request_id = _failure(call, error), getattr(error, "request_id", None)
            raise
        else:
            request_id = getattr(getattr(output, "metadata", None), "request_id", None)
            return output
        finally:
            name: object = call.function_name  # of a wrong type, it may be a payload
            attempts = len(call.history)
            self._state.context.log(
                logging.DEBUG,
                "%s %s %r: %s, request id %s, %d attempt%s, %.3f s",
                call.client_name,
                call.command_name,
                name if isinstance(name, str) else type(name),  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
                outcome,
                request_id,
                attempts,
                "" if attempts == 1 else "s",
                time.perf_counter() - started,
            )


def _failure(call: Call[Any, Any], error: BaseException) -> str:
    """The class of the error, and the verdict on all attempts. The client cancels a call that it cuts off itself."""
    kind = call.cut_by if isinstance(error, asyncio.CancelledError) and call.cut_by is not None else type(error)
    own = [error.delivery] if isinstance(error, AiolambdaError) else []
    verdict = delivery.worst([*own, *call.verdicts])
    return f"{kind.__name__}, {delivery.of_dry_run(verdict) if call.is_dry_run else verdict}"


def validation_middleware(state: PipelineState) -> Preparation:
    """Raises for an input that Lambda would refuse, before anything is sent. Warns once of members without effect."""
    warned: set[str] = set()

    def validate(call: Call[Any, Any]) -> None:
        context = state.context
        warning = call.command.operation.check(call.input, region=context.required_region, limits=context.limits)
        if warning is not None and warning not in warned:
            warned.add(warning)
            context.logger.warning("%s %r: %s", call.command_name, call.function_name, warning)

    return Preparation(state, validate, "check")

"""Initialize, once per send: the log record of a call, and the check of its input.

Must not touch requests: there is none yet.
"""

import logging
import time
from collections.abc import Awaitable
from typing import Any

from ..errors import AiolambdaError
from .call import Call, CallNext, Middleware
from .context import PipelineState
from .stack import SyncMiddleware

__all__ = ["logger_middleware", "validation_middleware"]


def logger_middleware(state: PipelineState) -> Middleware[Any, Any]:
    """One DEBUG record for each call: command, function, outcome, request id, attempts, seconds. Never a payload."""
    logger = state.context.logger

    def log_call(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Awaitable[Any]:
        return logged(call, call_next) if logger.isEnabledFor(logging.DEBUG) else call_next(call)

    async def logged(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        started = time.perf_counter()
        outcome, request_id = "done", None
        try:
            output = await call_next(call)
        except AiolambdaError as error:
            outcome, request_id = f"{type(error).__name__}, {error.delivery}", getattr(error, "request_id", None)
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        else:
            request_id = getattr(getattr(output, "metadata", None), "request_id", None)
            return output
        finally:
            state.context.log(
                logging.DEBUG,
                "%s %s %r: %s, request id %s, %d attempts, %.3f s",
                call.client_name,
                call.command_name,
                call.function_name,
                outcome,
                request_id,
                len(call.history),
                time.perf_counter() - started,
            )

    return log_call


def validation_middleware(state: PipelineState) -> Middleware[Any, Any]:
    """Raises for an input that Lambda would refuse, before anything is sent. Warns once of members without effect."""
    warned: set[str] = set()

    def validate(call: Call[Any, Any]) -> None:
        context = state.context
        warning = call.command.operation.check(call.input, region=context.required_region, limits=context.limits)
        if warning is not None and warning not in warned:
            warned.add(warning)
            context.logger.warning("%s %r: %s", call.command_name, call.function_name, warning)

    return SyncMiddleware(validate)

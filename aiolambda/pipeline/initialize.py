"""Initialize, once per send: who logs the call, and the check of its input.

Must not touch requests: there is none yet.
"""

import logging
from collections.abc import Awaitable
from typing import Any

from .call import Call, CallNext
from .call_log import CallLog
from .context import PipelineState
from .observers import watching
from .preparation import Preparation, unwrapped
from .stack import FusibleMiddleware

__all__ = ["LoggerMiddleware", "validation_middleware"]


class LoggerMiddleware(FusibleMiddleware):
    """Has each attempt of a call logged at DEBUG, and its end. Never a payload."""

    def __init__(self, state: PipelineState) -> None:
        self._logger = state.context.logger
        self._log = CallLog(self._logger)

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        if self._logger.isEnabledFor(logging.DEBUG):
            self._watch(call)
        return call_next(call)

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """Without a record, the call goes straight on."""
        is_enabled_for, walk, watch = self._logger.isEnabledFor, unwrapped(call_next), self._watch

        def log_call(call: Call[Any, Any], /) -> Awaitable[Any]:
            if is_enabled_for(logging.DEBUG):
                watch(call)
            return walk(call)

        return log_call

    def _watch(self, call: Call[Any, Any]) -> None:
        call.watch = watching(call.watch, self._log)
        call.watch.facts_of(call)  # a middleware may replace the input later


def validation_middleware(state: PipelineState) -> Preparation:
    """Raises for an input that Lambda would refuse, before anything is sent. Warns once of members without effect."""
    warned: set[str] = set()

    def validate(call: Call[Any, Any]) -> None:
        context = state.context
        warning = call.command.operation.check(call.input, region=context.required_region, limits=context.limits)
        if warning is not None and warning not in warned:
            warned.add(warning)
            context.log(logging.WARNING, "%s %r: %s", call.command_name, call.function_name, warning)

    return Preparation(state, validate, "check")

"""The log of calls: each attempt and the end at DEBUG; throttles and retries at INFO, with the reason why they are safe.

Laws: no record holds a payload, an answer, a tenant id or a secret. What a user's handler raises changes nothing. Each record
is a sentence for people, and has its facts in `extra`, as flat keys.

Owns the records and the keys. Must not know why a call ends, or how long it pauses.
"""

import contextlib
import logging
import math
from typing import TYPE_CHECKING, Any

from ..errors import AiolambdaError, LambdaServiceException, TransportError
from ..types.events import AttemptEnded, CallEnded, CallFacts, ClientObserver, Outcome
from ..types.loggers import AnyLogger, log_quietly
from ..types.values import Delivery, RetryAction
from .call_words import words_of
from .observers import CallWatch

if TYPE_CHECKING:
    from ..policy.failure import Failure
    from .call import Call

__all__ = ["CallLog", "RetryLog"]

_LEAST_SHOWN = 0.001
"""Seconds of waiting that people are told of."""
_WARN_AFTER = _WARN_EVERY = 60.0
"""Seconds of throttling before a warning, and seconds between two warnings of one client."""


def _title(facts: CallFacts) -> str:
    """The call in short. The digits tell calls apart that run at the same time."""
    qualifier = _qualifier(facts)
    name = facts.function_name if qualifier is None else f"{facts.function_name}:{qualifier}"
    named = f"{facts.operation} {name!r}" if name or facts.invocation_type else facts.operation
    return f"{named} [{facts.id[-6:]}]"


def _qualifier(facts: CallFacts) -> str | None:
    return facts.qualifier if isinstance(facts.qualifier, str) else None  # of a wrong type, it may be a payload


def _keys(facts: CallFacts, **keys: object) -> dict[str, object]:
    return {
        "operation": facts.operation,
        "function_name": facts.function_name or None,
        "qualifier": _qualifier(facts),
        "invocation_type": facts.invocation_type or None,
        "invocation_id": facts.id,
        **keys,
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


class CallLog(ClientObserver):
    """Logs each attempt of a call, and its end."""

    def __init__(self, logger: AnyLogger) -> None:
        self._logger = logger

    def attempt_ended(self, event: AttemptEnded, /) -> None:
        """One record for each request."""
        delivery, kind = event.delivery, None if event.error is None else type(event.error).__name__
        what = f"status {event.status_code}" if kind is None else f"no answer ({kind})"
        request_id = "" if event.request_id is None else f"; request id {event.request_id}"
        is_dry_run = event.call.invocation_type and event.status_code == 204 and delivery is Delivery.NOT_DELIVERED
        means = "nothing was to run" if is_dry_run else words_of(event.call).means[delivery]
        log_quietly(
            self._logger,
            logging.DEBUG,
            "%s: attempt %d: %s after %.3f s: %s, %s%s",
            _title(event.call),
            event.attempt,
            what,
            event.duration,
            delivery,
            means,
            request_id,
            extra=_keys(
                event.call,
                attempt=event.attempt,
                delivery=str(delivery),
                status_code=event.status_code,
                aws_request_id=event.request_id,
                elapsed_ms=_milliseconds(event.duration),
                error_type=kind,
            ),
        )

    def call_ended(self, event: CallEnded, /) -> None:
        """One record for each call."""
        outcome, kind = event.outcome, "" if event.error_type is None else f" ({event.error_type})"
        if outcome is Outcome.CANCELLED:
            kind = f", {words_of(event.call).means[event.delivery]}"
        parts = ["1 attempt" if event.attempts == 1 else f"{event.attempts} attempts"]
        parts += [f"{event.throttles} of them throttled"] if event.throttles else []
        parts += [f"{event.total_retry_delay:.3f} s of pauses"] if event.total_retry_delay else []
        parts += [f"{event.queued:.3f} s in the queue"] if event.queued >= _LEAST_SHOWN else []
        request_id = "" if event.request_id is None else f"; request id {event.request_id}"
        log_quietly(
            self._logger,
            logging.DEBUG,
            "%s: ended after %.3f s: %s%s; %s%s",
            _title(event.call),
            event.duration,
            words_of(event.call).ends[outcome],
            kind,
            ", ".join(parts),
            request_id,
            extra=_keys(
                event.call,
                outcome=str(outcome),
                delivery=str(event.delivery),
                error_type=event.error_type,
                status_code=event.status_code,
                aws_request_id=event.request_id,
                attempts=event.attempts,
                throttles=event.throttles,
                elapsed_ms=_milliseconds(event.duration),
                queued_ms=_milliseconds(event.queued),
                pause_ms=_milliseconds(event.total_retry_delay),
            ),
        )


class RetryLog:
    """Logs the failures that are followed by another attempt."""

    def __init__(self, logger: AnyLogger) -> None:
        self._logger = logger
        self._warned_at = -math.inf

    def retrying(self, call: "Call[Any, Any]", failure: "Failure", pause: float) -> None:
        """Another attempt follows after so many seconds. A warning, if the call has been throttled for a minute."""
        with contextlib.suppress(Exception):  # a user's filter may raise, or his operation, which names the function
            if self._is_due(call, failure):
                self._log(logging.WARNING, call, failure, pause)
            elif self._logger.isEnabledFor(logging.INFO):
                self._log(logging.INFO, call, failure, pause)

    def _is_due(self, call: "Call[Any, Any]", failure: "Failure") -> bool:
        """Whether a warning is due. A loop's clock may begin anew."""
        now = call.loop.time()
        if failure.retry_action is not RetryAction.WAIT or failure.throttled_for < _WARN_AFTER:
            return False
        if self._warned_at <= now < self._warned_at + _WARN_EVERY:
            return False
        self._warned_at = now
        return True

    def _log(self, level: int, call: "Call[Any, Any]", failure: "Failure", pause: float) -> None:
        facts = (call.watch or CallWatch((), frozenset())).facts_of(call)
        error, action, is_unknown = failure.error, failure.retry_action, failure.delivery is Delivery.UNKNOWN
        reason = getattr(error, "reason", None) if action is RetryAction.WAIT else None
        words = words_of(facts)
        safe = None if is_unknown else words.safe.get(action)
        when = "at once" if not pause else f"in {pause:.3f} s"
        advice = f". Throttled for {failure.throttled_for:.0f} s so far: {words.advice}"
        log_quietly(
            self._logger,
            level,
            "%s: attempt %d %s. %s; next attempt %s%s",
            _title(facts),
            failure.attempt,
            _happened(error, action, reason),
            safe or words.safe_by_verdict[failure.delivery],
            when,
            advice if level == logging.WARNING else "",
            extra=_keys(
                facts,
                attempt=failure.attempt,
                delivery=str(failure.delivery),
                retry_action=str(action),
                throttle_reason=None if reason is None else str(reason),
                retry_after=failure.retry_after,
                pause_ms=_milliseconds(pause),
                status_code=error.status_code if isinstance(error, LambdaServiceException) else None,
                aws_request_id=getattr(error, "request_id", None),
                error_type=error.code if isinstance(error, LambdaServiceException) else type(error).__name__,
            ),
        )


def _happened(error: AiolambdaError, action: RetryAction, reason: object) -> str:
    """What became of an attempt. The text of Lambda's answers stays out: nobody knows what it quotes."""
    if isinstance(error, LambdaServiceException):
        asked = "" if error.retry_after is None else f"; Lambda asks to wait {error.retry_after:g} s"
        verb = "was throttled" if action is RetryAction.WAIT else "failed"
        return f"{verb} ({reason or error.code}{asked})"
    text = f": {error.args[0]}" if isinstance(error, TransportError) and error.args else ""
    return f"failed ({type(error).__name__}{text})"

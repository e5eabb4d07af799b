"""The attempts of a call: each with its own copy of the request, a pause between two, and an end.

Laws: a call sends again only what may be repeated, whatever the strategy says; only the failure of its own attempt counts, not
an error that a middleware raised or translated; a cancelled call sends nothing more.

Owns the course of a call's attempts. Must not know how long a pause is, or what a code means: `policy` does.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from ..errors import AiolambdaError, ConfigurationError, InvocationTimeoutError, LambdaServiceException
from ..policy import classification, delivery
from ..policy.retry import repeats_at_once
from ..protocol import error_response
from ..types.values import Delivery, RetryAction
from .call import Call, CallNext, Middleware
from .context import Wiring

if TYPE_CHECKING:
    from ..policy.failure import Failure

__all__ = ["retry_middleware"]

_MOST_LOST_IN_A_ROW = 10
"""Idle connections that one call may lose, one after another, before it fails."""

_LONGEST_PAUSE = 1e9
"""Seconds; the loop can take no number."""


def retry_middleware(wiring: Wiring) -> Middleware[Any, Any]:
    """Makes attempts until one succeeds, or may not or should not be followed by another."""

    async def retry(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        prepared, course = call.request, None
        failures: list[Failure] = []
        call.clock_offset = wiring.clock_offset
        try:
            while True:
                _begin_attempt(call, prepared.copy(), wiring.attempts_suffix)
                try:
                    output = await call_next(call)
                except AiolambdaError as error:
                    course = course or _Course(call, wiring, failures)
                    pause = await course.pause_after(error)
                    if pause is None:
                        course.end_badly(error)
                        raise
                else:
                    if course is not None:
                        course.keep_clock()
                    try:
                        wiring.retry.succeeded(failures)
                    except Exception:  # noqa: BLE001 - whatever it is, the answer is there
                        _complain(wiring)
                    return output
                await course.rest(pause)
        finally:
            call.request = prepared
            failures.clear()  # their tracebacks hold this frame: nothing may keep the two together

    return retry


def _complain(wiring: Wiring) -> None:
    """Log what the user's strategy raised, which was to be told of an answer."""
    message = "%r failed in succeeded(), and the call has its answer all the same"
    wiring.log(logging.ERROR, message, wiring.retry, exc_info=True)


def _begin_attempt(call: Call[Any, Any], request: Any, suffix: str) -> None:
    call.attempt += 1
    call.request = request
    request.headers.fields["amz-sdk-invocation-id"] = call.invocation_id
    request.headers.fields["amz-sdk-request"] = f"attempt={call.attempt}{suffix}"


class _Course:
    """What happened to one call so far."""

    def __init__(self, call: Call[Any, Any], wiring: Wiring, failures: "list[Failure]") -> None:
        self.call = call
        self.wiring = wiring
        self.failures = failures
        self.retries = self.throttles = self.lost_in_a_row = 0
        self.throttled_since = 0.0
        self.corrected: set[RetryAction] = set()

    async def pause_after(self, error: AiolambdaError) -> float | None:
        """Seconds until the next attempt, `None` for none."""
        call = self.call
        if error is not call.last_error:
            return None
        verdict, means = self._verdict(), classification.remedy_of(error)
        if call.run_ended is not None and (means is RetryAction.WAIT or call.run_ended.done()):
            return None
        if means is RetryAction.NONE or not delivery.may_repeat(verdict, idempotent=call.idempotent):
            return None
        now = call.loop.time()
        if means is RetryAction.WAIT and not self.throttles:
            self.throttled_since = now
        failure = self._failure(error, means, now)
        if not await self._is_possible(means):
            return None
        at_once = repeats_at_once(self.wiring.retry, means)
        pause = 0.0 if at_once else self.wiring.retry.pause(failure)
        if pause is not None:
            self._note(failure, pause)
        return pause

    async def rest(self, pause: float) -> None:
        """Pause before the next attempt. Raises the last failure if the run of the call's map ends meanwhile."""
        call = self.call
        call.stage = "backoff"
        if call.run_ended is None:
            await asyncio.sleep(pause)
        else:
            await asyncio.wait({call.run_ended}, timeout=pause)
            if call.run_ended.done():
                raise self._given_up()
        call.total_retry_delay += pause

    def _given_up(self) -> AiolambdaError:
        error = self.failures.pop().error
        self.end_badly(error)
        return error

    def end_badly(self, error: AiolambdaError) -> None:
        """The call fails with this error; a limit that passed says what the call was trying to get over."""
        if isinstance(error, InvocationTimeoutError) and error.last_error is None and self.failures:
            error.last_error = self.failures[-1].error
        if isinstance(error, LambdaServiceException) and delivery.proves_signature(error.status_code):
            self.keep_clock()

    def keep_clock(self) -> None:
        """The correction was right, so other calls begin with it."""
        if RetryAction.SET_CLOCK in self.corrected:
            self.wiring.clock_offset = self.call.clock_offset

    def _verdict(self) -> Delivery:
        """The verdict on all attempts: a middleware may have made more than the one that just failed."""
        return delivery.worst([attempt.delivery for attempt in self.call.history])

    def _failure(self, error: AiolambdaError, means: RetryAction, now: float) -> "Failure":
        from ..policy.failure import Failure  # noqa: PLC0415 - most calls have none

        call, total = self.call, self.call.timeouts.total
        return Failure(
            error=error,
            remedy=means,
            delivery=self._verdict(),
            attempt=len(call.history),
            jitter=self.wiring.jitter(),
            retries=self.retries,
            throttles=self.throttles,
            throttled_for=now - self.throttled_since if self.throttles else 0.0,
            time_left=None if total is None else call.started + total - now,
            retry_after=getattr(error, "retry_after", None),
            retry_hint=None if call.response is None else error_response.retry_hint_of(call.response),
        )

    def _note(self, failure: "Failure", pause: float) -> None:
        if not isinstance(cast("object", pause), int | float) or not 0 <= pause < _LONGEST_PAUSE:
            raise ConfigurationError(
                f"{self.wiring.retry!r} gave a pause of {pause!r}; it is a number of seconds, 0 or more, or None"
            )
        self.failures.append(failure)
        self.retries += failure.remedy is RetryAction.RETRY
        self.throttles += failure.remedy is RetryAction.WAIT
        self.lost_in_a_row = self.lost_in_a_row + 1 if failure.remedy is RetryAction.REPEAT else 0

    async def _is_possible(self, means: RetryAction) -> bool:
        """Whether the remedy can be had: each correction helps once, and not every loss is repeated for ever."""
        if means is RetryAction.REPEAT:
            return self.lost_in_a_row < _MOST_LOST_IN_A_ROW
        if means in self.corrected:
            return False
        if means is RetryAction.SET_CLOCK:
            self.corrected.add(means)
            return self._set_clock()
        if means is RetryAction.RENEW_CREDENTIALS:
            self.corrected.add(means)
            return await self._renew_credentials()
        return True

    def _set_clock(self) -> bool:
        """Sign with the service's time, if the difference is what had the signature refused.

        Other calls do so once a signature of this one was accepted: the date may have come from somebody with a wrong clock.
        """
        response = self.call.response if self.wiring.corrects_clock else None
        said = None if response is None else error_response.date_of(response)
        if said is None:
            return False
        offset = said - self.wiring.now()
        if not classification.explains_refusal(offset, self.call.clock_offset):
            return False
        self.call.clock_offset = offset
        return True

    async def _renew_credentials(self) -> bool:
        """Whether there are other credentials than those that were refused."""
        provider, refused = self.wiring.credentials, self.call.credentials
        if provider is None or refused is None:
            return False
        refresh = getattr(provider, "refresh", None)
        fresh = await (provider.get_credentials() if refresh is None else refresh(refused))
        return bool(fresh != refused)

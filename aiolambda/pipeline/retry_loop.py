"""The attempts of a call: each with its own copy of the request, a pause between two, and an end.

Laws: a call sends again only if it may be repeated, whatever the strategy says; only the failure of its own attempt counts, not
an error that a middleware raised or replaced it with; a cancelled call sends nothing more.

Owns the sequence of a call's attempts. Must not know the length of a pause, or the meaning of a code: `policy` does.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

from ..errors import AiolambdaError, ConfigurationError, InvocationTimeoutError, LambdaServiceException
from ..policy import classification, delivery
from ..policy.retry import repeats_at_once
from ..protocol import error_response
from ..protocol.request_template import begin_attempt, prepared_of, with_attempt
from ..types.events import Retried
from ..types.values import Delivery, RetryAction, shown
from .attempt_slot import credentials_of
from .call import Call, CallNext
from .context import PipelineState, attempt_header
from .preparation import FusedChain, Prepare, unwrapped
from .stack import FusibleMiddleware

if TYPE_CHECKING:
    from ..policy.failure import Failure

__all__ = ["RetryMiddleware"]

_MAX_STALE_IN_A_ROW = 10
"""Stale connections that one call may meet, one after another, before it fails."""

_LONGEST_PAUSE = 1e9
"""Seconds; event loops can wait for no more."""


class RetryMiddleware(FusibleMiddleware):
    """Makes attempts until one succeeds, or must not or should not be followed by another."""

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return _retrying(self._state, None, call_next)(call)

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """The loop does the preparations in front of it, too."""
        walk = unwrapped(call_next)
        return FusedChain(
            _retrying(self._state, None, walk), rest=walk, after=lambda prepare: _retrying(self._state, prepare, walk)
        )


def _retrying(  # noqa: C901 - one loop, of which each line is a law
    state: PipelineState, prepare: Prepare | None, call_next: CallNext[Any, Any]
) -> CallNext[Any, Any]:
    async def retry(call: Call[Any, Any], /) -> Any:  # noqa: C901 - as above
        if prepare is not None and (rest := prepare(call)) is not None:
            await rest
        prepared, retries = call.request, None
        is_new, parts = prepare is not None, None
        failures: list[Failure] = []
        context = state.context
        call.clock_offset = state.clock_offset
        try:
            while True:
                call.attempt += 1
                header = context.first_attempt if call.attempt == 1 else attempt_header(call.attempt, context.attempts_suffix)
                # Nobody else has a request that was just made, so the first attempt takes it in place of a copy.
                if not is_new or (parts := begin_attempt(prepared, call.invocation_id, header)) is None:
                    call.request = with_attempt(prepared, call.invocation_id, header)
                is_new = False
                try:
                    output = await call_next(call)
                except AiolambdaError as error:
                    retries = retries or _RetryState(call, state, failures)
                    pause = await retries.pause_after(error)
                    if pause is None:
                        retries.fail(error)
                        raise
                else:
                    if retries is not None:
                        retries.keep_clock_offset()
                    try:
                        context.retry.succeeded(failures)
                    except Exception:  # noqa: BLE001 - the call has its answer, whatever the strategy raises
                        message = "%r.succeeded() raised; the call still returns its answer"
                        context.log(logging.ERROR, message, context.retry, exc_info=True)
                    return output
                if parts is not None:
                    prepared, parts = prepared_of(parts), None
                await retries.sleep(pause)
        finally:
            if parts is None:
                call.request = prepared
            elif call.is_shared:
                call.request = prepared_of(parts)
            failures.clear()  # their tracebacks hold this frame: nothing may keep the two together

    return retry


class _RetryState:
    """The failures of one call so far, and the corrections that were tried."""

    def __init__(self, call: Call[Any, Any], state: PipelineState, failures: "list[Failure]") -> None:
        self.call = call
        self.state = state
        self.context = state.context
        self.failures = failures
        self.retries = self.throttles = self.stale_in_a_row = 0
        self.throttled_since = 0.0
        self.corrected: set[RetryAction] = set()

    async def pause_after(self, error: AiolambdaError) -> float | None:
        """Seconds until the next attempt, `None` for none."""
        call, strategy = self.call, self.context.retry
        if error is not call.last_error:
            return None
        # The verdict on all attempts: a middleware may have made more than the one that just failed.
        verdict = delivery.worst(call.verdicts)
        action = error.retry_action = error.retry_action or classification.retry_action_of(error)
        if self._is_last(action):
            return None
        if action is RetryAction.NONE or not delivery.may_repeat(verdict, idempotent=call.idempotent):
            return None
        now = call.loop.time()
        if action is RetryAction.WAIT and not self.throttles:
            self.throttled_since = now
        failure = self._failure(error, action, verdict, now)
        if not await self._can_take(action):
            return None
        pause = 0.0 if repeats_at_once(strategy, action) else strategy.pause(failure)
        if pause is None:
            return None
        if not isinstance(cast("object", pause), int | float) or not 0 <= pause < _LONGEST_PAUSE:
            raise ConfigurationError(
                f"{strategy!r}.pause() must return a number of seconds, 0 or more, or None; it returned {shown(pause)}"
            )
        self.failures.append(failure)
        self.retries += action is RetryAction.RETRY
        self.throttles += action is RetryAction.WAIT
        self.stale_in_a_row = self.stale_in_a_row + 1 if action is RetryAction.REPEAT else 0
        self._tell(failure, pause)
        return pause

    def _is_last(self, action: RetryAction) -> bool:
        """Whether this call makes no other attempt: its map does, or it is a hedge, or the run has ended."""
        run_ended, watch = self.call.run_ended, self.call.watch
        if run_ended is not None and (action is RetryAction.WAIT or run_ended.done()):
            return True
        return watch is not None and watch.side is not None and watch.side.hedge and action is not RetryAction.REPEAT

    def _tell(self, failure: "Failure", pause: float) -> None:
        """Log and tell that another attempt follows."""
        call, watch = self.call, self.call.watch
        self.context.retry_log.retrying(call, failure, pause)
        if watch is not None and "retried" in watch.wanted:
            facts = watch.facts_of(call)
            watch.tell("retried", Retried(facts, failure.attempt, failure.delivery, pause, failure.error))

    async def sleep(self, pause: float) -> None:
        """Pause before the next attempt. Raises the last failure if the run of the call's map ends meanwhile."""
        call = self.call
        call.stage = "backoff"
        if call.watch is not None and call.watch.side is not None:
            await call.watch.side.before_retry()
        if call.run_ended is None:
            await asyncio.sleep(pause)
        else:
            await asyncio.wait({call.run_ended}, timeout=pause)
            if call.run_ended.done():
                raise self._last_failure()
        call.total_retry_delay += pause

    def _last_failure(self) -> AiolambdaError:
        """The error of the last failure, which ends the call. No local of `sleep` may hold it."""
        error = self.failures.pop().error
        self.fail(error)
        return error

    def fail(self, error: AiolambdaError) -> None:
        """End the call with this error. A timeout names the failure that the call was retrying."""
        if isinstance(error, InvocationTimeoutError) and error.last_error is None and self.failures:
            error.last_error = self.failures[-1].error
        if isinstance(error, LambdaServiceException) and delivery.proves_signature(error.status_code):
            self.keep_clock_offset()

    def keep_clock_offset(self) -> None:
        """The correction was right: other calls begin with it."""
        offset = self.call.clock_offset
        if RetryAction.SET_CLOCK not in self.corrected or offset == self.state.clock_offset:
            return
        self.state.clock_offset = offset
        seconds = offset.total_seconds()
        side = "behind" if seconds > 0 else "ahead of"
        message = "this machine's clock is %d s %s the service's: calls are signed with the time of the service"
        self.context.log(logging.INFO, message, abs(seconds), side)

    def _failure(self, error: AiolambdaError, action: RetryAction, verdict: Delivery, now: float) -> "Failure":
        from ..policy.failure import Failure  # noqa: PLC0415 - most calls have none

        call, total = self.call, self.call.timeouts.total
        return Failure(
            error=error,
            retry_action=action,
            delivery=verdict,
            attempt=len(call.history),
            jitter=self.state.jitter(),
            retries=self.retries,
            throttles=self.throttles,
            throttled_for=now - self.throttled_since if self.throttles else 0.0,
            time_left=None if total is None else call.started + total - now,
            retry_after=error.retry_after if isinstance(error, LambdaServiceException) else None,
            retry_hint=None if call.response is None else error_response.retry_hint_of(call.response),
        )

    async def _can_take(self, action: RetryAction) -> bool:
        """Whether the action is possible: each correction is tried once, and stale connections are limited."""
        if action is RetryAction.REPEAT:
            return self.stale_in_a_row < _MAX_STALE_IN_A_ROW
        if action in self.corrected:
            return False
        if action is RetryAction.SET_CLOCK:
            self.corrected.add(action)
            return self._set_clock()
        if action is RetryAction.RENEW_CREDENTIALS:
            self.corrected.add(action)
            return await self._renew_credentials()
        return True

    def _set_clock(self) -> bool:
        """Sign with the service's time, if the difference explains the refusal.

        Other calls do so only once a signature of this one was accepted: the date may be that of a proxy with a wrong clock.
        """
        response = self.call.response if self.context.corrects_clock else None
        date = None if response is None else error_response.date_of(response)
        if date is None:
            return False
        offset = date - self.state.now()
        if not classification.explains_refusal(offset, self.call.clock_offset):
            return False
        self.call.clock_offset = offset
        return True

    async def _renew_credentials(self) -> bool:
        """Whether the provider has other credentials than those that were refused."""
        provider, refused = self.context.credentials, self.call.credentials
        if provider is None or refused is None:
            return False
        return await credentials_of(provider, refused) != refused

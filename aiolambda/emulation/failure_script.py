"""Scripted failures: which call fails, and how. For the failure tests of other people's code.

Laws: rules apply in the order in which they were added, and the first one that matches decides. A rule with a rate makes the
same choices in every run.

Owns the rules and their choice. Must not know how a failure is acted out: a transport raises it, a server sends it.
"""

import json
import random
import threading
from collections.abc import Callable
from typing import Any

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_callable, check_seconds, check_whole
from ..protocol import names
from ..types.mistakes import nearest
from ..types.values import UNSET, shown
from .function_failure import FunctionFailure
from .scenarios import FailureKind, Scenario, scenario_of

__all__ = ["EVERY_FUNCTION", "Decision", "ScriptedFailures"]

EVERY_FUNCTION = "*"
"""In place of a name: all functions."""


@attrs.frozen(kw_only=True)
class Decision:
    """What happens to one call: seconds that the function takes longer, and a failure or `None`."""

    delay: float = 0.0
    scenario: Scenario | None = None

    @property
    def loss(self) -> Scenario | None:
        """The failure of a request or of its answer; `None` without one, or if the function fails."""
        scenario = self.scenario
        return None if scenario is None or scenario.kind is FailureKind.FUNCTION else scenario


@attrs.define(kw_only=True)
class _Rule:
    """`effect` is a failure, or a delay in seconds. `operation` is `None` for invocations."""

    function_name: str
    qualifier: str | None
    effect: Scenario | float
    times: int | None
    rate: float | None
    payload: object
    when: Callable[[Any], object] | None
    operation: str | None
    random: random.Random

    @property
    def is_for_runs(self) -> bool:
        """Whether the effect is on the function, not on the call or its answer."""
        return not isinstance(self.effect, Scenario) or self.effect.kind is FailureKind.FUNCTION

    def applies_to(self, function_name: str | None, qualifier: str | None, payload: bytes, operation: str | None) -> bool:
        """Whether the rule decides on this call. Counts the call if it does."""
        if operation != self.operation:
            return False
        if self.times == 0 or self.function_name not in (EVERY_FUNCTION, function_name):
            return False
        if self.qualifier not in (None, qualifier) or not self._matches(payload):
            return False
        if self.rate is not None and self.random.random() >= self.rate:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def _matches(self, payload: bytes) -> bool:
        if self.payload is UNSET and self.when is None:
            return True
        try:
            event: object = json.loads(payload or b"{}")
        except ValueError:
            return False
        return (self.payload is UNSET or event == self.payload) and (self.when is None or bool(self.when(event)))


class ScriptedFailures:
    """The methods `fail`, `delay` and `reset`, for a fake that acts the failures out."""

    def __init__(self) -> None:
        """Build a script without failures."""
        self._rules: list[_Rule] = []
        # A server decides on another thread than the test that adds a rule. `when` may change the rules, too.
        self._lock = threading.RLock()

    def fail(
        self,
        function_name: str,
        failure: "type[Exception] | Exception | FunctionFailure",
        /,
        *,
        times: int | None = None,
        rate: float | None = None,
        payload: Any = UNSET,
        when: Callable[[Any], object] | None = None,
        runs: bool | None = None,
        chunks: int | None = None,
        seed: int = 0,
        operation: str | None = None,
    ) -> None:
        """Let calls of a function fail in the way that makes the client raise this error.

        ::

            fake.fail("orders", TooManyRequestsException, times=2)

        Failures apply in the order in which they were added: two of `times=1` make the first call fail in one way and the
        second in the other. A repeated attempt is another call, and so is the retry of an event on the local endpoint.

        Args:
            function_name: The name of the function, also as `name:qualifier`. `"*"` stands for every function.
            failure: The error to raise, a class or an instance. An error class of this package is acted out as Lambda would.
                Any other exception is one that the function raises. `FunctionFailure` has the other ways of a function to fail.
            times: The number of calls that fail. Default `None`: all.
            rate: The share of calls that fail, from 0 to 1. Default `None`: all.
            payload: Only calls with this decoded payload fail.
            when: Only calls fail for whose decoded payload this function returns true.
            runs: Whether the function runs before the answer is lost. Default: it runs if the error's verdict is unknown.
            chunks: The chunks of a stream that arrive before it fails. Default 0.
            seed: The seed of the choices that `rate` makes. Default 0.
            operation: The operation that fails, such as `"GetFunction"`, for an error of the service or of the connection.
                Operations without a function have the name `"*"`. Default `None`: invocations.

        Raises:
            ConfigurationError: The function is unknown, or the failure cannot be acted out.
        """
        scenario = scenario_of(failure, runs=runs, chunks=chunks)
        self._add(function_name, scenario, times=times, rate=rate, payload=payload, when=when, seed=seed, operation=operation)

    def delay(
        self,
        function_name: str,
        seconds: float,
        /,
        *,
        times: int | None = None,
        rate: float | None = None,
        payload: Any = UNSET,
        when: Callable[[Any], object] | None = None,
        seed: int = 0,
        operation: str | None = None,
    ) -> None:
        """Let a function take longer, so that limits of time can expire. A failure comes after the delay.

        Args:
            function_name: The name of the function, also as `name:qualifier`. `"*"` stands for every function.
            seconds: The time that the function takes longer, in seconds.
            times: The number of calls that are delayed. Default `None`: all.
            rate: The share of calls that are delayed, from 0 to 1. Default `None`: all.
            payload: Only calls with this decoded payload are delayed.
            when: Only calls are delayed for whose decoded payload this function returns true.
            seed: The seed of the choices that `rate` makes. Default 0.
            operation: The operation whose answer takes longer, such as `"GetFunction"`. Default `None`: invocations.

        Raises:
            ConfigurationError: The function is unknown, or a value is out of its range.
        """
        check_seconds("seconds", seconds, optional=False)
        self._add(
            function_name,
            float(seconds),
            times=times,
            rate=rate,
            payload=payload,
            when=when,
            seed=seed,
            operation=operation,
        )

    def reset(self) -> None:
        """Forget all failures and delays."""
        with self._lock:
            self._rules.clear()

    def _add(
        self,
        function_name: str,
        effect: Scenario | float,
        *,
        times: int | None,
        rate: float | None,
        payload: object,
        when: Callable[[Any], object] | None,
        seed: int,
        operation: str | None,
    ) -> None:
        self._check_effect(effect)
        if operation is not None:
            _check_operation(operation, effect, is_by_payload=payload is not UNSET or when is not None)
        check_callable("when", when)
        if times is not None:
            check_whole("times", times, least=1)
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"rate must be a share from 0 to 1; got {shown(rate)}")
        name, qualifier = function_name, None
        if function_name != EVERY_FUNCTION:
            names.check_function_name(function_name)
            name, qualifier = names.plain_name_of(function_name), names.qualifier_of(function_name)
            self._check_known(name)
        rule = _Rule(
            function_name=name,
            qualifier=qualifier,
            effect=effect,
            times=times,
            rate=rate,
            payload=payload,
            when=when,
            operation=operation,
            random=random.Random(seed),  # noqa: S311 - it must be reproducible, not secret
        )
        with self._lock:
            self._rules.append(rule)

    def _check_known(self, function_name: str) -> None:
        """`ConfigurationError` if there is no such function, because the failure would never happen."""

    def _check_effect(self, effect: Scenario | float) -> None:
        """`ConfigurationError` if this fake cannot act the failure out."""

    def _decide(self, function_name: str, qualifier: str | None, payload: bytes) -> Decision:
        """What happens to a call. Ask once for each call: the answer is counted."""
        return self._choose(self._rules, function_name, qualifier, payload)

    def _decide_run(self, function_name: str, qualifier: str | None, payload: bytes) -> Decision:
        """What happens to one more run of a call that was accepted: a failure of the function, or a delay."""
        rules = [rule for rule in tuple(self._rules) if rule.is_for_runs]
        return self._choose(rules, function_name, qualifier, payload)

    def _decide_operation(self, operation: str, function_name: str | None, qualifier: str | None) -> Decision:
        """What happens to a call that runs no function. `function_name` is as sent, `None` if the operation has none."""
        name = None if function_name is None else names.plain_name_of(function_name)
        return self._choose(self._rules, name, qualifier, b"", operation)

    def _choose(
        self,
        rules: list[_Rule],
        function_name: str | None,
        qualifier: str | None,
        payload: bytes,
        operation: str | None = None,
    ) -> Decision:
        delay: float | None = None
        scenario: Scenario | None = None
        with self._lock:
            for rule in tuple(rules):
                is_delay = not isinstance(rule.effect, Scenario)
                if (delay if is_delay else scenario) is not None:
                    continue
                if not rule.applies_to(function_name, qualifier, payload, operation):
                    continue
                if isinstance(rule.effect, Scenario):
                    scenario = rule.effect
                else:
                    delay = rule.effect
        return Decision(delay=delay or 0.0, scenario=scenario)


def _check_operation(operation: str, effect: Scenario | float, *, is_by_payload: bool) -> None:
    """`ConfigurationError` unless calls of this operation can fail in this way."""
    from .control_plane.routes import operation_names  # noqa: PLC0415 - it loads all commands, and few tests need them

    known = operation_names()
    if operation not in known:
        meant = nearest(operation, known)
        hint = f"; did you mean {meant}?" if meant is not None else ""
        raise ConfigurationError(
            f"operation must be one that runs no function, such as 'GetFunction'; got {shown(operation)}{hint}"
        )
    if is_by_payload:
        raise ConfigurationError("payload= and when= are for invocations: leave them out, or leave out operation=")
    if isinstance(effect, Scenario) and effect.kind in (FailureKind.FUNCTION, FailureKind.CUT):
        raise ConfigurationError(f"no function runs in {operation}: choose an error of the service or of the connection")

"""Scripted failures: which call fails, and how. For the failure tests of other people's code.

Laws: rules apply in the order in which they were added, and the first one that matches decides. A rule with a rate makes the
same choices in every run.

Owns the rules and their choice. Must not know how a failure is acted out: a transport raises it, a server sends it.
"""

import copy
import json
import random
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

import attrs

from ..errors import (
    AiolambdaError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    FunctionError,
    InvocationTimeoutError,
    LambdaServiceException,
    QueueTimeoutError,
    StreamError,
    TransportError,
)
from ..errors.checks import check_callable, check_seconds, check_whole
from ..protocol import names
from ..types.mistakes import kind_of
from ..types.values import UNSET, shown
from .api_errors import ApiError, api_error_of, typical_error
from .function_failure import FunctionFailure

__all__ = ["EVERY_FUNCTION", "Decision", "FailureKind", "Scenario", "ScriptedFailures", "scenario_of"]

EVERY_FUNCTION = "*"
"""In place of a name: all functions."""


class FailureKind(Enum):
    """What happens to a call."""

    ANSWER = "Lambda answers with an error; the function does not run"
    FUNCTION = "the function fails"
    CONNECT = "no connection is opened"
    LOST = "the connection ends without an answer, or in the middle of a stream"
    SILENT = "no answer comes within the read limit"
    CUT = "a stream ends without its completion"


@attrs.frozen(kw_only=True)
class Scenario:
    """A failure to act out.

    `answer` is that of Lambda, `function` the failure of the function, `error` the error of a transport; the kind says which
    one is set. `runs` says whether the handler runs before the answer is lost, `chunks` how many chunks of a stream arrive.
    """

    kind: FailureKind
    answer: ApiError | None = None
    function: FunctionFailure | None = None
    error: AiolambdaError | None = None
    runs: bool = False
    chunks: int = 0

    def transport_error(self) -> AiolambdaError:
        """A copy of the error, to be raised: the client completes each error with the facts of its call."""
        return copy.copy(self.error) if self.error is not None else ConnectionLostError("the connection was lost")


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
    """`effect` is a failure, or a delay in seconds."""

    function_name: str
    qualifier: str | None
    effect: Scenario | float
    times: int | None
    rate: float | None
    payload: object
    when: Callable[[Any], object] | None
    random: random.Random

    @property
    def is_for_runs(self) -> bool:
        """Whether the effect is on the function, not on the call or its answer."""
        return not isinstance(self.effect, Scenario) or self.effect.kind is FailureKind.FUNCTION

    def applies_to(self, function_name: str, qualifier: str | None, payload: bytes) -> bool:
        """Whether the rule decides on this call. Counts the call if it does."""
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

        Raises:
            ConfigurationError: The function is unknown, or the failure cannot be acted out.
        """
        scenario = scenario_of(failure, runs=runs, chunks=chunks)
        self._add(function_name, scenario, times=times, rate=rate, payload=payload, when=when, seed=seed)

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

        Raises:
            ConfigurationError: The function is unknown, or a value is out of its range.
        """
        check_seconds("seconds", seconds, optional=False)
        self._add(function_name, float(seconds), times=times, rate=rate, payload=payload, when=when, seed=seed)

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
    ) -> None:
        self._check_effect(effect)
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

    def _choose(self, rules: list[_Rule], function_name: str, qualifier: str | None, payload: bytes) -> Decision:
        delay: float | None = None
        scenario: Scenario | None = None
        with self._lock:
            for rule in tuple(rules):
                is_delay = not isinstance(rule.effect, Scenario)
                if (delay if is_delay else scenario) is not None or not rule.applies_to(function_name, qualifier, payload):
                    continue
                if isinstance(rule.effect, Scenario):
                    scenario = rule.effect
                else:
                    delay = rule.effect
        return Decision(delay=delay or 0.0, scenario=scenario)


def scenario_of(failure: object, *, runs: bool | None = None, chunks: int | None = None) -> Scenario:
    """The failure to act out so that the client raises this error. `ConfigurationError` if no fake can do that."""
    if chunks is not None:
        check_whole("chunks", chunks, least=0)
    scenario = _scenario_of(failure)
    if runs is not None and scenario.kind not in (FailureKind.LOST, FailureKind.SILENT):
        raise ConfigurationError("runs= is for ConnectionLostError and InvocationTimeoutError: only they leave it open")
    if chunks and scenario.kind not in (FailureKind.LOST, FailureKind.CUT, FailureKind.FUNCTION):
        raise ConfigurationError("chunks= is for StreamError, ConnectionLostError, and failures of the function")
    return attrs.evolve(
        scenario, runs=scenario.runs if runs is None else runs, chunks=scenario.chunks if chunks is None else chunks
    )


def _scenario_of(failure: object) -> Scenario:
    if isinstance(failure, FunctionFailure):
        return Scenario(kind=FailureKind.FUNCTION, function=failure)
    error = _instance_of(failure)
    if isinstance(error, LambdaServiceException):
        return Scenario(kind=FailureKind.ANSWER, answer=api_error_of(error))
    if isinstance(error, FunctionError):
        return Scenario(kind=FailureKind.FUNCTION, function=_failure_of(error))
    if isinstance(error, StreamError):
        return Scenario(kind=FailureKind.CUT, error=error, chunks=error.received_chunks, runs=True)
    if isinstance(error, TransportError):
        return Scenario(kind=_kind_of(error), error=error, runs=error.may_have_run)
    if isinstance(error, AiolambdaError):
        raise ConfigurationError(
            f"{type(error).__name__} is not the error of a call that was sent; choose one of the service or of the connection, "
            "FunctionError, StreamError, or any other exception for the function to raise"
        )
    return Scenario(kind=FailureKind.FUNCTION, function=FunctionFailure(type(error).__name__, str(error)))


_TEXTS: dict[type[Exception], str] = {
    ConnectError: "cannot connect: connection refused",
    ConnectionLostError: "the connection was lost before the answer came",
    InvocationTimeoutError: "no answer came within the read limit",
    QueueTimeoutError: "no slot became free in time",
    StreamError: "the stream was cut",
    TransportError: "no answer came",
}


def _instance_of(failure: object) -> Exception:
    """The error itself, or one of its class with a typical text."""
    if isinstance(failure, Exception):
        return failure
    kind: type[Any] | None = failure if isinstance(failure, type) else None
    if kind is None or not issubclass(kind, Exception):
        raise ConfigurationError(
            "the failure must be an exception, such as TooManyRequestsException or ValueError('no tea'), or a FunctionFailure; "
            f"got {kind_of(failure)}"
        )
    if issubclass(kind, LambdaServiceException):
        return typical_error(kind)
    if issubclass(kind, FunctionError):
        return kind(error_type="Exception", error_message="a scripted failure")
    text = next((_TEXTS[base] for base in kind.__mro__ if base in _TEXTS), None)
    if text is None and not issubclass(kind, AiolambdaError):
        return _without_arguments(kind)
    return kind(text or "a scripted failure")


def _without_arguments(kind: type[Exception]) -> Exception:
    try:
        return kind()
    except TypeError:
        raise ConfigurationError(f"{kind.__name__} cannot be made without arguments; give an instance of it") from None


def _failure_of(error: FunctionError) -> FunctionFailure:
    """The failure that makes a client raise this error."""
    message = error.error_message if error.error_message is not None or error.error_type is not None else str(error.args[0])
    return FunctionFailure(error.error_type or "Exception", message or "", stack_trace=error.stack_trace, kind=error.kind)


def _kind_of(error: TransportError) -> FailureKind:
    if isinstance(error, InvocationTimeoutError):
        return FailureKind.SILENT if error.exceeded in ("read", "total", "idle") else FailureKind.CONNECT
    return FailureKind.CONNECT if isinstance(error, ConnectError) else FailureKind.LOST

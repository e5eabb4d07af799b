"""The script of a durable execution: what a test's author writes.

Laws: a step is a value. One script serves any number of executions, because nothing in it changes.

Owns these values and the checks of their arguments. Must not know an execution, or a clock.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

import attrs

from ...errors import ConfigurationError
from ...errors.checks import check_choice, check_seconds, check_text, check_whole, checked_by
from ...types.mistakes import kind_of
from ...types.values import shown

__all__ = [
    "Callback",
    "Context",
    "End",
    "Fail",
    "Invoke",
    "Operation",
    "Paused",
    "Script",
    "ScriptItem",
    "Step",
    "Succeed",
    "TimeOut",
    "Wait",
    "check_script",
]

_LONGEST_NAME = 256


def _check_name(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not (isinstance(value, str) and 1 <= len(value) <= _LONGEST_NAME and value.isascii() and value.isprintable()):
        raise ConfigurationError(f"the name of a step must be 1 to {_LONGEST_NAME} printable ASCII characters")


def _seconds(default: float | None = 0.0) -> Any:
    return attrs.field(default=default, kw_only=True, validator=checked_by(check_seconds, optional=default is None))


def _whole(default: int = 0) -> Any:
    return attrs.field(default=default, kw_only=True, validator=checked_by(check_whole, least=0))


def _flag() -> Any:
    return attrs.field(default=False, kw_only=True, validator=checked_by(check_choice))


def _check_fail(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, Fail):
        raise ConfigurationError(f"error must be a Fail(error_type, message); got {kind_of(value)}")


def _check_ends(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value not in ("FAILED", "TIMED_OUT", "STOPPED"):
        raise ConfigurationError(f"ends must be 'FAILED', 'TIMED_OUT' or 'STOPPED'; got {shown(value)}")


def _texts(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(lines)


@attrs.frozen
class Succeed:
    """The end of a script: the execution succeeds.

    Args:
        result: The result, to be encoded as JSON. Bytes are sent unchanged. Default `None`.
    """

    result: Any = attrs.field(default=None, repr=False)
    """The result, to be encoded as JSON. Bytes are sent unchanged. Default `None`."""


@attrs.frozen
class Fail:
    """The end of a script: the execution fails. Also the error of a step.

    ::

        durable.Fail("CardDeclined", "no money", data={"code": 7})

    Args:
        error_type: The name of the error.
        message: Its text. Default empty.
        data: The data of the error, a string or a value to be encoded as JSON. Default `None`: there is none.
        stack_trace: The lines of its traceback. Default none.
    """

    error_type: str = attrs.field(validator=checked_by(check_text))
    """The name of the error."""
    message: str = attrs.field(default="", repr=False, validator=checked_by(check_text))
    """Its text. Default empty."""
    data: Any = attrs.field(default=None, kw_only=True, repr=False)
    """The data of the error, a string or a value to be encoded as JSON. Default `None`: there is none."""
    stack_trace: Sequence[str] = attrs.field(default=(), kw_only=True, repr=False, converter=_texts)
    """The lines of its traceback. Default none."""


@attrs.frozen
class TimeOut:
    """The end of a script: the execution ends as if its time was over, with the status `TIMED_OUT`."""


@attrs.frozen
class Step:
    """A step, which runs code of the function.

    ::

        durable.Step("charge", result={"paid": True})
        durable.Step("charge", error=durable.Fail("Busy"), failures=2, retry_delay=5, result="done")

    Args:
        name: The name of the step.
        result: The result, to be encoded as JSON. Default `None`.
        seconds: The time that each attempt takes, by the clock of the event loop. Default 0.
        polls: The answers of GetDurableExecution for which the step runs. Default 0.
        error: The error of its attempts. Default `None`: it does not fail.
        failures: The number of attempts that fail, before one succeeds. Default 0: with an error, the step never succeeds.
        retry_delay: The pause before another attempt, in seconds. Default 1.
        caught: Whether the function catches the last error, so that the execution goes on. Default `False`.
    """

    name: str = attrs.field(validator=_check_name)
    """The name of the step."""
    result: Any = attrs.field(default=None, kw_only=True, repr=False)
    """The result, to be encoded as JSON. Default `None`."""
    seconds: float = _seconds()
    """The time that each attempt takes, by the clock of the event loop. Default 0."""
    polls: int = _whole()
    """The answers of GetDurableExecution for which the step runs. Default 0."""
    error: Fail | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(_check_fail))
    """The error of its attempts. Default `None`: it does not fail."""
    failures: int = _whole()
    """The number of attempts that fail, before one succeeds. Default 0: with an error, the step never succeeds."""
    retry_delay: float = _seconds(1.0)
    """The pause before another attempt, in seconds. Default 1."""
    caught: bool = _flag()
    """Whether the function catches the last error, so that the execution goes on. Default `False`."""


@attrs.frozen
class Wait:
    """A pause of the function, without an invocation.

    Args:
        name: The name of the wait.
        seconds: Its length, by the clock of the event loop. Default 0.
        polls: The answers of GetDurableExecution for which it lasts at least. Default 0.
    """

    name: str = attrs.field(validator=_check_name)
    """The name of the wait."""
    seconds: float = _seconds()
    """Its length, by the clock of the event loop. Default 0."""
    polls: int = _whole()
    """The answers of GetDurableExecution for which it lasts at least. Default 0."""


@attrs.frozen
class Callback:
    """A wait for an answer from outside: the success or the failure of a callback.

    Args:
        name: The name of the callback.
        timeout: The seconds after which it times out. Default `None`: never.
        heartbeat_timeout: The seconds without a heartbeat after which it times out. Default `None`: never.
        caught: Whether the function catches a failure or a timeout, so that the execution goes on. Default `False`.
    """

    name: str = attrs.field(validator=_check_name)
    """The name of the callback."""
    timeout: float | None = _seconds(None)
    """The seconds after which it times out. Default `None`: never."""
    heartbeat_timeout: float | None = _seconds(None)
    """The seconds without a heartbeat after which it times out. Default `None`: never."""
    caught: bool = _flag()
    """Whether the function catches a failure or a timeout, so that the execution goes on. Default `False`."""


@attrs.frozen
class Invoke:
    """A call of another function by the durable one. No function runs for it.

    Args:
        function_name: The name of the other function, which is also the name of the operation.
        result: Its result, to be encoded as JSON. Default `None`.
        seconds: The time that it takes, by the clock of the event loop. Default 0.
        polls: The answers of GetDurableExecution for which it lasts at least. Default 0.
        error: The error of the other function. Default `None`: it succeeds.
        ends: How it ends with an error: `"FAILED"`, `"TIMED_OUT"` or `"STOPPED"`. Default `"FAILED"`.
        caught: Whether the function catches the error, so that the execution goes on. Default `False`.
    """

    function_name: str = attrs.field(validator=_check_name)
    """The name of the other function, which is also the name of the operation."""
    result: Any = attrs.field(default=None, kw_only=True, repr=False)
    """Its result, to be encoded as JSON. Default `None`."""
    seconds: float = _seconds()
    """The time that it takes, by the clock of the event loop. Default 0."""
    polls: int = _whole()
    """The answers of GetDurableExecution for which it lasts at least. Default 0."""
    error: Fail | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(_check_fail))
    """The error of the other function. Default `None`: it succeeds."""
    ends: Literal["FAILED", "TIMED_OUT", "STOPPED"] = attrs.field(default="FAILED", kw_only=True, validator=_check_ends)
    """How it ends with an error: `"FAILED"`, `"TIMED_OUT"` or `"STOPPED"`. Default `"FAILED"`."""
    caught: bool = _flag()
    """Whether the function catches the error, so that the execution goes on. Default `False`."""


@attrs.frozen
class Paused:
    """A pause of the execution, as if somebody had sent PauseDurableExecution.

    Without `seconds` and `polls`, it lasts until a ResumeDurableExecution, which ends it in any case.

    Args:
        reason: The reason. Default `None`: there is none.
        seconds: Its length, by the clock of the event loop. Default `None`.
        polls: The answers of GetDurableExecution that show it. Default 0.
    """

    reason: str | None = attrs.field(default=None, repr=False, validator=checked_by(check_text))
    """The reason. Default `None`: there is none."""
    seconds: float | None = _seconds(None)
    """Its length, by the clock of the event loop. Default `None`."""
    polls: int = _whole()
    """The answers of GetDurableExecution that show it. Default 0."""


def _checked(steps: object) -> "tuple[ScriptItem, ...]":
    return check_script(steps)  # which needs the class that follows


@attrs.frozen
class Context:
    """A child context: steps with a common parent in the history. Its result is `None`.

    Args:
        name: The name of the context.
        steps: Its steps, in order. An end in it ends the execution.
    """

    name: str = attrs.field(validator=_check_name)
    """The name of the context."""
    steps: "Sequence[ScriptItem]" = attrs.field(converter=_checked)
    """Its steps, in order. An end in it ends the execution."""


End = Succeed | Fail | TimeOut
Operation = Step | Wait | Callback | Invoke
ScriptItem = Step | Wait | Callback | Invoke | Paused | Context | Succeed | Fail | TimeOut
Script = Sequence[ScriptItem]
"""Steps in their order, and an end. Without an end, the execution succeeds with the result `None`."""
_ITEMS = (Step, Wait, Callback, Invoke, Paused, Context, Succeed, Fail, TimeOut)
_FORM = "a script is a list of steps from aiolambda.testing.durable, such as [Step('charge'), Succeed({'paid': True})]"


def check_script(script: object) -> tuple[ScriptItem, ...]:
    """The steps of a script. `ConfigurationError` for anything else, and for steps after an end."""
    if not isinstance(script, Sequence) or isinstance(script, str | bytes):
        raise ConfigurationError(f"{_FORM}; got {kind_of(script)}")
    steps = tuple(cast("Sequence[object]", script))
    for index, step in enumerate(steps):
        if not isinstance(step, _ITEMS):
            raise ConfigurationError(f"{_FORM}; item {index} is {kind_of(step)}")
        if isinstance(step, End) and index + 1 < len(steps):
            raise ConfigurationError(f"{type(step).__name__} ends a script: the steps after item {index} would never run")
    return cast("tuple[ScriptItem, ...]", steps)

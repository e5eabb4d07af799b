"""The operations of a script, in the order in which they begin, with the ids that they have in a history.

Must not know an execution, or a clock.
"""

import hashlib
from collections.abc import Iterator, Sequence

import attrs

from ...errors import ConfigurationError
from .. import python_runtime
from .steps import Callback, Context, Fail, Invoke, Paused, ScriptItem, Step, Succeed, TimeOut, Wait, check_script

__all__ = ["ContextEnd", "Item", "Operation", "RunHandler", "error_object", "json_text", "operations_of"]


@attrs.frozen
class RunHandler:
    """In place of a script: the function's handler runs, and its end is that of the execution."""


@attrs.frozen
class ContextEnd:
    """The end of a child context of this name."""

    name: str


Item = Step | Wait | Callback | Invoke | Paused | Context | ContextEnd | Succeed | Fail | TimeOut | RunHandler


@attrs.frozen(kw_only=True)
class Operation:
    """One item of a script, with the ids of itself and of the context that it is in. Start and end of a context share an id."""

    item: Item
    id: str
    parent_id: str | None = None


def operations_of(script: object) -> tuple[Operation, ...]:
    """The operations of a script. `ConfigurationError` if it is none, or has a result that is not JSON."""
    return tuple(_operations(check_script(script), None, ""))


def _operations(steps: Sequence[ScriptItem], parent_id: str | None, path: str) -> Iterator[Operation]:
    for number, step in enumerate(steps, 1):
        place = f"{path}-{number}" if path else f"{number}"
        own_id = hashlib.blake2b(place.encode(), digest_size=16).hexdigest()
        _check_json(step)
        yield Operation(item=step, id=own_id, parent_id=parent_id)
        if isinstance(step, Context):
            yield from _operations(step.steps, own_id, place)
            yield Operation(item=ContextEnd(step.name), id=own_id, parent_id=parent_id)


def _check_json(step: ScriptItem) -> None:
    if isinstance(step, Step | Invoke | Succeed):
        json_text(step.result)
    error = step if isinstance(step, Fail) else step.error if isinstance(step, Step | Invoke) else None
    if error is not None:
        error_object(error)


def json_text(value: object) -> str:
    """The JSON of a value, as the runtime of a function writes it; bytes as they are. `ConfigurationError` if it has none."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    try:
        return python_runtime.to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"a script has a value that is not JSON: {error}") from None


def error_object(error: Fail) -> dict[str, object]:
    """The `ErrorObject` of an error."""
    members: dict[str, object] = {"ErrorType": error.error_type, "ErrorMessage": error.message}
    if error.data is not None:
        members["ErrorData"] = error.data if isinstance(error.data, str) else json_text(error.data)
    if error.stack_trace:
        members["StackTrace"] = list(error.stack_trace)
    return members

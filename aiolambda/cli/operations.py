"""Commands of the API from names and JSON, and their answers as JSON.

Laws: no message repeats a value of the input, which may be a secret. Must not know the options of a command.
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ..errors import ConfigurationError
from ..operations.api import commands
from ..operations.api_operation import OperationCommand, OperationOutput
from ..operations.structure import Kind, Structure, table_of
from ..protocol import timestamps
from ..types.mistakes import nearest
from ..types.values import shown
from .payloads import parse_json, payload_of

__all__ = ["answer_of", "command_of", "operation_names"]

_INVOCATIONS = {
    "invoke": "aiolambda invoke NAME",
    "invokewithresponsestream": "aiolambda invoke NAME --stream",
}
_FILE = "fileb://"


def operation_names() -> list[str]:
    """The names of all operations that can be called."""
    return [name.removesuffix("Command") for name in commands.__all__ if name.endswith("Command")]


def command_of(operation: str, json_text: str | None, *, idempotent: bool | None) -> OperationCommand[Any, Any]:
    """The command of an operation whose name is in any form. Raises `ConfigurationError` or `InvalidInputError`."""
    kind: Any = getattr(commands, f"{_name_of(operation)}Command")
    given, may_read = _input_of(json_text), json_text is not None and json_text.lstrip().startswith("{")
    command: OperationCommand[Any, Any] = kind.from_api(_Reader(may_read).members(kind.operation.input_class, given, ""))
    return command if idempotent is None else kind(command.input, idempotent=idempotent)


def _name_of(operation: str) -> str:
    key = operation.replace("-", "").replace("_", "").lower()
    if key in _INVOCATIONS:
        raise ConfigurationError(f"{operation} runs a function: use {_INVOCATIONS[key]}")
    names = {name.lower(): name for name in operation_names()}
    if key not in names:
        meant = nearest(key, names)
        hint = "see the Lambda API" if meant is None else f"did you mean {names[meant]}?"
        raise ConfigurationError(f"there is no operation {shown(operation)}; {hint}")
    return names[key]


def _input_of(json_text: str | None) -> Mapping[str, object]:
    data = b"" if json_text is None else payload_of(json_text, None, option="--json", noun="input")
    value: object = parse_json(data, "the input") if data else dict[str, object]()
    if not isinstance(value, dict):
        raise ConfigurationError("--json must be a JSON object with the members of the input")
    return cast("dict[str, object]", value)


class _Reader:
    """Reads members of the API from JSON. `may_read_files`: only input that a person has typed may name files to send."""

    def __init__(self, may_read_files: bool) -> None:
        self._may_read_files = may_read_files

    def members(self, kind: type[Structure], given: Mapping[str, object], at: str) -> dict[str, object]:
        """The members of a structure. Names that it does not have stay: `from_api` refuses them."""
        table = table_of(kind).by_api_name
        return {
            name: self._value(value, table[name].kind, at + name) if name in table else value for name, value in given.items()
        }

    def _value(self, value: object, kind: Kind, at: str) -> object:
        """A value of JSON as the API has it, with bytes and times. One of another type stays: the request refuses it."""
        inner = kind.inner
        if kind.structure is not None and isinstance(value, Mapping):
            return self.members(kind.structure, cast("Mapping[str, object]", value), f"{at}.")
        if inner is not None and kind.name == "list" and isinstance(value, list):
            return [self._value(one, inner, f"{at}[{index}]") for index, one in enumerate(cast("list[object]", value))]
        if inner is not None and kind.name == "map" and isinstance(value, Mapping):
            return {name: self._value(one, inner, at) for name, one in cast("Mapping[str, object]", value).items()}
        if kind.name == "blob" and isinstance(value, str):
            return self._bytes(value, at)
        return _time(value, at) if kind.name.startswith("time") else value

    def _bytes(self, text: str, at: str) -> bytes:
        if self._may_read_files and text.startswith(_FILE):
            path = text.removeprefix(_FILE)
            try:
                return Path(path).read_bytes()
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else "the name contains a null character"
                raise ConfigurationError(f"cannot read {at} from {path!r}: {reason}") from None
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ConfigurationError(f"{at} must be base64; --json '{{...}}' may name a file: fileb://FILE") from None


def _time(value: object, at: str) -> object:
    try:
        return timestamps.moment_of(value)
    except ValueError:
        raise ConfigurationError(f"{at} must be a time in the form of ISO 8601, or seconds since 1970") from None


def answer_of(output: OperationOutput) -> dict[str, Any]:
    """The JSON of an answer as it came, and what is not in its body."""
    more = {
        member.api_name: value
        for member in table_of(type(output)).members.values()
        if member.place in ("status", "header") and isinstance(value := getattr(output, member.name), str | int)
    }
    return {**output.raw, **more}

"""Answers of the restJson1 protocol: the values of an output from status, headers and body.

Laws: what the model does not know breaks nothing: unknown members are left in the raw content, unknown choices are strings.

Owns these forms. Must not know an operation, or what a status means.
Source: the restJson1 protocol of Smithy, and its HTTP bindings.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..protocol import timestamps
from ..types.http import Response
from .structure import Kind, Member, Structure, built, table_of

__all__ = ["Content", "content_of"]


class Content(NamedTuple):
    """The values of an output by Python name, and the members of the JSON body as they came."""

    values: dict[str, Any]
    raw: Mapping[str, object]


def content_of(kind: type[Structure], response: Response) -> Content:
    """The content of an answer. `ValueError` if it does not have the form of this output; its text shows no value."""
    members = table_of(kind).members.values()
    payload = next((member for member in members if member.place == "payload"), None)
    is_object = payload is None or payload.kind.structure is not None
    raw: Mapping[str, object] = _raw(response.body) if is_object else {}
    values: dict[str, Any] = {}
    for member in members:
        if member.place == "payload":
            values[member.name] = _value(raw or None, member.kind) if is_object else _payload(response.body, member.kind)
        elif member.place == "status":
            values[member.name] = response.status
        elif member.place == "header":
            values[member.name] = _of_header(response.fields.get(member.wire_name.lower()), member)
        else:
            values[member.name] = _value(raw.get(member.wire_name), member.kind)
    return Content({name: value for name, value in values.items() if value is not None or name in table_of(kind).required}, raw)


def _payload(body: bytes, kind: Kind) -> object:
    """A body that is bytes, or a document: any JSON."""
    if not body:
        return None
    return _loaded(body) if kind.name == "json" else body


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("its body is not JSON") from None


def _raw(body: bytes) -> Mapping[str, object]:
    content = _loaded(body) if body else None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("its body is not a JSON object")  # noqa: TRY004 - of the answer, not of a caller
    return cast("dict[str, object]", content)


def _of_header(text: str | None, member: Member) -> object:
    if text is None:
        return None
    if member.kind.name.startswith("time"):
        return timestamps.moment_of(text)
    return int(text) if member.kind.name == "int" and text.isdecimal() else text


def _value(value: object, kind: Kind) -> object:
    """A value of the body as an output has it. A scalar of another type than the model's stays as it came."""
    if value is None:
        return None
    inner = kind.inner
    if kind.structure is not None:
        return _structure(_object(value), kind.structure)
    if inner is not None and kind.name == "list":
        return [_value(one, inner) for one in _list(value)]
    if inner is not None:
        return {name: _value(one, inner) for name, one in _object(value).items()}
    return _SCALARS[kind.name](value) if kind.name in _SCALARS else value


def _structure(content: Mapping[str, object], kind: type[Structure]) -> Structure:
    table = table_of(kind)
    values = {name: _value(content.get(member.wire_name), member.kind) for name, member in table.members.items()}
    return built(kind, {name: value for name, value in values.items() if value is not None or name in table.required})


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("a structure or a map of its body is not a JSON object")  # noqa: TRY004 - as above
    return cast("dict[str, object]", value)


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise ValueError("a list of its body is not a JSON array")  # noqa: TRY004 - as above
    return cast("list[object]", value)


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(cast("str", value))
    except (binascii.Error, ValueError, TypeError):
        raise ValueError("bytes in its body are not base64") from None


def _float(value: object) -> object:
    """A number; text stands for those that JSON does not have."""
    return float(value) if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity") else value


_SCALARS: dict[str, Callable[[object], object]] = {
    "blob": _bytes,
    "float": _float,
    **dict.fromkeys(("time", "time-epoch", "time-iso", "time-http"), timestamps.moment_of),
}
"""What is done to a value of these types. The others stay as they came."""

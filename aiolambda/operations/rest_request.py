"""Requests of the restJson1 protocol: the members of an input in path, query, headers and body.

Laws: a path cannot be left, whatever a member holds. No text of an error shows a value.

Owns this order and these forms. Must not know an operation, or how a request is signed.
Source: the restJson1 protocol of Smithy, and its HTTP bindings. JSON is written as botocore does.
"""

import base64
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, NoReturn, cast

from ..errors import InvalidInputError
from ..protocol import timestamps, urls
from ..types.http import Headers, Request
from ..types.mistakes import kind_of
from ..types.values import text_of
from .structure import Kind, Member, Structure, table_of

__all__ = ["Route", "bytes_in", "request_of"]

_JSON, _BYTES = "application/json", "application/octet-stream"
_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")
_IN_ONE_PIECE = 3 * 2**18
"""Bytes that are written as base64 at once, which takes half a millisecond. More would keep other threads from running."""
_NUMBERS: dict[float, str] = {math.inf: "Infinity", -math.inf: "-Infinity"}


class Route(NamedTuple):
    """Method and URI of an operation. `{Name}` is a label, `{Name+}` one that keeps its slashes."""

    method: str
    uri: str


def request_of(route: Route, input: Structure, *, endpoint: str, new_token: Callable[[], str]) -> Request:
    """The request for an input. `InvalidInputError` if a value cannot be sent. `new_token` makes missing tokens."""
    labels: dict[str, str] = {}
    queries: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    fields: dict[str, str] = {}
    for member in table_of(type(input)).members.values():
        value = _value_of(input, member, new_token)
        if value is None:
            continue
        if member.place == "uri":
            labels[member.wire_name] = _text(value, member.kind, member.name)
        elif member.place == "query" and member.kind.name == "map":
            others += _queries_of_map(value, member)
        elif member.place == "query":
            queries += _queries(value, member)
        elif member.place == "header":
            fields[member.wire_name.lower()] = _header(value, member)
    named = {name for name, _ in queries}
    queries += [(name, text) for name, text in others if name not in named]
    body, content_type = _body(input, new_token)
    if content_type is not None:
        fields.setdefault("content-type", content_type)
    return Request(route.method, f"{endpoint}{_target(route.uri, labels, queries)}", Headers.of(fields), body)


def bytes_in(input: Structure) -> int:
    """The bytes in the members of an input, and of its structures."""
    count = 0
    for name, member in table_of(type(input)).members.items():
        value: object = getattr(input, name, None)
        if isinstance(value, Structure):
            count += bytes_in(value)
        elif member.kind.name == "blob" and isinstance(value, bytes | bytearray):
            count += len(value)
    return count


def _value_of(input: Structure, member: Member, new_token: Callable[[], str]) -> object:
    value = getattr(input, member.name, None)
    return new_token() if value is None and member.token else value


# Path, query and headers


def _target(uri: str, labels: Mapping[str, str], queries: Sequence[tuple[str, str]]) -> str:
    path, _, fixed = uri.partition("?")
    path = _LABEL.sub(lambda label: _label(label[1], labels.get(label[1], ""), is_greedy=bool(label[2])), path)
    query = [fixed] if fixed else []
    query += [f"{urls.encode_label(name)}={urls.encode_label(value)}" for name, value in queries]
    return f"{path}?{'&'.join(query)}" if query else path


def _label(name: str, text: str, *, is_greedy: bool) -> str:
    segments = text.split("/") if is_greedy else [text]
    if not text or any(segment in (".", "..") for segment in segments):
        said = "is empty" if not text else "has a segment of dots, which addresses another resource"
        raise InvalidInputError(f"{name} {said}", member=name)
    return "/".join(map(urls.encode_label, segments))


def _queries(value: object, member: Member) -> Iterator[tuple[str, str]]:
    inner = member.kind.inner
    if inner is None:
        yield member.wire_name, _text(value, member.kind, member.name)
        return
    for one in _list_of(value, member.name):
        yield member.wire_name, _text(one, inner, member.name)


def _queries_of_map(value: object, member: Member) -> Iterator[tuple[str, str]]:
    inner = cast("Kind", member.kind.inner)
    for name, one in _map_of(value, member.name):
        for text in _list_of(one, member.name) if inner.inner is not None else [one]:
            yield name, _text(text, inner.inner or inner, member.name)


def _header(value: object, member: Member) -> str:
    if member.kind.name == "time":
        return timestamps.http_date_of(_moment(value, member.name))
    text = _text(value, member.kind, member.name)
    if not (text.isprintable() and text.isascii()):
        raise InvalidInputError(f"{member.name} has characters that a header cannot hold", member=member.name)
    return text


def _text(value: object, kind: Kind, name: str) -> str:
    """A value in a path, a query or a header."""
    if kind.name == "time-http":
        return timestamps.http_date_of(_moment(value, name))
    if kind.name in ("time", "time-iso"):
        return timestamps.iso_of(_moment(value, name))
    if kind.name == "time-epoch":
        return str(timestamps.epoch_of(_moment(value, name)))
    plain = _scalar(value, kind, name)
    text = str(plain) if not isinstance(plain, bool) else "true" if plain else "false"
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInputError(f"{name} has characters that UTF-8 does not have", member=name)
    return text


# Body


def _body(input: Structure, new_token: Callable[[], str]) -> tuple[bytes, str | None]:
    """The body, and its content type; `None` without a body."""
    members = table_of(type(input)).members.values()
    payload = next((member for member in members if member.place == "payload"), None)
    if payload is not None:
        return _payload(getattr(input, payload.name, None), payload, new_token)
    in_body = [member for member in members if member.place == "body"]
    if not in_body:
        return b"", None
    return _json(_object(input, in_body, "", new_token), new_token), _JSON


def _payload(value: object, member: Member, new_token: Callable[[], str]) -> tuple[bytes, str | None]:
    if member.kind.name == "blob":
        return b"" if value is None else _bytes_of(value, member.name), _BYTES
    return (b"{}" if value is None else _json(_jsonable(value, member.kind, member.name), new_token)), _JSON


def _json(content: object, new_token: Callable[[], str]) -> bytes:
    """The JSON of a value. Long bytes are written beside `json.dumps`, which would look at each of their characters."""
    blobs: list[bytes] = []
    marks: list[str] = []

    def marked(blob: object) -> str:
        blobs.append(cast("_LongBytes", blob).content)
        marks.append(new_token())
        return marks[-1]

    rest = json.dumps(content, default=marked).encode()
    pieces: list[bytes] = []
    for mark, blob in zip(marks, blobs, strict=True):
        before, _, rest = rest.partition(mark.encode())
        pieces += [before, *_in_base64(blob)]
    return b"".join([*pieces, rest]) if pieces else rest


def _in_base64(blob: bytes) -> Iterator[bytes]:
    view = memoryview(blob)
    for begin in range(0, len(blob), _IN_ONE_PIECE):
        yield base64.b64encode(view[begin : begin + _IN_ONE_PIECE])


class _LongBytes:
    """Bytes that `json.dumps` leaves to its `default`."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def _object(
    input: Structure, members: Sequence[Member], at: str, new_token: Callable[[], str] | None = None
) -> dict[str, object]:
    found: dict[str, object] = {}
    for member in members:
        value = getattr(input, member.name, None) if new_token is None else _value_of(input, member, new_token)
        if value is not None:
            found[member.wire_name] = _jsonable(value, member.kind, f"{at}.{member.name}" if at else member.name)
    return found


def _jsonable(value: object, kind: Kind, name: str) -> object:
    """A value as `json.dumps` takes it."""
    inner = kind.inner
    if kind.structure is not None:
        if not isinstance(value, kind.structure):
            _refuse(value, name, f"a {kind.structure.__name__}")
        return _object(value, list(table_of(kind.structure).members.values()), name)
    if inner is not None and kind.name == "list":
        return [_jsonable(one, inner, f"{name}[{index}]") for index, one in enumerate(_list_of(value, name))]
    if inner is not None:
        return {key: _jsonable(one, inner, f"{name}[...]") for key, one in _map_of(value, name)}
    if kind.name in ("time", "time-epoch"):
        return timestamps.epoch_of(_moment(value, name))
    if kind.name.startswith("time"):
        return _text(value, kind, name)
    return _scalar(value, kind, name)


# Values


def _scalar(value: object, kind: Kind, name: str) -> object:
    """A value of a scalar type, checked. Members of an enum stand for their values."""
    value = text_of(value)
    if kind.name == "str":
        return value if isinstance(value, str) else _refuse(value, name, "a string")
    if kind.name == "bool":
        return value if isinstance(value, bool) else _refuse(value, name, "True or False")
    if kind.name == "int":
        return value if isinstance(value, int) and not isinstance(value, bool) else _refuse(value, name, "a whole number")
    if kind.name == "float":
        return _float(value, name)
    if kind.name == "blob":
        content = _bytes_of(value, name)
        return base64.b64encode(content).decode() if len(content) <= _IN_ONE_PIECE else _LongBytes(content)
    return value


def _float(value: object, name: str) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(value, name, "a number")
    return "NaN" if math.isnan(value) else _NUMBERS.get(value, value)


def _moment(value: object, name: str) -> dt.datetime:
    if not isinstance(value, dt.datetime) or value.utcoffset() is None:
        _refuse(value, name, "a datetime with a time zone")
    return value


def _bytes_of(value: object, name: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(cast("bytearray", value))
    return _refuse(value, name, "bytes")


def _list_of(value: object, name: str) -> Sequence[object]:
    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence):
        _refuse(value, name, "a list")
    return cast("Sequence[object]", value)


def _map_of(value: object, name: str) -> Iterator[tuple[str, object]]:
    if not isinstance(value, Mapping):
        _refuse(value, name, "a mapping")
    for key, one in cast("Mapping[object, object]", value).items():
        if not isinstance(key, str):
            raise InvalidInputError(f"{name} has a key that is not a string", member=name)
        yield key, one


def _refuse(value: object, name: str, wanted: str) -> NoReturn:
    raise InvalidInputError(f"{name} must be {wanted}; got {kind_of(value)}", member=name)

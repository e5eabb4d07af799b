"""The payload of an invocation: the values that a caller may give, and the bytes that are sent.

Owns the rules for text, buffers, files and values. Must not read a file, or know an operation.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..errors import InvalidInputError
from ..pipeline.operation import UnreadFile
from ..types.interfaces import Codec
from ..types.mistakes import kind_of

__all__ = ["Payload", "body_of", "check_json_text", "encoded", "encoded_payload", "given_shown", "payload_shown"]

Payload = object
"""The payload of an invocation, by its type:

- `None`: no body.
- Bytes, and other buffers of bytes: sent as they are.
- `str`: JSON text, sent as UTF-8.
- An open binary file: read in a thread, from its position to its end.
- Anything else, arrays of numbers included: encoded by the client's codec, JSON by default.
"""

_BEGINS_JSON = r'[ \t\r\n]*(?:[\[{"0-9-]|true\b|false\b|null\b)'
"""A pattern that the first use compiles: most programs give values."""
_BYTE_FORMATS = ("B", "c")
"""The formats of a buffer of bytes: unsigned bytes, and those of `ctypes.create_string_buffer`."""
_NO_BUFFERS: tuple[type, ...] = (dict, list)
"""The types of most payloads. They are neither buffers nor files, so the checks for both are skipped."""


def check_json_text(payload: Payload, function_name: str | None = None) -> Payload:
    """The payload. `InvalidInputError` for text that is not JSON, such as `hello`: nearly always, its JSON form is meant."""
    if isinstance(payload, str) and re.match(_BEGINS_JSON, payload) is None:
        del payload  # a traceback that is printed with locals would show it
        raise InvalidInputError(
            "payload is text that is not JSON; pass a value to have it encoded, json.dumps(text) for a JSON string, or bytes "
            "to send them as they are",
            member="payload",
            function_name=function_name,
        )
    return payload


def payload_shown(payload: Payload) -> str:
    """A payload as a repr may show it: its size or its kind, never its content."""
    if isinstance(payload, bytes | bytearray):
        return f"<{len(payload)} bytes>"
    if isinstance(payload, str):
        return f"<{len(payload)} characters>"
    return "None" if payload is None else f"<{kind_of(payload)}>"


def given_shown(value: object) -> str:
    """Whether a member has a value, which a repr must not show."""
    return "None" if value is None else "<given>"


def encoded_payload(payload: Payload, codec: Codec) -> bytes:
    """The bytes of a payload. `InvalidInputError` for an open file, which this function does not read."""
    with contextlib.suppress(UnreadFile):
        return body_of(payload, codec, 0)
    raise InvalidInputError(
        "payload is an open file, and its bytes are needed before it is sent: pass the bytes instead, "
        "or key= in a map with a journal",
        member="payload",
    )


def body_of(payload: Payload, codec: Codec, limit: int) -> bytes:
    """The bytes of a payload. `UnreadFile` for an open file: `limit` is the number of bytes that a request may have."""
    if payload is None:
        return b""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        if payload:
            check_json_text(payload)
        return encoded("payload", payload.encode)
    if not isinstance(payload, _NO_BUFFERS):
        content = _bytes_in(payload)
        if content is not None:
            return content
        if _is_file(payload):
            raise UnreadFile(payload, limit)
    return encoded("payload", lambda: codec.encode(payload))


def encoded(member: str, encode: Callable[[], bytes]) -> bytes:
    """The result of `encode`. `InvalidInputError` if it fails, with the type of its error: its text may quote the value."""
    try:
        content = cast("object", encode())
    except InvalidInputError:
        raise
    except Exception as error:  # noqa: BLE001 - a codec may raise anything, and one value must not end a whole map
        reason = type(error).__name__
    else:
        if isinstance(content, bytes | bytearray | memoryview):
            return bytes(cast("bytes", content))
        reason = f"the codec gave {type(content).__name__}, and must give bytes"
    raise InvalidInputError(f"{member} cannot be encoded: {reason}", member=member) from None


def _bytes_in(payload: object) -> bytes | None:
    """The content of a buffer of bytes. `None` for any other object, a single byte and a buffer of numbers included."""
    try:
        view = memoryview(cast("Any", payload))
    except TypeError:
        return None
    except (ValueError, BufferError):
        pass
    else:
        is_of_bytes = view.format.lstrip("@=<>!") in _BYTE_FORMATS
        is_sequence = view.ndim == 1 or (view.ndim > 1 and view.c_contiguous)
        return view.tobytes() if is_of_bytes and is_sequence else None
    raise InvalidInputError(
        "payload's bytes cannot be read: the buffer is closed or was released; pass it while it is open", member="payload"
    )


def _is_file(payload: object) -> bool:
    """Whether it has a method `read`, which makes it a file for boto3 too. A mapping, attrs class or dataclass is a value."""
    kind = type(payload)
    is_value = issubclass(kind, Mapping) or hasattr(kind, "__attrs_attrs__") or hasattr(kind, "__dataclass_fields__")
    return not is_value and callable(getattr(payload, "read", None))

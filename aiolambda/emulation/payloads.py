"""The check of a payload that Lambda makes before it runs a function.

Must not know the request that carries it.
"""

import json
import re
from typing import NoReturn

from . import api_errors

__all__ = ["check_json"]

_UNEXPECTED = re.compile(rb'[ \t\r\n]*([^ \t\r\n{\["\-0-9A-Za-z])')
"""A first character that begins neither a value nor a word."""
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_not_json, parse_int=len, parse_float=len)


def check_json(payload: bytes) -> None:
    """Raise an `ApiError` if the payload is not JSON. An empty one is allowed.

    Numbers are not converted, because their range is up to the function.
    """
    if not payload:
        return
    try:
        _DECODER.decode(payload.decode())
    except (ValueError, RecursionError) as error:
        raise _refusal(payload, error) from None


def _refusal(payload: bytes, error: Exception) -> api_errors.ApiError:
    """Lambda's text for an unexpected first character, and Python's for another mistake."""
    if (unexpected := _UNEXPECTED.match(payload)) is not None:
        reason = f"Unexpected character ({_character(unexpected[1])}): expected a valid value {_VALUES}"
        return api_errors.invalid_json(reason, *_place(payload, unexpected.start(1)))
    if isinstance(error, json.JSONDecodeError):
        return api_errors.invalid_json(error.msg, error.lineno, error.colno)
    if isinstance(error, UnicodeDecodeError):
        return api_errors.invalid_json("Invalid UTF-8", *_place(payload, error.start))
    return api_errors.invalid_json(f"{error}", 1, 1)


def _place(payload: bytes, at: int) -> tuple[int, int]:
    """The line and the column of a byte, from 1 on."""
    before = payload[:at]
    return before.count(b"\n") + 1, at - before.rfind(b"\n")


def _character(byte: bytes) -> str:
    code = byte[0]
    return f"(CTRL-CHAR, code {code})" if code < 0x20 or 0x7F <= code <= 0x9F else f"'{chr(code)}' (code {code})"

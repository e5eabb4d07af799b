"""Header fields: which names and values HTTP/1.1 can carry, and this client sends.

Owns these rules, and the errors that name a field without showing its value. Must not know what a field means.
Source: RFC 9110, 5.
"""

import functools
import re
from collections.abc import Iterable, Mapping

from ..errors import InvalidInputError

__all__ = ["are_fit", "check_lower_case", "check_names", "check_values"]

_UNFIT = r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@functools.lru_cache(maxsize=256)
def are_fit(method: str, *names: str) -> bool:
    """Whether a method and names can be sent: the same few are asked for again and again."""
    try:
        check_names(method, names)
    except InvalidInputError:
        return False
    return True


def check_names(method: str, names: Iterable[str]) -> None:
    """`InvalidInputError` for a method or a name that HTTP cannot carry, or that this client has no use for."""
    if not _TOKEN.fullmatch(method):
        raise InvalidInputError("the request's method holds a character that HTTP cannot carry", member="method")
    for name in names:
        if name == "transfer-encoding":
            raise InvalidInputError("the transport gives a body its length: transfer-encoding has no place", member=name)
        if not _TOKEN.fullmatch(name):
            _refuse(name)
        check_lower_case(name)


def check_lower_case(name: str) -> None:
    """`InvalidInputError` for a name with capitals: put past `Headers`, it would stand beside the same name of ours."""
    if name != name.lower():
        raise InvalidInputError(
            f"the header {name!r} stands in headers.fields, where names are in lower case: set headers[{name!r}] instead",
            member=name,
        )


def check_values(fields: Mapping[str, str]) -> None:
    """`InvalidInputError` for a value that HTTP cannot carry; the value is not shown."""
    for name, value in fields.items():
        if re.search(_UNFIT, value):
            _refuse(name)


def _refuse(name: str) -> None:
    raise InvalidInputError(f"the header {name!r} holds a character that HTTP cannot carry", member=name)

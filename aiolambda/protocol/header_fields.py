"""Header fields: the names and values that HTTP/1.1 can carry.

Owns these rules and their errors, which name a field and never show its value. Must not know the meaning of a field.
Source: RFC 9110, section 5.
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
    """Whether a method and names can be sent. Cached, because requests repeat the same few."""
    try:
        check_names(method, names)
    except InvalidInputError:
        return False
    return True


def check_names(method: str, names: Iterable[str]) -> None:
    """`InvalidInputError` for a method or a name that HTTP cannot carry, and for `transfer-encoding`."""
    if not _TOKEN.fullmatch(method):
        raise InvalidInputError("the method of the request contains a character that HTTP cannot carry", member="method")
    for name in names:
        if name == "transfer-encoding":
            raise InvalidInputError(
                "remove the header 'transfer-encoding': the transport sends each body with its length", member=name
            )
        if not _TOKEN.fullmatch(name):
            _refuse(name)
        check_lower_case(name)


def check_lower_case(name: str) -> None:
    """`InvalidInputError` for a name with capitals. Set on `headers.fields`, it would duplicate the same name in lower case."""
    if name != name.lower():
        raise InvalidInputError(
            f"headers.fields has the name {name!r}, but its names must be in lower case: set headers[{name!r}] instead",
            member=name,
        )


def check_values(fields: Mapping[str, str]) -> None:
    """`InvalidInputError` for a value that HTTP cannot carry. The text does not show the value."""
    for name, value in fields.items():
        if re.search(_UNFIT, value):
            _refuse(name)


def _refuse(name: str) -> None:
    raise InvalidInputError(f"the header {name!r} contains a character that HTTP cannot carry", member=name)

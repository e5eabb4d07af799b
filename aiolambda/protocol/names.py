"""Function names, ARNs and the other names that Invoke takes: what is well-formed, and which region an ARN is of.

Owns these shapes. Must not know what is done with a name.
Source: the patterns of the Lambda service model (NamespacedFunctionName, Qualifier, TenantId, DurableExecutionName).
"""

import re
from functools import lru_cache

from ..errors import InvalidInputError

__all__ = ["check_function_name", "check_pattern", "plain_name_of", "qualifier_of", "region_of"]

_REGION = r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d"
_FUNCTION = re.compile(
    rf"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?P<region>{_REGION}):)?(?:\d{{12}}:)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)
_LONGEST_FUNCTION_NAME = 256

_PATTERNS = {
    "qualifier": (r"\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9$_-]+", 128, "letters, digits, $, - and _"),
    # A header loses the spaces around its value, and the call would be another tenant's.
    "tenant_id": (
        r"[a-zA-Z0-9._:/=+\-@](?:[a-zA-Z0-9._:/=+\-@ ]*[a-zA-Z0-9._:/=+\-@])?",
        256,
        "letters, digits, ._:/=+-@, and spaces between them",
    ),
    "durable_execution_name": (r"[a-zA-Z0-9_-]+", 64, "letters, digits, - and _"),
}


@lru_cache(maxsize=1024)
def _parts(name: str) -> "re.Match[str] | None":
    """The parts of a function's name; the same few are asked for again and again."""
    return _FUNCTION.fullmatch(name)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else f"{value[:77]}...")


def check_function_name(name: object) -> None:
    """`InvalidInputError` unless the service takes it: a name, `name:qualifier`, or an ARN, of which any part may be left out.

    A name of dots alone is refused all the same: as a segment of a path it would lead to another resource.
    """
    if not isinstance(name, str):
        raise InvalidInputError(f"function_name is a string, not {type(name).__name__}", member="function_name")
    if len(name) > _LONGEST_FUNCTION_NAME:
        raise InvalidInputError(
            f"function_name has {len(name)} characters, and the limit is {_LONGEST_FUNCTION_NAME}",
            member="function_name",
            limit=_LONGEST_FUNCTION_NAME,
        )
    match = _parts(name)
    if match is None or match["name"] in (".", ".."):
        raise InvalidInputError(
            f"function_name {_shown(name)} is not a function's name, name:qualifier, partial ARN or ARN "
            "(letters, digits, -, _ and .)",
            member="function_name",
        )


def check_pattern(member: str, value: object) -> None:
    """`InvalidInputError` unless the value has the shape that the model gives this member. A tenant id is never shown."""
    pattern, longest, allowed = _PATTERNS[member]
    if not isinstance(value, str):
        raise InvalidInputError(f"{member} is a string, not {type(value).__name__}", member=member)
    if not 1 <= len(value) <= longest:
        raise InvalidInputError(
            f"{member} has {len(value)} characters; 1 to {longest} are allowed", member=member, limit=longest
        )
    if re.fullmatch(pattern, value) is None:
        shown = "" if member == "tenant_id" else f" {_shown(value)}"
        raise InvalidInputError(f"{member}{shown} may hold {allowed}", member=member)


def region_of(function_name: str) -> str | None:
    """The region that an ARN names, whole or in part; `None` where it names none."""
    match = _parts(function_name)
    return match and match["region"]


def plain_name_of(function_name: str) -> str:
    """The name alone, without account, ARN and qualifier; what is no function's name stays as it is."""
    match = _parts(function_name)
    return function_name if match is None else match["name"]


def qualifier_of(function_name: str) -> str | None:
    """The version or alias behind a name or an ARN; `None` where there is none."""
    match = _parts(function_name)
    return match and match["qualifier"]

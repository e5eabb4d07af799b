"""Names that Invoke accepts: function names, ARNs, qualifiers, tenant ids and durable execution names, and their parts.

Owns their patterns. Must not know the use of a name.
Source: the patterns of the Lambda service model (NamespacedFunctionName, Qualifier, TenantId, DurableExecutionName).
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from ..errors import InvalidInputError
from ..types.mistakes import kind_of

__all__ = ["account_of", "check_function_name", "check_pattern", "other_region", "plain_name_of", "qualifier_of", "region_of"]

_REGION = r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d"
_FUNCTION = re.compile(
    rf"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?P<region>{_REGION}):)?(?:(?P<account>\d{{12}}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)
_LONGEST_FUNCTION_NAME = 256

_PATTERNS = {
    "qualifier": (r"\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9$_-]+", 128, "letters, digits, $, - and _"),
    # HTTP strips spaces around a header value, and the call would go to another tenant.
    "tenant_id": (
        r"[a-zA-Z0-9._:/=+\-@](?:[a-zA-Z0-9._:/=+\-@ ]*[a-zA-Z0-9._:/=+\-@])?",
        256,
        "letters, digits, ._:/=+-@, and spaces between them",
    ),
    "durable_execution_name": (r"[a-zA-Z0-9_-]+", 64, "letters, digits, - and _"),
}


@lru_cache(maxsize=1024)
def _parts(name: str) -> "re.Match[str] | None":
    """The parts of a function name. Cached, because calls repeat the same few."""
    return _FUNCTION.fullmatch(name)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else f"{value[:77]}...")


def check_function_name(name: object) -> None:
    """`InvalidInputError` unless it is a name, `name:qualifier`, a partial ARN or an ARN.

    `.` and `..` are refused, too: as a segment of a path they would address another resource.
    """
    if not isinstance(name, str):
        kind, remedy = kind_of(name), ""
        if isinstance(name, Mapping):
            remedy = ": write client.send(InvokeCommand.from_api(members)), or client.invoke(name, payload)"
        elif hasattr(name, "operation"):
            remedy = ": send a command with client.send(command)"
        raise InvalidInputError(f"function_name must be a string; got {kind}{remedy}", member="function_name")
    if len(name) > _LONGEST_FUNCTION_NAME:
        raise InvalidInputError(
            f"function_name has {len(name)} characters; at most {_LONGEST_FUNCTION_NAME} are allowed",
            member="function_name",
            limit=_LONGEST_FUNCTION_NAME,
        )
    match = _parts(name)
    if match is None or match["name"] in (".", ".."):
        raise InvalidInputError(
            f"function_name {_shown(name)} is not a function name, name:qualifier, partial ARN or ARN "
            "(letters, digits, -, _ and .)",
            member="function_name",
        )


def check_pattern(member: str, value: object) -> None:
    """`InvalidInputError` unless the value matches the model's pattern of this member. The text never shows a tenant id."""
    pattern, longest, allowed = _PATTERNS[member]
    if not isinstance(value, str):
        raise InvalidInputError(f"{member} must be a string; got {type(value).__name__}", member=member)
    if not 1 <= len(value) <= longest:
        raise InvalidInputError(
            f"{member} has {len(value)} characters; 1 to {longest} are allowed", member=member, limit=longest
        )
    if re.fullmatch(pattern, value) is None:
        shown = "" if member == "tenant_id" else f" {_shown(value)}"
        raise InvalidInputError(f"{member}{shown} may contain only {allowed}", member=member)


def other_region(arn_region: str, region: str) -> InvalidInputError:
    """The error for an ARN in another region than the client's."""
    return InvalidInputError(
        f"function_name is an ARN in {arn_region}, and the client's region is {region}; "
        "LambdaClient(use_arn_region=True) sends such a call to the region of the ARN",
        member="function_name",
    )


def account_of(function_name: str) -> str | None:
    """The account in an ARN or partial ARN; `None` if it has none."""
    match = _parts(function_name)
    return match and match["account"]


def region_of(function_name: str) -> str | None:
    """The region in an ARN or partial ARN; `None` if it has none."""
    match = _parts(function_name)
    return match and match["region"]


def plain_name_of(function_name: str) -> str:
    """The bare name, without ARN, account and qualifier. A text that is not a function name stays as it is."""
    match = _parts(function_name)
    return function_name if match is None else match["name"]


def qualifier_of(function_name: str) -> str | None:
    """The version or alias at the end of a name or an ARN; `None` if there is none."""
    match = _parts(function_name)
    return match and match["qualifier"]

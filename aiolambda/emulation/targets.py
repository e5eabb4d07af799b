"""The function that a request names: a name, an ARN or a part of one, with or without a qualifier.

Owns the rules of such names and the errors for wrong ones. Must not know which functions exist.
Source: the patterns of the Lambda service model.
"""

from functools import lru_cache
from urllib.parse import parse_qs

import attrs

from ..errors import InvalidInputError
from ..protocol import names
from . import api_errors

__all__ = ["Target", "parse_target"]

_ARN = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
_PATTERNS = {
    "functionName": (256, _ARN + r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"),
    "qualifier": (128, r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"),
}
"""The lengths and the patterns of the service model, as its errors show them."""


@attrs.frozen(kw_only=True)
class Target:
    """The function that a request names; `qualifier` is `None` if it names neither version nor alias."""

    name: str
    qualifier: str | None = None
    region: str | None = None
    account: str | None = None


@lru_cache(maxsize=1024)  # calls repeat the same few
def parse_target(function_name: str, query: str) -> Target:
    """Parse the function name of the path and `Qualifier` of the query. Both may name a version if it is the same."""
    requested = parse_qs(query).get("Qualifier", [None])[0]
    try:
        names.check_function_name(function_name)
    except InvalidInputError:
        raise _no_match("functionName", function_name) from None
    if requested is not None:
        try:
            names.check_pattern("qualifier", requested)
        except InvalidInputError:
            raise _no_match("qualifier", requested) from None
    derived = names.qualifier_of(function_name)
    if requested is not None and derived is not None and requested != derived:
        raise api_errors.conflicting_qualifiers()
    return Target(
        name=names.plain_name_of(function_name),
        qualifier=derived or requested,
        region=names.region_of(function_name),
        account=names.account_of(function_name),
    )


def _no_match(member: str, value: str) -> api_errors.ApiError:
    longest, pattern = _PATTERNS[member]
    is_long = len(value) > longest
    limit = f"have length less than or equal to {longest}" if is_long else f"satisfy regular expression pattern: {pattern}"
    return api_errors.invalid_value(member, f"Member must {limit}", value=value)

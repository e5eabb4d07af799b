"""The ARN of a durable execution, and its parts.

Owns its pattern. Must not know what is asked about an execution.
Source: the pattern DurableExecutionArn of the Lambda service model.
"""

import re
from typing import NamedTuple

from ..errors import InvalidInputError
from ..types.mistakes import kind_of

__all__ = ["PATTERN", "DurableArn", "durable_arn_of", "other_region", "region_of"]

_LONGEST = 1024
PATTERN = re.compile(
    r"arn:(?P<partition>[a-zA-Z0-9-]+):lambda:(?P<region>[a-zA-Z0-9-]+):(?P<account>\d{12}):function:"
    r"(?P<function_name>[a-zA-Z0-9_-]+):(?P<version>\$LATEST(?:\.PUBLISHED)?|[0-9]+)"
    r"/durable-execution/(?P<name>[a-zA-Z0-9_-]+)/(?P<execution_id>[a-zA-Z0-9_-]+)",
    re.ASCII,
)
_FORM = "arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION/durable-execution/NAME/ID"


class DurableArn(NamedTuple):
    """The parts of an ARN. `version` is the version of the function, `name` that of the execution."""

    partition: str
    region: str
    account: str
    function_name: str
    version: str
    name: str
    execution_id: str


def durable_arn_of(arn: object) -> DurableArn:
    """The parts of an ARN. `InvalidInputError` if it is not that of a durable execution."""
    if not isinstance(arn, str):
        raise InvalidInputError(f"durable_execution_arn must be a string; got {kind_of(arn)}", member="durable_execution_arn")
    match = _match(arn)
    if match is None:
        shown = repr(arn if len(arn) <= 200 else f"{arn[:197]}...")
        raise InvalidInputError(
            f"durable_execution_arn {shown} is not the ARN of a durable execution, {_FORM}", member="durable_execution_arn"
        )
    return DurableArn(**match.groupdict())


def region_of(arn: object) -> str | None:
    """The region of an ARN; `None` if it is not that of a durable execution."""
    match = _match(arn) if isinstance(arn, str) else None
    return match and match["region"]


def _match(arn: str) -> "re.Match[str] | None":
    return PATTERN.fullmatch(arn) if len(arn) <= _LONGEST else None


def other_region(arn_region: str, region: str) -> InvalidInputError:
    """The error for the ARN of an execution in another region than the client's."""
    return InvalidInputError(
        f"durable_execution_arn is in {arn_region}, and the client's region is {region}; LambdaClient(use_arn_region=True) "
        "sends such a request to the region of the ARN",
        member="durable_execution_arn",
    )

"""Error answers of the service: their code, and the exception of each.

Owns the spellings of code and message in headers and body. Must not know the consequences of a code.
Source: the restJson1 protocol of Smithy ("Operation error serialization"), and answers of front ends that do not follow it.
"""

import contextlib
import datetime as dt
import email.utils
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors import LambdaServiceException
from ..types.http import ParsedError, Response
from ..types.values import Delivery, Metadata, ThrottleReason
from .json_body import object_of, text_in, writable

__all__ = ["code_of", "date_of", "exception_of", "members_of", "plain_code", "retry_after_of", "retry_hint_of"]

_KEPT_BODY = 64 * 1024
_LONGEST_CODE = 200
_COUNT = r"[0-9]{1,15}(\.[0-9]{0,15})?"
_PAGE = rb"\s*<(?:!doctype\s+html|html)\b"
_XML = {"code": rb"<Code>([^<]{1,200})</Code>", "message": rb"<Message>([^<]{0,2000})</Message>"}


def code_of(response: Response, members: Mapping[str, object]) -> str | None:
    """The error's code without namespace and address (`aws#Name:http://...`), or `None` if the answer names none.

    `members` are those of the body, from `members_of`.
    """
    spellings = (response.headers.get("x-amzn-errortype"), *(text_in(members, name) for name in ("__type", "code", "Code")))
    return next(filter(None, map(plain_code, spellings)), None)


def plain_code(spelled: str | None) -> str | None:
    """The bare code of one spelling, or of the first in a list: a front end joins headers that it finds twice."""
    codes = (part.split(":", 1)[0].rsplit("#", 1)[-1].strip() for part in (spelled or "").split(","))
    code = next(filter(None, codes), None)
    return code and writable(code[:_LONGEST_CODE])


def exception_of(
    response: Response,
    parsed: ParsedError,
    *,
    delivery: Delivery,
    metadata: Metadata,
    function_name: str | None,
    now: dt.datetime,
) -> LambdaServiceException:
    """The exception of an error answer, for any body: JSON, XML, HTML, nothing, or 5 MB of anything."""
    from ..errors.service import EXCEPTIONS, EC2UnexpectedException, TooManyRequestsException  # noqa: PLC0415 - sixty classes, and most calls need none

    code, members = parsed.code, parsed.members
    kind = EXCEPTIONS.get(code or "") or EXCEPTIONS.get(f"{code}Exception", LambdaServiceException)
    messages = (text_in(members, name) for name in ("message", "Message", "errorMessage"))
    error = kind(
        _without_request(next(filter(None, messages), "")) or writable(_missing_message(response)),
        code=code or f"HTTP{response.status}",
        metadata=metadata,
        function_name=function_name,
        type=text_in(members, "Type"),
        body=response.body[:_KEPT_BODY],
        delivery=delivery,
    )
    error.retry_after = retry_after_of(response, now)
    if isinstance(error, TooManyRequestsException):
        with contextlib.suppress(ValueError):
            error.reason = ThrottleReason(str(members.get("Reason")))
    if isinstance(error, EC2UnexpectedException):
        error.ec2_error_code = text_in(members, "EC2ErrorCode")
    return error


def _without_request(message: str) -> str:
    """A message without the request that AWS may quote in it: query and session token are among its lines."""
    return message.partition("The Canonical String for this request")[0].rstrip()


def retry_after_of(response: Response, now: dt.datetime) -> float | None:
    """The seconds of `Retry-After`. A date is compared with the answer's own `Date`, or with `now` if it has none."""
    text = response.headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    until = _date(text)
    return None if until is None else max(0.0, (until - (date_of(response) or now)).total_seconds())


def retry_hint_of(response: Response) -> float | None:
    """The seconds of `x-amz-retry-after`, a number of milliseconds."""
    milliseconds = _number(response.headers.get("x-amz-retry-after", "").strip())
    return None if milliseconds is None else milliseconds / 1000


def date_of(response: Response) -> dt.datetime | None:
    """When the answer was made, by the clock of the server."""
    return _date(response.headers.get("date", ""))


def _number(text: str) -> float | None:
    """A number of 0 or more, as written in a header."""
    return float(text) if re.fullmatch(_COUNT, text) else None


def _date(text: str) -> dt.datetime | None:
    """A date of HTTP, in any of its three forms (RFC 9110, 5.6.7)."""
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=dt.UTC)


def members_of(response: Response) -> Mapping[str, object]:
    """The members of an error's body, JSON or XML; none if it is anything else."""
    if len(response.body) > _KEPT_BODY:
        return {}
    if response.body.lstrip().startswith(b"<"):
        if _is_page(response):
            return {}
        found = {member: re.search(pattern, response.body) for member, pattern in _XML.items()}
        return {member: _xml_text(match[1]) for member, match in found.items() if match is not None}
    return object_of(response.body)


def _is_page(response: Response) -> bool:
    """Whether the body is an HTML page. Its content type is no evidence: some servers call everything `text/html`."""
    return re.match(_PAGE, response.body, re.IGNORECASE) is not None


def _xml_text(text: bytes) -> str:
    import html  # noqa: PLC0415 - only a proxy answers in XML: Lambda answers in JSON

    return html.unescape(text.decode(errors="replace"))


def _missing_message(response: Response) -> str:
    """The message for an answer that has none."""
    size, status = len(response.body), response.status
    if 300 <= status < 400:
        return f"the endpoint answered HTTP {status}{_direction(response)}; Lambda does not redirect: check endpoint_url"
    if not size:
        return f"the endpoint answered HTTP {status} without a body"
    kind = response.headers.get("content-type", "unknown content type")
    said = f"the endpoint answered HTTP {status} with {size} bytes of {kind[:100]} that hold no error message"
    return f"{said}; a proxy or a load balancer on the way may have sent this page" if _is_page(response) else said


def _direction(response: Response) -> str:
    """The host that a redirect points to. The rest of the URL is not shown: it may hold a secret."""
    try:
        host = urlsplit(response.headers.get("location", "")).hostname
    except ValueError:
        return ""
    return f", which points to {host[:100]}" if host else ""

"""An error answer of the service becomes an exception.

Owns the spellings of the code and the message in headers and body. Must not know what follows from a code.
Source: the restJson1 protocol of Smithy ("Operation error serialization"), and what front ends send beside it.
"""

import datetime as dt
import email.utils
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors import LambdaServiceException
from ..types.http import Response
from ..types.values import Delivery, Metadata, ThrottleReason
from .json_body import object_of, text_in, writable

__all__ = ["code_of", "date_of", "exception_of", "retry_after_of", "retry_hint_of"]

_KEPT_BODY = 64 * 1024
_LONGEST_CODE = 200
_COUNT = r"[0-9]{1,15}(\.[0-9]{0,15})?"
_PAGE = rb"\s*<(?:!doctype\s+html|html)\b"
_XML = {"code": rb"<Code>([^<]{1,200})</Code>", "message": rb"<Message>([^<]{0,2000})</Message>"}


def code_of(response: Response) -> str | None:
    """The error's code without namespace and address (`aws#Name:http://...`), or `None` where the answer names none."""
    content = _content(response)
    spellings = (response.headers.get("x-amzn-errortype"), *(text_in(content, name) for name in ("__type", "code", "Code")))
    return next(filter(None, map(_plain_code, spellings)), None)


def _plain_code(spelled: str | None) -> str | None:
    """The code of a spelling, the first of a list: a front end joins headers that it finds twice."""
    codes = (part.split(":", 1)[0].rsplit("#", 1)[-1].strip() for part in (spelled or "").split(","))
    code = next(filter(None, codes), None)
    return code and writable(code[:_LONGEST_CODE])


def exception_of(
    response: Response, *, code: str | None, delivery: Delivery, metadata: Metadata, function_name: str, now: dt.datetime
) -> LambdaServiceException:
    """The exception of an error answer, whatever its body is: JSON, XML, HTML, nothing, or 5 MB of anything."""
    from ..errors.service import EXCEPTIONS, EC2UnexpectedException, TooManyRequestsException  # noqa: PLC0415 - sixty classes, of which most calls need none

    content = _content(response)
    kind = EXCEPTIONS.get(code or "") or EXCEPTIONS.get(f"{code}Exception", LambdaServiceException)
    messages = (text_in(content, name) for name in ("message", "Message", "errorMessage"))
    error = kind(
        next(filter(None, messages), None) or writable(_without_message(response)),
        code=code or f"HTTP{response.status}",
        metadata=metadata,
        function_name=function_name,
        type=text_in(content, "Type"),
        body=response.body[:_KEPT_BODY],
        delivery=delivery,
    )
    error.retry_after = retry_after_of(response, now)
    if isinstance(error, TooManyRequestsException):
        error.reason = _reason(content)
    if isinstance(error, EC2UnexpectedException):
        error.ec2_error_code = text_in(content, "EC2ErrorCode")
    return error


def retry_after_of(response: Response, now: dt.datetime) -> float | None:
    """The seconds of `Retry-After`: given as such, or as a date, which is compared with the answer's own where it has one."""
    text = response.headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    until = _date(text)
    return None if until is None else max(0.0, (until - (date_of(response) or now)).total_seconds())


def retry_hint_of(response: Response) -> float | None:
    """The seconds of `x-amz-retry-after`, which is in milliseconds."""
    milliseconds = _number(response.headers.get("x-amz-retry-after", "").strip())
    return None if milliseconds is None else milliseconds / 1000


def date_of(response: Response) -> dt.datetime | None:
    """When the answer was made, by the clock of the server."""
    return _date(response.headers.get("date", ""))


def _number(text: str) -> float | None:
    """A number of 0 or more, as a header spells it."""
    return float(text) if re.fullmatch(_COUNT, text) else None


def _date(text: str) -> dt.datetime | None:
    """A date of HTTP, in any of its three forms (RFC 9110, 5.6.7)."""
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=dt.UTC)


def _content(response: Response) -> Mapping[str, object]:
    if len(response.body) > _KEPT_BODY:
        return {}
    if response.body.lstrip().startswith(b"<"):
        if _is_page(response):
            return {}
        found = {member: re.search(pattern, response.body) for member, pattern in _XML.items()}
        return {member: _xml_text(match[1]) for member, match in found.items() if match is not None}
    return object_of(response.body)


def _is_page(response: Response) -> bool:
    """Whether the body is a page, whatever it is said to be: some servers call everything `text/html`."""
    return re.match(_PAGE, response.body, re.IGNORECASE) is not None


def _xml_text(text: bytes) -> str:
    import html  # noqa: PLC0415 - Lambda speaks JSON; a proxy may not

    return html.unescape(text.decode(errors="replace"))


def _reason(content: Mapping[str, object]) -> ThrottleReason | None:
    try:
        return ThrottleReason(str(content.get("Reason")))
    except ValueError:
        return None


def _without_message(response: Response) -> str:
    size, status = len(response.body), response.status
    if 300 <= status < 400:
        return f"the endpoint answered HTTP {status}{_direction(response)}; Lambda does not redirect: check endpoint_url"
    if not size:
        return f"the endpoint answered HTTP {status} without a body"
    kind = response.headers.get("content-type", "unknown content type")
    said = f"the endpoint answered HTTP {status} with {size} bytes of {kind[:100]} that hold no error message"
    return f"{said}; a proxy or a load balancer on the way may have sent this page" if _is_page(response) else said


def _direction(response: Response) -> str:
    """The host that an answer points to; the rest of the URL may hold a secret."""
    try:
        host = urlsplit(response.headers.get("location", "")).hostname
    except ValueError:
        return ""
    return f", which points to {host[:100]}" if host else ""

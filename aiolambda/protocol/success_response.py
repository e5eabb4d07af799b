"""Success responses: checks that a 2xx answer comes from Lambda, by its status, content type and headers.

Laws: an HTML page is never an answer, at any endpoint. An answer that is not Lambda's says nothing about the function.

Owns these rules. Must not know their consequences: whether the function may have run, or the error to raise.
Source: the API reference of Invoke and InvokeWithResponseStream. AWS's Runtime Interface Emulator answers 200 to everything.
"""

from ..types.http import Request, Response, fields_of
from .endpoints import is_aws_url

__all__ = ["EVENT_STREAM", "problem_of", "problem_of_operation"]

EVENT_STREAM = "application/vnd.amazon.eventstream"
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
"""The media types of pages for people."""

_STATUSES = {"RequestResponse": 200, "Event": 202, "DryRun": 204}
_OF_OPERATIONS = frozenset({200, 201, 202, 204})
_BUFFERED = frozenset({"application/json", "application/octet-stream", None})
_STREAMED = frozenset({EVENT_STREAM, None})
"""Content types that are right at first sight."""
_BY_A_PROXY = "a proxy on the way may have sent it"


def problem_of(response: Response, request: Request, kind: str, *, streamed: bool) -> str | None:
    """The reason why a 2xx is not Lambda's answer to an invocation of this type; `None` if it is.

    A host outside AWS may answer an `Event` and a `DryRun` with 200, and any invocation without `x-amzn-requestid`.
    """
    status, fields = response.status, fields_of(response)
    content_type = fields.get("content-type")
    if content_type not in (_STREAMED if streamed else _BUFFERED):
        problem = _problem_of_type(content_type, status, streamed=streamed)
        if problem is not None:
            return problem
    expected = _STATUSES.get(kind, status)
    if status != expected and (status != 200 or is_aws_url(request.url)):
        return f"it is HTTP {status}, and Lambda answers with {expected} ({kind})"
    if "content-encoding" in fields:
        problem = _problem_of_encoding(fields["content-encoding"], request)
        if problem is not None:
            return problem
    if "x-amzn-requestid" not in fields and is_aws_url(request.url):
        return f"it has no x-amzn-requestid, which every answer of AWS has; {_BY_A_PROXY}"
    return None


def problem_of_operation(response: Response, request: Request) -> str | None:
    """The same for an operation that runs no function.

    The content type is no evidence: moto's server calls JSON `text/html`. Reading the body shows whether it is a page.
    """
    fields = response.fields
    if response.status not in _OF_OPERATIONS:
        return f"it is HTTP {response.status}, which no operation answers with"
    problem = _problem_of_encoding(fields["content-encoding"], request) if "content-encoding" in fields else None
    if problem is None and "x-amzn-requestid" not in fields and is_aws_url(request.url):
        return f"it has no x-amzn-requestid, which every answer of AWS has; {_BY_A_PROXY}"
    return problem


def _problem_of_type(content_type: str | None, status: int, *, streamed: bool) -> str | None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind in _PAGES:
        return f"it is HTTP {status} with a page ({kind}); {_BY_A_PROXY}"
    if streamed and status == 200 and kind not in ("", EVENT_STREAM):
        return f"it is HTTP {status} with {kind[:100]!r} in place of an event stream"
    if not streamed and kind == EVENT_STREAM:
        return f"it is HTTP {status} with an event stream in place of a payload"
    return None


def _problem_of_encoding(encoding: str, request: Request) -> str | None:
    """The problem with a content coding that the request did not ask for. The caller decodes one that it asked for."""
    if encoding.strip().lower() in ("", "identity") or "accept-encoding" in request.headers:
        return None
    return f"its body is encoded ({encoding[:100]!r}), although the request did not ask for that; {_BY_A_PROXY}"

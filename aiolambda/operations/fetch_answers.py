"""The answers to a fetch: whose they are, their verdict, and what to say of an error.

Laws: an answer of AWS has a request id. It is the function's, whatever its status, unless a header of the platform says that
the platform failed. Without both, somebody between client and function answered, which says nothing about the function.

Owns these rules. Must not know how an answer arrived, or what the client does about it.
Source: "Invoking Lambda function URLs" and "HTTP in web functions" of the developer guide.
"""

import re
from typing import Literal

from ..errors import ConnectionLostError, LambdaServiceException
from ..policy import delivery
from ..protocol import error_response, sigv4
from ..protocol.function_urls import HostKind
from ..protocol.urls import path_and_query
from ..types.http import ParsedError, Request, Response, fields_of
from ..types.values import Delivery

__all__ = ["Origin", "explain", "has_request_id", "origin_of", "parsed_error", "verdict_of"]

Origin = Literal["function", "platform", "between"]
"""Who has made an answer."""

_REQUEST_IDS = ("x-amzn-requestid", "lambda-web-request-id")
_WITNESSES = ("x-amzn-errortype", "lambda-web-error-type")
"""The headers with which a function URL, and a web function's endpoint, say that the platform failed."""
_SHOWN = frozenset({"amz-sdk-request", "content-length", "content-type", "host", "x-amz-content-sha256", "x-amz-date"})
"""Header fields whose values a canonical request may show."""

_URL_ACTIONS = (
    "allow both lambda:InvokeFunctionUrl and lambda:InvokeFunction for the caller, which a function URL needs since October "
    "2025 (aws lambda add-permission, or the policy of the identity)"
)
_WEB_ACTION = "allow lambda:InvokeWebFunctionEndpoint for the caller"


def origin_of(response: Response, *, is_aws: bool) -> Origin:
    """Who has made an answer. A host outside AWS makes all of its answers itself."""
    if not is_aws:
        return "function"
    fields = fields_of(response)
    if response.status >= 400 and (_WITNESSES[0] in fields or _WITNESSES[1] in fields):
        return "platform"
    return "function" if _REQUEST_IDS[0] in fields or _REQUEST_IDS[1] in fields else "between"


def has_request_id(response: Response) -> bool:
    """Whether AWS has answered. Without an error, the function has run."""
    fields = fields_of(response)
    return _REQUEST_IDS[0] in fields or _REQUEST_IDS[1] in fields


def verdict_of(response: Response, *, is_aws: bool) -> Delivery:
    """The verdict on an answer. `ConnectionLostError` for a success of somebody between."""
    origin = origin_of(response, is_aws=is_aws)
    if origin == "function":
        return Delivery.EXECUTED
    if origin == "between" and response.status < 400:
        raise ConnectionLostError(
            f"the answer is not the function's: it is HTTP {response.status} without a request id of AWS, which every answer "
            "of a function has; a proxy on the way may have sent it. Check url and the proxy settings"
        )
    return parsed_error(response, is_aws=is_aws).delivery


def parsed_error(response: Response, *, is_aws: bool) -> ParsedError:
    """Code, members and verdict of an answer that is not the function's, parsed once."""
    fields = fields_of(response)
    witness = fields.get(_WITNESSES[0]) or fields.get(_WITNESSES[1])
    source = (response.status, witness, response.body, is_aws)
    parsed = response.parsed_error
    if parsed is None or parsed.source != source:
        if witness is None:  # its body may be anything: the error shows none of it
            parsed = ParsedError(None, {}, Delivery.UNKNOWN, source)
        else:
            members = error_response.members_of(response)
            code = error_response.plain_code(witness) or error_response.code_of(response, members)
            parsed = ParsedError(code, members, delivery.verdict_of_url_error(response.status, code), source)
        response.parsed_error = parsed
    return parsed


def explain(error: LambdaServiceException, request: Request, *, kind: HostKind | None, details: bool) -> None:
    """Add to the text of an error which of its causes it has, and what to do."""
    fields = request.headers.fields
    is_signed = "authorization" in fields
    if error.status_code == 403 and error.delivery is Delivery.REFUSED:
        _add_to(error, _remedy_of_403(error, kind, is_signed=is_signed))
    elif not any(name in error.metadata.headers for name in (*_WITNESSES, *_REQUEST_IDS)):
        _add_to(error, "it has no request id of AWS, so it is not Lambda's")
    elif error.status_code == 502 and kind != "web":
        _add_to(error, "the function failed or timed out, or its result is not an HTTP response: see its logs")
    if details and is_signed and _is_of_signature(error):
        error.add_note(f"The canonical request, without secrets:\n{shown_canonical_request(request)}")


def _add_to(error: LambdaServiceException, text: str) -> None:
    error.args = (f"{str(error.args[0]).rstrip('.')}; {text}",)


def _is_of_signature(error: LambdaServiceException) -> bool:
    return "signature" in error.code.lower() or "signature" in error.message.lower()


def _remedy_of_403(error: LambdaServiceException, kind: HostKind | None, *, is_signed: bool) -> str:
    code, message = error.code.lower(), error.message.lower()
    if not is_signed:
        return f"permission: the request was not signed, which AuthType AWS_IAM asks for (sign='auto'); {_actions(kind)}"
    if "signature" in code or "signature" in message:
        if any(word in message for word in ("expired", "not yet current", "clock", "skew")):
            return "clock: set the clock of this machine"
        return (
            "signature: the secret key is not that of the access key, or something on the way changed the method, the path, "
            "the query or a signed header"
        )
    if "expired" in code or "token" in code or "unrecognizedclient" in code or "security token" in message:
        return "token: the credentials are unknown, or have expired. Get new ones, with their session token"
    return f"permission: {_actions(kind)}"


def _actions(kind: HostKind | None) -> str:
    return _WEB_ACTION if kind == "web" else _URL_ACTIONS


def shown_canonical_request(request: Request) -> str:
    """The canonical request of a signed request. Values that may be secret are replaced by their length, or by x."""
    fields = request.headers.fields
    signed = re.search(r"SignedHeaders=([^,]*)", fields.get("authorization", ""))
    names = [name for name in (signed[1].split(";") if signed else []) if name in fields]
    shown = {name: fields[name] if name in _SHOWN else f"<{len(fields[name])} characters>" for name in names}
    path, query = path_and_query(request.url)
    masked = re.sub(r"(?<==)[^&]*", lambda value: re.sub(r"%[0-9A-Fa-f]{2}|[A-Za-z0-9]", _masked, value[0]), query)
    body_hash = fields.get(sigv4.PAYLOAD_HASH, "")
    return sigv4.canonical_request(request.method, sigv4.canonical_path(path), masked, shown, names, body_hash)


def _masked(found: "re.Match[str]") -> str:
    return found[0] if len(found[0]) == 3 else "x"

"""The answers to a request at a function URL that the function does not give: refusals, and failures of the function.

Only these have the header `x-amzn-errortype`. Must not know requests or callers.
Source: "Security and auth model for Lambda function URLs" of the developer guide; recorded answers.
"""

import json

from .api_errors import ApiError
from .function_url import UrlResponse

__all__ = ["answer_of", "failed", "forbidden"]

_HELP = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
_JSON = ("content-type", "application/json")
_ERROR_TYPE = "x-amzn-errortype"


def answer_of(error: ApiError) -> UrlResponse:
    """An error of the API, which a function URL answers with the same status, code and text."""
    headers = tuple((name.lower(), value) for name, value in error.headers.items())
    return UrlResponse(status_code=error.status, headers=(_JSON, (_ERROR_TYPE, error.code), *headers), body=error.body)


def failed() -> UrlResponse:
    """The function failed, timed out, or its result is not an HTTP response. The caller does not learn which."""
    headers = (_JSON, (_ERROR_TYPE, "InternalServerErrorException"))
    return UrlResponse(status_code=502, headers=headers, body=b"Internal Server Error")


def forbidden() -> UrlResponse:
    """The request is not signed, or its caller may not call the URL."""
    message = f"Forbidden. For troubleshooting Function URL authorization issues, see: {_HELP}"
    body = json.dumps({"Message": message}).encode()
    return UrlResponse(status_code=403, headers=(_JSON, (_ERROR_TYPE, "AccessDeniedException")), body=body)

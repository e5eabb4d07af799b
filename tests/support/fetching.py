"""Answers of function URLs, and a client that resolves their hosts to a server of the test."""

from typing import Any

from aiolambda import Credentials, LambdaClient

from .servers import RawServer, answer

KEYS = Credentials("AKIDEXAMPLE", "secret", "token")
REGION = "eu-west-1"
URL_ID = "x-amzn-requestid: 1-2\r\n"
WEB_ID = "lambda-web-request-id: 3-4\r\n"


def of_function(status: str = "200 OK", headers: str = "", body: bytes = b"{}") -> bytes:
    """An answer of a function."""
    return answer(status, f"{URL_ID}{headers}", body)


def of_platform(status: str, code: str, message: str = "no", headers: str = "") -> bytes:
    """An answer of the platform, for a function URL."""
    body = f'{{"message":"{message}"}}'.encode()
    return answer(status, f"{URL_ID}x-amzn-errortype: {code}\r\nContent-Type: application/json\r\n{headers}", body)


def fetching_client(**settings: Any) -> LambdaClient:
    return LambdaClient(region=REGION, credentials=KEYS, **settings)


def signed(server: RawServer, path: str = "/") -> dict[str, Any]:
    """The arguments of a fetch that is judged as one to a function URL."""
    return {"url": f"{server.url}{path}", "sign": True, "region": REGION}

"""The configuration of a function URL, and the headers of CORS that follow from it."""

from typing import Any

import pytest

from aiolambda import ConfigurationError
from aiolambda.emulation.function_url import UrlRequest
from aiolambda.emulation.url_config import FunctionUrl, UrlCors, cors_headers, preflight_response

PAGE = "http://localhost:5173"
CORS = UrlCors(allow_origins=[PAGE], allow_methods=["GET", "POST"], allow_headers=["x-a"], expose_headers=["x-b"], max_age=60)


def preflight(cors: UrlCors | None, *, method: str = "OPTIONS", origin: str | None = PAGE, wanted: str | None = "GET") -> Any:
    headers = [("Origin", origin), ("Access-Control-Request-Method", wanted)]
    sent = [(name, value) for name, value in headers if value is not None]
    response = preflight_response(cors, UrlRequest(method=method, target="/", headers=sent))
    return None if response is None else (response.status_code, dict(response.headers))


def test_preflight_tells_what_is_allowed() -> None:
    assert preflight(CORS) == (
        200,
        {
            "access-control-allow-origin": PAGE,
            "vary": "Origin",
            "access-control-expose-headers": "x-b",
            "access-control-allow-methods": "GET,POST",
            "access-control-allow-headers": "x-a",
            "access-control-max-age": "60",
        },
    )


def test_preflight_of_a_stranger_allows_nothing() -> None:
    assert preflight(CORS, origin="http://evil.example") == (200, {})


def test_other_requests_are_no_preflight() -> None:
    assert preflight(CORS, method="GET") is None
    assert preflight(CORS, origin=None) is None
    assert preflight(CORS, wanted=None) is None
    assert preflight(None) is None


def test_wildcard_allows_each_origin() -> None:
    assert cors_headers(UrlCors(allow_origins=["*"]), PAGE) == [("access-control-allow-origin", "*")]


def test_wildcard_with_credentials_names_the_origin() -> None:
    headers = dict(cors_headers(UrlCors(allow_origins=["*"], allow_credentials=True), PAGE))
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-credentials"] == "true"


def test_request_without_origin_gets_no_headers() -> None:
    assert cors_headers(CORS, None) == []
    assert cors_headers(None, PAGE) == []


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: FunctionUrl(auth_type="IAM"), "auth_type must be 'AWS_IAM' or 'NONE'"),
        (lambda: FunctionUrl(invoke_mode="STREAM"), "invoke_mode must be"),
        (lambda: FunctionUrl(cors={"allow_origins": ["*"]}), "cors must be UrlCors"),
        (lambda: UrlCors(allow_origins="*"), "allow_origins must be a list of strings"),
        (lambda: UrlCors(allow_origins=["a\r\nb"]), "allow_origins must be a list of strings"),
        (lambda: UrlCors(allow_headers=[1]), "allow_headers must be a list of strings"),
        (lambda: UrlCors(allow_methods=["OPTIONS"]), "allow_methods may have GET"),
        (lambda: UrlCors(allow_credentials="yes"), "allow_credentials must be True or False"),
        (lambda: UrlCors(max_age=86_401), "max_age"),
    ],
    ids=range(9),
)
def test_wrong_values_are_explained(build: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        build()

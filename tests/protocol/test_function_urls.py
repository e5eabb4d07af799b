"""Function URLs: their hosts, and signatures that botocore and two verifiers agree with."""

import datetime as dt
import hashlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import Credentials, InvalidInputError
from aiolambda.codecs import JsonCodec
from aiolambda.local.api.authentication import SignedRequest, check_body, check_head
from aiolambda.operations.fetch import FETCH
from aiolambda.operations.fetch_types import FetchCommandInput
from aiolambda.protocol.function_urls import host_at, with_params
from aiolambda.protocol.sigv4 import Signer
from aiolambda.protocol.urls import host_of, path_and_query
from aiolambda.transport.http1 import head_of
from aiolambda.types.http import Request
from aiolambda.types.values import PayloadLimits

from ..support.sigv4_verifier import problem_of

HOST = "https://abcdefg.lambda-url.eu-west-1.on.aws"
NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/with+signs==")

URLS = {
    "plain": "/",
    "no path": "",
    "colon": "/test:123",
    "encoded space": "/a%20b",
    "parentheses": "/a(b)",
    "padding": "/?x=abc%3D%3D",
    "sorted": "/?q=a%20b&a=1",
    "flag": "/?flag",
    "repeated": "/?a=2&a=1&b=0&a=",
    "unicode": "/tee/größe?näme=wörld",
    "encoded unicode": "/%E2%82%AC?e=%F0%9F%8D%B5",
    "emoji": "/🍵?🍵=🍵",
    "double slash": "//a//b/",
    "dot segments": "/a/./b/../c",
    "dots at the end": "/a/..",
    "plus": "/a+b?a+b=c+d",
    "empty values": "/?a=&b=&=c",
    "no query": "/a?",
    "encoded slash": "/a%2Fb?c=%2F",
    "encoded percent": "/a%2525?x=%2525",
    "tilde": "/~a-b_c.d?~=-_.",
    "equals in a value": "/?a=b=c",
    "quotes": "/a'b*c!?d='*!",
    "space": "/a b?c=d e",
    "fragment": "/a?b#c?d",
    "only a query": "?a=b",
}


def request_of(url: str, method: str = "GET", **members: object) -> Request:
    input = FetchCommandInput(url=url, method=method, **members)  # type: ignore[arg-type]
    FETCH.check(input, region=None, limits=PayloadLimits())
    return FETCH.request(input, endpoint="", codec=JsonCodec(), limits=PayloadLimits())


def signed(request: Request, region: str = "eu-west-1") -> tuple[bytes, bytes]:
    """The head and the body of a signed request, as they are sent."""
    path, query = path_and_query(request.url)
    fields = request.headers.fields
    body_hash = hashlib.sha256(request.body).hexdigest()
    fields |= {"host": host_of(request.url), "x-amz-content-sha256": body_hash}
    fields |= Signer(region, "lambda").sign(request.method, path, query, fields, body_hash, KEYS, NOW)
    return head_of(request, f"{path}?{query}" if "?" in request.url else path), request.body


@pytest.mark.parametrize("rest", URLS.values(), ids=URLS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signature_is_that_of_botocore(method: str, rest: str) -> None:
    auth = pytest.importorskip("botocore.auth")
    awsrequest = pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials")
    request = request_of(f"{HOST}{rest}", method, content=b"tea" if method == "POST" else None)
    signed(request)
    fields = request.headers.fields
    theirs = awsrequest.AWSRequest(method=method, url=request.url, data=request.body)
    theirs.headers["x-amz-content-sha256"] = fields["x-amz-content-sha256"]
    theirs.context["timestamp"] = fields["x-amz-date"]
    theirs.headers["X-Amz-Date"] = fields["x-amz-date"]
    theirs.headers["X-Amz-Security-Token"] = fields["x-amz-security-token"]
    signer = auth.SigV4Auth(
        credentials.Credentials(KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token), "lambda", "eu-west-1"
    )
    text = signer.string_to_sign(theirs, signer.canonical_request(theirs))
    assert fields["authorization"].endswith(f"Signature={signer.signature(text, theirs)}")


@pytest.mark.parametrize("rest", URLS.values(), ids=URLS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_both_verifiers_accept_the_signature(method: str, rest: str) -> None:
    body = bytes(range(256)) if method == "PUT" else None
    request = request_of(f"{HOST}{rest}", method, content=body, headers={"Cookie": "c=" + "x" * 200, "x-a": " a   b "})
    head, sent = signed(request)
    assert problem_of(head, sent, secret=KEYS.secret_access_key, region="eu-west-1") is None
    received = SignedRequest(
        method=method, path=path_and_query(request.url)[0], query=path_and_query(request.url)[1], headers=request.headers.fields
    )
    check_head(received, KEYS, "eu-west-1", NOW)
    check_body(received, sent, KEYS)


def test_the_independent_verifier_notices_a_change() -> None:
    head, body = signed(request_of(f"{HOST}/a?b=c", "PUT", content=b"tea"))
    check = {"secret": KEYS.secret_access_key, "region": "eu-west-1"}
    assert problem_of(head, body, **check) is None
    assert problem_of(head, b"toe", **check) == "the body is another"
    for old, new in [(b"PUT", b"GET"), (b"b=c", b"b=d"), (b"/a?", b"/b?"), (b"token/with", b"token/wish")]:
        assert "another" in str(problem_of(head.replace(old, new, 1), body, **check))


@pytest.mark.parametrize("rest", URLS.values(), ids=URLS)
def test_ascii_goes_out_byte_for_byte(rest: str) -> None:
    sent = request_of(f"{HOST}{rest}").url
    if rest.isascii() and " " not in rest:
        assert sent == f"{HOST}{rest}".partition("#")[0]
    assert sent.isascii()
    assert " " not in sent


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_any_path_and_query_is_signed_as_it_is_sent(text: str) -> None:
    try:
        request = request_of(f"{HOST}/{text}")
    except InvalidInputError:
        assert text != text.strip()
        return
    head, body = signed(request)
    target = head.split(b" ")[1].decode()
    assert target == f"/{request.url.removeprefix(HOST).removeprefix('/')}"
    assert urlsplit(request.url).netloc == "abcdefg.lambda-url.eu-west-1.on.aws"
    assert problem_of(head, body, secret=KEYS.secret_access_key, region="eu-west-1") is None


@pytest.mark.parametrize(
    ("url", "kind", "region", "name"),
    [
        (f"{HOST}/x", "url", "eu-west-1", "abcdefg.lambda-url.eu-west-1.on.aws"),
        ("https://ABC.Lambda-URL.us-gov-west-1.ON.AWS.:443", "url", "us-gov-west-1", "abc.lambda-url.us-gov-west-1.on.aws."),
        ("https://a-1.b2.lambda-web.ap-southeast-2.on.aws", "web", "ap-southeast-2", "a-1.b2.lambda-web.ap-southeast-2.on.aws"),
        ("https://abc.lambda-url.eu-west-1.on.aws.evil.com/", None, None, "abc.lambda-url.eu-west-1.on.aws.evil.com"),
        ("https://evil.com/abc.lambda-url.eu-west-1.on.aws", None, None, "evil.com"),
        ("https://evil.com?x=.lambda-url.eu-west-1.on.aws", None, None, "evil.com"),
        ("https://a.b.lambda-url.eu-west-1.on.aws/", None, None, "a.b.lambda-url.eu-west-1.on.aws"),
        ("http://127.0.0.1:9000/_url/orders/", None, None, "127.0.0.1:9000"),
        ("http://[::1]:9000", None, None, "[::1]:9000"),
    ],
)
def test_a_host_tells_kind_and_region(url: str, kind: str | None, region: str | None, name: str) -> None:
    host = host_at(url)
    assert (host.kind, host.region, host.name) == (kind, region, name)


@pytest.mark.parametrize(
    "text", ["user:pw@h", "h:0", "h:x", "[::1", "", "ABC.lambda-url.eu-west-1.on.aws:80", "H%20", "a_b:8443"]
)
@pytest.mark.parametrize("scheme", ["http", "HTTPS", "ftp"])
def test_a_path_changes_nothing_of_the_check(scheme: str, text: str) -> None:
    """The host of a URL that needs no encoding is looked up. An error still shows the path, and no query."""

    def checked(url: str) -> object:
        try:
            return host_at(url)[1:]
        except InvalidInputError as error:
            return str(error).replace("/p", "")

    bare = checked(f"{scheme}://{text}")
    for _ in range(2):
        assert checked(f"{scheme}://{text}/p") == checked(f"{scheme}://{text}/p?q=secret") == bare


@pytest.mark.parametrize(
    ("url", "params", "expected"),
    [
        ("https://h/a", {"b": "c d"}, "https://h/a?b=c%20d"),
        ("https://h/a?x=%3d", {"b": ["1", 2], "ü": "+&="}, "https://h/a?x=%3d&b=1&b=2&%C3%BC=%2B%26%3D"),
        ("https://h/a?", [("b", 1.5), ("b", True), ("c", None)], "https://h/a?b=1.5&b=true&c="),
        ("https://h/a?x&", {"b": ""}, "https://h/a?x&b="),
        ("https://h/a#f", {"b": "/"}, "https://h/a?b=%2F#f"),
        ("https://h/a", {}, "https://h/a"),
        ("https://h/a", {"b": []}, "https://h/a"),
        ("https://h", {"b": "c"}, "https://h?b=c"),
    ],
)
def test_params_are_added_behind_the_query(url: str, params: object, expected: str) -> None:
    assert with_params(url, params) == expected

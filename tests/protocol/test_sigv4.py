"""Signature Version 4 against the cases that other SDKs share, against botocore's signer, and against its own verifier."""

import datetime as dt
import string
from itertools import groupby
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import Credentials
from aiolambda.local.api.authentication import parse_authorization
from aiolambda.protocol import sigv4, urls
from aiolambda.protocol.request_template import RequestTemplate, TemplateHeaders
from aiolambda.types.http import Headers, Request

from ..support import suites

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOON = dt.datetime(2026, 8, 30, 12, 36, tzinfo=dt.UTC)


# The shared suite


def folded_headers(request: dict[str, Any]) -> dict[str, str]:
    """Names in lower case; continuation lines folded to one space, repeated headers joined by commas."""
    fields = [(name.lower(), " ".join(map(str.strip, value.split("\n")))) for name, value in request["headers"]]
    repeated = groupby(sorted(fields, key=lambda field: field[0]), key=lambda field: field[0])
    return {name: ",".join(value for _, value in group) for name, group in repeated}


def disagreements(case: dict[str, Any]) -> list[str]:
    """What of a case comes out otherwise here: the canonical request, the string to sign, the signature, the header."""
    context, request, expected = case["context"], case["request"], case["header"]
    path, _, query = request["target"].partition("?")
    query = quote(query, safe=string.punctuation)
    body_hash = sigv4.payload_hash(request["body"].encode())
    headers = folded_headers(request)
    if context["sign_body"]:
        headers["x-amz-content-sha256"] = body_hash
    token = None if context.get("omit_session_token") else context["credentials"].get("token")
    credentials = Credentials(context["credentials"]["access_key_id"], context["credentials"]["secret_access_key"], token)
    now = dt.datetime.fromisoformat(context["timestamp"])
    spelling = {"normalize": context["normalize"], "double_encode": context.get("double_uri_encode", True)}

    signer = sigv4.Signer(context["region"], context["service"], **spelling)
    signed = signer.sign(request["method"], path, query, headers, body_hash, credentials, now)

    to_sign = headers | {name: value for name, value in signed.items() if name != "authorization"}
    canonical_path = sigv4.canonical_path(path, **spelling)
    canonical = sigv4.canonical_request(request["method"], canonical_path, query, to_sign, to_sign, body_hash)
    timestamp = signed["x-amz-date"]
    scope = f"{timestamp[:8]}/{context['region']}/{context['service']}/aws4_request"
    text = sigv4.string_to_sign(timestamp, scope, canonical)
    key = sigv4.signing_key(credentials.secret_access_key, timestamp[:8], context["region"], context["service"])
    ours = {
        "canonical_request": canonical,
        "string_to_sign": text,
        "signature": sigv4.signature(key, text),
        "authorization": signed["authorization"],
    }
    return [part for part, value in ours.items() if value != expected[part]]


def test_shared_suite_signatures_match() -> None:
    cases = suites.load("sigv4/cases.json")["cases"]
    assert len(cases) == 40
    assert {case["name"]: found for case in cases if (found := disagreements(case))} == {}


# Templates

ADDED = {"x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "authorization"}


def signed_both_ways(
    request: Request, signer: sigv4.Signer, credentials: Credentials, now: dt.datetime, length_at: int = 0
) -> tuple[dict[str, str], dict[str, str]] | None:
    """The fields of a signed request, by its template and in the general way. `None` if its template leaves it to that."""
    length = len(request.body) or None
    headers = TemplateHeaders(RequestTemplate(request, length_at), length, "the-id", "attempt=1")
    body_hash = sigv4.payload_hash(request.body)
    made = Request(request.method, request.url, headers, request.body)
    if not headers.sign(made, signer, credentials, now, body_hash):
        assert "authorization" not in headers
        return None
    head = made.encoded_head
    assert head is not None
    fields = headers.copy().fields
    general = {name: value for name, value in headers.copy().fields.items() if name not in ADDED}
    general["x-amz-content-sha256"] = body_hash
    path, query = urls.path_and_query(request.url)
    general |= signer.sign(request.method, path, query, general, body_hash, credentials, now)
    lines = head.decode().split("\r\n")
    assert lines[0] == f"{request.method} {urls.origin_and_target(request.url)[1]} HTTP/1.1"
    assert lines[-3:] == [f"content-length: {len(request.body)}", "", ""]
    sent = dict(line.split(": ", 1) for line in lines[1:-3])
    assert sent == {name: value for name, value in general.items() if name != "content-length"}
    return fields, general


def test_shared_suite_templates_match() -> None:
    """The suite's requests with the fields of an attempt: the signature by a template is the general one."""
    cases = suites.load("sigv4/cases.json")["cases"]
    compared = 0
    for case in cases:
        context, made = case["context"], case["request"]
        path, _, query = made["target"].partition("?")
        url = f"https://example.amazonaws.com{quote(path, safe=string.punctuation)}?{quote(query, safe=string.punctuation)}"
        fields = {name: value for name, value in folded_headers(made).items() if name not in {*ADDED, "content-length"}}
        request = Request(made["method"], url, Headers(fields), made["body"].encode())
        spelling = {"normalize": context["normalize"], "double_encode": context.get("double_uri_encode", True)}
        signer = sigv4.Signer(context["region"], context["service"], **spelling)
        given = context["credentials"]
        credentials = Credentials(given["access_key_id"], given["secret_access_key"], given.get("token"))
        for length_at in range(len(fields) + 1):
            both = signed_both_ways(request, signer, credentials, dt.datetime.fromisoformat(context["timestamp"]), length_at)
            assert both is None or both[0] == both[1], case["name"]
        compared += both is not None
    assert compared > 30


# botocore's signer


def botocore_authorization(
    method: str, url: str, headers: dict[str, str], body: bytes, credentials: Credentials, now: dt.datetime
) -> str:
    """What `SigV4Auth.add_auth` does, below the line in which it asks the clock."""
    keys = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    auth = SigV4Auth(keys, "lambda", "eu-west-1")
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return str(request.headers["Authorization"])


header_names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=20).filter(
    lambda name: name.lower() not in {*sigv4.NEVER_SIGNED, "host", "date", "x-amz-date", "x-amz-security-token"}
)
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
unicode = st.characters(codec="utf-8")
header_values = st.text(printable, max_size=30) | st.sampled_from(["a  b", " a ", "\ta\tb "])
encoded_texts = st.text(unicode, max_size=10).map(urls.encode_label)
paths = st.lists(encoded_texts | st.sampled_from([".", "..", "", "arn%3Aaws"]), max_size=5).map("/".join)
queries = st.lists(st.tuples(encoded_texts, encoded_texts).map("=".join), max_size=4).map("&".join)
moments = st.datetimes(NOON.replace(2015, tzinfo=None), NOON.replace(2040, tzinfo=None), timezones=st.just(dt.UTC))
key_ids = st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=20)
secrets = st.text(printable, min_size=1, max_size=60)
tokens = st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=60)
keys = st.builds(Credentials, key_ids, secrets, st.none() | tokens)


@given(
    method=st.sampled_from(["POST", "GET"]),
    path=paths,
    query=queries,
    headers=st.dictionaries(header_names, header_values, max_size=5),
    body=st.binary(max_size=60),
    credentials=keys,
    now=moments,
)
def test_botocore_makes_the_same_signature(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, credentials: Credentials, now: dt.datetime
) -> None:
    sent = {name.lower(): value for name, value in headers.items()} | {"host": "lambda.eu-west-1.amazonaws.com"}
    body_hash = sent.get("x-amz-content-sha256", sigv4.payload_hash(body))
    url = f"https://lambda.eu-west-1.amazonaws.com/{path}?{query}"
    ours = sigv4.Signer("eu-west-1", "lambda").sign(method, f"/{path}", query, sent, body_hash, credentials, now)
    assert ours["authorization"] == botocore_authorization(method, url, sent, body, credentials, now)


@given(
    method=st.sampled_from(["POST", "GET"]),
    path=paths,
    query=queries,
    headers=st.dictionaries(header_names, st.text(printable, max_size=30).map(lambda text: " ".join(text.split())), max_size=5),
    body=st.binary(max_size=60),
    credentials=keys,
    now=moments,
)
def test_botocore_makes_the_signature_of_a_template(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, credentials: Credentials, now: dt.datetime
) -> None:
    taken = {*ADDED, "content-length", "amz-sdk-invocation-id", "amz-sdk-request", "transfer-encoding"}
    fields = {name.lower(): value for name, value in headers.items() if name.lower() not in taken}
    url = f"https://lambda.eu-west-1.amazonaws.com/{path}?{query}"
    request = Request(method, url, Headers({"host": "lambda.eu-west-1.amazonaws.com"} | fields), body)
    both = signed_both_ways(request, sigv4.Signer("eu-west-1", "lambda"), credentials, now)
    assert both is not None
    assert both[0] == both[1]
    sent = {name: value for name, value in both[0].items() if name not in {"x-amz-date", "authorization"}}
    assert both[0]["authorization"] == botocore_authorization(method, url, sent, body, credentials, now)


@pytest.mark.parametrize(
    ("changes", "credentials"),
    [
        ({"x-a": "a\nb"}, KEYS),
        ({"x-a": "a\x00"}, KEYS),
        ({"x-a": "\ud800"}, KEYS),
        ({"x-a": "ä"}, KEYS),
        ({"x-a": "a  b"}, KEYS),
        ({"x-a": " a"}, KEYS),
        ({"x a": "a"}, KEYS),
        ({"content-length": "7", "x-amz-date": "today"}, KEYS),
        ({}, Credentials("AKID\n", "secret")),
        ({}, Credentials("AKIDEXAMPLE", "secret", "token\r\nx: y")),
    ],
)
def test_template_leaves_odd_values_to_the_general_way(changes: dict[str, str], credentials: Credentials) -> None:
    request = Request("POST", "https://h/p", Headers.of({"host": "h"} | changes), b"1")
    assert signed_both_ways(request, sigv4.Signer("eu-west-1", "lambda"), credentials, NOON) is None


def test_unsigned_headers_match_botocore_and_js() -> None:
    """Headers that only JS leaves out: proxies add or drop them on the way."""
    only_ours = {"authorization", "cache-control", "from", "max-forwards", "pragma", "referer"}
    assert set(sigv4.NEVER_SIGNED) == {*SIGNED_HEADERS_BLACKLIST, *only_ours}


@pytest.mark.parametrize("name", sorted(sigv4.NEVER_SIGNED))
def test_unsigned_header_changes_no_signature(name: str) -> None:
    headers = {"host": "example.com"}
    plain = signed_by(headers)
    assert signed_by(headers | {name: "value"})["authorization"] == plain["authorization"]
    assert f"{name};" not in plain["authorization"]


# The signer


def signed_by(
    headers: dict[str, str],
    *,
    signer: sigv4.Signer | None = None,
    credentials: Credentials = KEYS,
    now: dt.datetime = NOON,
) -> dict[str, str]:
    signer = signer or sigv4.Signer("eu-west-1", "lambda")
    return signer.sign("POST", "/functions/f", "", headers, sigv4.EMPTY_PAYLOAD_HASH, credentials, now)


def test_session_token_is_added_and_signed() -> None:
    credentials = attrs.evolve(KEYS, session_token="new")
    signed = signed_by({"host": "example.com", "x-amz-security-token": "old"}, credentials=credentials)
    assert signed["x-amz-security-token"] == "new"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token, " in signed["authorization"]
    assert signed["authorization"] == signed_by({"host": "example.com"}, credentials=credentials)["authorization"]


def test_keys_without_a_session_token_sign_none() -> None:
    signed = signed_by({"host": "example.com", "x-amz-security-token": "old"})
    assert sorted(signed) == ["authorization", "x-amz-date"]
    assert "security-token" not in signed["authorization"]


def test_date_is_signed_in_utc() -> None:
    tokyo = NOON.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert signed_by({"host": "h"}, now=tokyo) == signed_by({"host": "h"})
    assert signed_by({"host": "h"})["x-amz-date"] == "20260830T123600Z"


def test_signing_key_is_cached_for_day_and_keys() -> None:
    """A signer that has signed before gives what a fresh one gives, in any order of days and keys."""
    kept = sigv4.Signer("eu-west-1", "lambda")
    others = Credentials("AKIDOTHER", KEYS.secret_access_key), attrs.evolve(KEYS, secret_access_key="other")
    seen = set()
    for credentials in (KEYS, *others, KEYS):
        for now in (NOON, NOON + dt.timedelta(minutes=1), NOON + dt.timedelta(days=1), NOON):
            signed = signed_by({"host": "h"}, signer=kept, credentials=credentials, now=now)
            assert signed == signed_by({"host": "h"}, credentials=credentials, now=now)
            seen.add(signed["authorization"])
    assert len(seen) == 9

    scope = kept._scope_of(KEYS, "20260830")
    assert kept._scope_of(Credentials(KEYS.access_key_id, KEYS.secret_access_key), "20260830") is scope
    assert kept._scope_of(KEYS, "20260831") is not scope


def test_signer_repr_shows_no_secret() -> None:
    signer = sigv4.Signer("eu-west-1", "lambda")
    scope = signer._scope_of(attrs.evolve(KEYS, session_token="TOKEN"), "20260830")
    shown = f"{signer!r} {scope!r} {signer.__dict__!r}"
    assert KEYS.secret_access_key not in shown
    assert "TOKEN" not in shown
    assert repr(scope.key) not in shown


# The verifier


def accepted(headers: dict[str, str], **changes: Any) -> bool:
    """Whether the verifier takes a request for one that the holder of the keys signed."""
    authorization = parse_authorization(changes.pop("authorization", headers["authorization"]))
    if authorization is None:
        return False
    request = {
        "secret_access_key": KEYS.secret_access_key,
        "method": "POST",
        "path": "/2015-03-31/functions/arn%3Aaws/invocations",
        "query": "Qualifier=%24LATEST",
        "headers": headers,
        "body_hash": sigv4.payload_hash(b"{}"),
    }
    return authorization.matches(**(request | changes))


def signed_request(credentials: Credentials = KEYS) -> dict[str, str]:
    headers = {"host": "example.com", "x-amz-tenant-id": "blue", "user-agent": "aiolambda"}
    signer = sigv4.Signer("eu-west-1", "lambda")
    path, query = "/2015-03-31/functions/arn%3Aaws/invocations", "Qualifier=%24LATEST"
    return headers | signer.sign("POST", path, query, headers, sigv4.payload_hash(b"{}"), credentials, NOON)


def test_the_verifier_takes_what_the_signer_signed() -> None:
    assert accepted(signed_request())
    assert accepted(signed_request(attrs.evolve(KEYS, session_token="token")))
    assert accepted(signed_request() | {"user-agent": "changed on the way", "via": "a proxy"})


@pytest.mark.parametrize(
    "change",
    [
        {"secret_access_key": "wrong"},
        {"method": "GET"},
        {"path": "/2015-03-31/functions/arn%3Aaws2/invocations"},
        {"path": "/2015-03-31/functions/arn:aws/invocations"},
        {"query": ""},
        {"query": "Qualifier=1"},
        {"query": "Qualifier=%24LATEST&Qualifier=1"},
        {"body_hash": sigv4.payload_hash(b"{ }")},
    ],
)
def test_verifier_refuses_a_changed_request(change: dict[str, str]) -> None:
    assert not accepted(signed_request(), **change)


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "example.org"), ("x-amz-tenant-id", "red"), ("x-amz-date", "20260830T123601Z")],
)
def test_verifier_refuses_a_changed_signed_header(name: str, value: str) -> None:
    headers = signed_request()
    assert not accepted(headers | {name: value})
    del headers[name]
    assert not accepted(headers)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("20260830", "20260831"),
        ("eu-west-1", "eu-west-2"),
        ("/lambda/", "/s3/"),
        ("host;", ""),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
        ("aws4_request", "aws5_request"),
        ("Signature=", "Signature=0"),
        ("SignedHeaders=", "Signed="),
    ],
)
def test_verifier_refuses_a_changed_authorization(part: str, other: str) -> None:
    headers = signed_request()
    changed = headers["authorization"].replace(part, other)
    assert changed != headers["authorization"]
    assert not accepted(headers, authorization=changed)


def test_verifier_refuses_a_key_of_another_day() -> None:
    """Whoever holds a derived key may sign for its day, and for no other."""
    headers = {"host": "example.com", "x-amz-date": "20260831T000000Z"}
    scope = "20260830/eu-west-1/lambda/aws4_request"
    request = sigv4.canonical_request("POST", "/", "", headers, headers, sigv4.EMPTY_PAYLOAD_HASH)
    key = sigv4.signing_key(KEYS.secret_access_key, "20260830", "eu-west-1", "lambda")
    signature = sigv4.signature(key, sigv4.string_to_sign(headers["x-amz-date"], scope, request))
    authorization = parse_authorization(
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    )
    assert authorization is not None
    assert not authorization.matches(KEYS.secret_access_key, "POST", "/", "", headers, sigv4.EMPTY_PAYLOAD_HASH)


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_verifier_refuses_a_changed_signature(place: int, digit: str) -> None:
    headers = signed_request()
    start, signature = headers["authorization"][:-64], headers["authorization"][-64:]
    changed = signature[:place] + digit + signature[place + 1 :]
    assert accepted(headers, authorization=start + changed) == (changed == signature)


@pytest.mark.parametrize("header", ["", "Basic dXNlcg==", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=A/2/r/s/t"])
def test_other_authorization_is_not_sigv4(header: str) -> None:
    assert parse_authorization(header) is None


def test_authorization_header_is_parsed() -> None:
    parts = parse_authorization(signed_request()["authorization"])
    assert parts is not None
    assert (parts.access_key_id, parts.date, parts.region, parts.service) == ("AKIDEXAMPLE", "20260830", "eu-west-1", "lambda")
    assert parts.signed_headers == ("host", "x-amz-date", "x-amz-tenant-id")
    assert parts.signature not in repr(parts)
    assert parts.signature in signed_request()["authorization"]

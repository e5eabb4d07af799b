"""The credentials of a container: the addresses that may be asked, the token, and the reading of an answer."""

import asyncio
import datetime as dt
import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
import trustme

from aiolambda import (
    ConfigurationError,
    ConnectionLostError,
    Credentials,
    CredentialsProvider,
    LambdaClient,
    LambdaClientConfig,
    Response,
)
from aiolambda.config.credentials.container import ContainerSource
from aiolambda.config.credentials.default_chain import find_credentials, source_of
from aiolambda.transport import fetch

from ..support.servers import always, answer, raw_server
from .test_config import Online, echo, set_all

RELATIVE, FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
ECS = (
    b'{"RoleArn":"arn:aws:iam::123456789012:role/task","AccessKeyId":"ASIAECS","SecretAccessKey":"hunter2",'
    b'"Token":"token","Expiration":"2099-02-13T23:31:30Z"}'
)
"""An answer of the ECS agent, with other keys."""
EKS = (
    b'{"AccessKeyId":"ASIAEKS","SecretAccessKey":"hunter2","Token":"token","AccountId":"123456789012",'
    b'"Expiration":"2099-02-13T23:31:30Z"}'
)
"""An answer of the EKS Pod Identity agent, with other keys."""


@attrs.define(eq=False)
class FakeEndpoint:
    """Gives one of these answers for each request, then the last one again and again. Records the requests."""

    answers: list[Response | Exception]
    asked: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)
    pauses: list[float] = attrs.field(factory=list)

    async def __call__(self, url: str, headers: Mapping[str, str], /, *, tls: object = True) -> Response:
        self.asked.append((url, dict(headers)))
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        return given

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def endpoint(*answers: Response | Exception) -> FakeEndpoint:
    return FakeEndpoint(list(answers) or [Response(200, {}, ECS)])


async def keys_from(environment: dict[str, str], asked: FakeEndpoint) -> Credentials:
    return await ContainerSource(environment, asked, sleep=asked.sleep).fetch(rejected=False, caller_loop=None)


async def test_ecs_task_uses_the_relative_uri() -> None:
    asked = endpoint()
    keys = await keys_from({RELATIVE: "/v2/credentials/id?x=1", FULL: "https://elsewhere"}, asked)
    assert keys == Credentials("ASIAECS", "hunter2", "token", expires_at=dt.datetime(2099, 2, 13, 23, 31, 30, tzinfo=dt.UTC))
    assert asked.asked == [("http://169.254.170.2/v2/credentials/id?x=1", {"accept": "application/json"})]


async def test_eks_token_file_is_read_for_each_request(tmp_path: Path) -> None:
    token, asked = tmp_path / "token", endpoint(Response(200, {}, EKS))
    environment = {FULL: "http://169.254.170.23/v1/credentials", TOKEN_FILE: str(token), TOKEN: "not this"}
    source = ContainerSource(environment, asked)
    for text in ("first", "second"):
        token.write_text(text)
        assert (await source.fetch(rejected=False, caller_loop=None)).access_key_id == "ASIAEKS"
    assert [headers["authorization"] for _, headers in asked.asked] == ["first", "second"]
    assert {url for url, _ in asked.asked} == {"http://169.254.170.23/v1/credentials"}


async def test_token_variable_is_sent_as_authorization() -> None:
    """A Lambda function with SnapStart has these two variables in place of keys."""
    asked = endpoint()
    await keys_from({FULL: "http://127.0.0.1:9001/2021-04-23/credentials", TOKEN: "Basic abcd"}, asked)
    assert asked.asked[0][1]["authorization"] == "Basic abcd"


@pytest.mark.parametrize(
    "url",
    [
        "https://anything.example/keys",
        "https://10.0.0.1/",
        "http://localhost:8080/get-credentials",
        "http://LOCALHOST/",
        "http://127.0.0.1/",
        "http://127.9.8.7:1/",
        "http://[::1]/",
        "http://169.254.170.2/x",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "http://[fd00:0ec2:0:0::23]/v1/credentials",
    ],
)
async def test_allowed_addresses_are_requested(url: str) -> None:
    asked = endpoint()
    await keys_from({FULL: url}, asked)
    assert [url for url, _ in asked.asked] == [url]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.170.3/",
        "http://169.254.169.254/",
        "http://10.0.0.1/",
        "http://example.com/",
        "http://localhost.example.com/",
        "http://[fd00:ec2::24]/",
        "http://0.0.0.0/",
        "http://127.0.0.1@example.com/",
        "http://user:hunter2@127.0.0.1/",
        "http://2130706433/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/\r\nx: y",
        "http://127.0.0.1 /",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "http://",
        "http://[::1",
    ],
)
async def test_other_addresses_are_refused(url: str) -> None:
    asked = endpoint()
    with pytest.raises(ConfigurationError, match=FULL) as raised:
        await keys_from({FULL: url}, asked)
    assert asked.asked == []
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("path", ["v2/x", "@example.com/", ".example.com", "/a b", "/a\r\nb", "/#"])
async def test_a_path_cannot_lead_to_another_host(path: str) -> None:
    with pytest.raises(ConfigurationError, match=RELATIVE):
        await keys_from({RELATIVE: path}, endpoint())


@pytest.mark.parametrize("token", ["a\n", "a\r\nX-Y: z", "\r", "naïve", "a\x00"])
async def test_token_with_a_line_end_is_refused(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(token.encode())
    for environment in ({TOKEN_FILE: str(file)}, {TOKEN: token}):
        with pytest.raises(ConfigurationError, match="line end") as raised:
            await keys_from({RELATIVE: "/x", **environment}, endpoint())
        assert token not in str(raised.value)


async def test_unreadable_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"{tmp_path}/token.*No such file"):
        await keys_from({RELATIVE: "/x", TOKEN_FILE: str(tmp_path / "token")}, endpoint())
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        await keys_from({RELATIVE: "/x", TOKEN_FILE: str(tmp_path / "binary")}, endpoint())


@pytest.mark.parametrize("trouble", [Response(500, {}), Response(503, {}), Response(429, {}), ConnectionLostError("lost")])
async def test_transient_errors_are_tried_three_times(trouble: Response | Exception) -> None:
    asked = endpoint(trouble, trouble, Response(200, {}, ECS))
    assert (await keys_from({RELATIVE: "/x"}, asked)).access_key_id == "ASIAECS"
    assert asked.pauses == [0.1, 0.5]
    asked = endpoint(trouble)
    with pytest.raises(ConfigurationError, match=r"http://169\.254\.170\.2: "):
        await keys_from({RELATIVE: "/secret-path"}, asked)
    assert len(asked.asked) == 3


async def test_permanent_error_is_reported_at_once() -> None:
    asked = endpoint(Response(403, {}, b'{"code": "AccessDenied", "message": "no such role"}'))
    with pytest.raises(ConfigurationError, match=r"it answered 403 \(AccessDenied: no such role\)") as raised:
        await keys_from({RELATIVE: "/secret-path"}, asked)
    assert len(asked.asked) == 1
    assert "secret-path" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"<html>hunter2</html>", "not a JSON object"),
        (b'{"AccessKeyId": "a"}', "no AccessKeyId or no SecretAccessKey"),
        (b'{"AccessKeyId": "", "SecretAccessKey": "hunter2"}', "no AccessKeyId or no SecretAccessKey"),
        (b'{"AccessKeyId": 1, "SecretAccessKey": "hunter2"}', "no AccessKeyId or no SecretAccessKey"),
        (b'{"AccessKeyId": "a", "SecretAccessKey": "hunter2", "Expiration": "soon"}', "returned an invalid Expiration"),
    ],
)
async def test_response_without_keys_is_not_shown(body: bytes, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        await keys_from({RELATIVE: "/x"}, endpoint(Response(200, {}, body)))
    assert "hunter2" not in str(raised.value)


async def test_expiry_and_its_time_zone_are_optional() -> None:
    body = b'{"AccessKeyId": "a", "SecretAccessKey": "b"%s}'
    assert (await keys_from({RELATIVE: "/x"}, endpoint(Response(200, {}, body % b"")))).expires_at is None
    dated = await keys_from({RELATIVE: "/x"}, endpoint(Response(200, {}, body % b', "Expiration": "2099-01-01T00:00:00"')))
    assert dated.expires_at == dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "before",
    [
        {"AWS_PROFILE": "x"},
        {"AWS_DEFAULT_PROFILE": "x"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"},
        {"AWS_CONFIG_FILE": __file__},
        {"AWS_SHARED_CREDENTIALS_FILE": __file__},
    ],
)
def test_earlier_sources_are_left_to_the_chain(monkeypatch: pytest.MonkeyPatch, before: dict[str, str]) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    assert source_without_a_chain({RELATIVE: "/x"}) == "container"
    assert source_without_a_chain({RELATIVE: "/x", **before}) is None
    assert source_without_a_chain({}) is None


def source_without_a_chain(environment: dict[str, str]) -> str | None:
    def no_chain(*_: object, **__: object) -> CredentialsProvider:
        raise LookupError

    try:
        return source_of(find_credentials(LambdaClientConfig(), environment, None, fetch, chain=no_chain))
    except LookupError:
        return None


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize("chained", [False, True], ids=["alone", "behind files"])
@pytest.mark.parametrize("by", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "argument"])
async def test_https_endpoint_uses_the_ca_bundle(
    by: str, chained: bool, authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no file can go before the container, a client asks it at once; if one can, the chain goes first."""
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(bundle))
    if chained:
        pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")
        (tmp_path / "config").write_text("[default]\noutput = json\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    if by != "argument":
        monkeypatch.setenv(by, str(bundle))
    async with raw_server(always(answer(body=EKS)), tls=tls) as server:
        set_all(monkeypatch, {FULL: f"{server.url.replace('https', 'HTTPS')}/v1", TOKEN: "token", "AWS_REGION": "eu-west-1"})
        transport = Online({"f": echo})
        settings = {"ca_bundle": bundle} if by == "argument" else {}
        async with LambdaClient(transport=transport, **settings) as client:  # type: ignore[call-overload]
            await client.invoke("f")
            assert client._state.context.credentials.source == "container"  # type: ignore[union-attr]
    assert "Credential=ASIAEKS/" in transport.calls[0].headers["authorization"]
    assert [head.split(b"\r\n")[0] for head, _ in server.requests] == [b"GET /v1 HTTP/1.1"]


async def test_unverified_https_endpoint_gets_no_token(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(always(answer(body=EKS)), tls=tls) as server:
        set_all(monkeypatch, {FULL: f"{server.url}/v1", TOKEN: "token", "AWS_REGION": "eu-west-1"})
        async with LambdaClient(transport=Online({"f": echo})) as client:
            with pytest.raises(ConfigurationError, match="certificate verify failed"):
                await client.invoke("f")
            monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
        with pytest.raises(ConfigurationError, match=r"'/nowhere/bundle.pem' \(from AWS_CA_BUNDLE\) cannot be read"):
            await fetched_with(f"{server.url}/v1")
    assert server.requests == []


async def fetched_with(url: str) -> Credentials:
    return await ContainerSource({FULL: url, **os.environ}, fetch).fetch(rejected=False, caller_loop=None)


async def test_many_calls_ask_the_endpoint_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(always(answer(body=EKS))) as server:
        set_all(monkeypatch, {FULL: f"{server.url}/v1/credentials", TOKEN: "token", "AWS_REGION": "eu-west-1"})
        transport = Online({"f": echo})
        async with LambdaClient(transport=transport) as client:
            await asyncio.gather(*(client.invoke("f") for _ in range(500)))
    assert len(server.requests) == 1
    assert {"Credential=ASIAEKS/" in call.headers["authorization"] for call in transport.calls} == {True}
    assert transport.calls[0].headers["x-amz-security-token"] == "token"

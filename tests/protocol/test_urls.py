"""The URLs of endpoints and proxies: taken and usable, or refused in words that show nothing of them."""

import asyncio
import urllib.parse
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiolambda import ConfigurationError, Credentials, LambdaClient, LambdaClientConfig, MapResult, TcpKeepAlive
from aiolambda.config.explain import explain
from aiolambda.protocol.urls import (
    checked_endpoint,
    checked_proxy,
    host_of,
    is_url,
    origin_and_target,
    path_and_query,
    proxy_and_authorization,
    url_shown,
)
from aiolambda.transport import AiohttpTransport
from aiolambda.types.http import Headers, Request
from aiolambda.types.values import Timeouts

from ..support.servers import Connection, RawServer, always, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "secret")
SECRET = "Secret9"
FILES = {"AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""}


def shows_secret(text: str) -> bool:
    return SECRET.lower() in text.lower()


async def find_way(url: str, proxy: str | None) -> None:
    """All that the transport and its libraries make of these URLs before they connect."""
    transport = AiohttpTransport(keep_alive=TcpKeepAlive(), idle_connection_timeout=1, proxy=proxy)
    try:
        reservation = await transport.reserve(Request("POST", url, Headers(), b"", Timeouts()))
        reservation.end()
    finally:
        await transport.close()


def can_be_looked_up(url: str) -> bool:
    """What `socket.getaddrinfo` does with a name before it asks."""
    return bool((urllib.parse.urlsplit(url).hostname or "").encode("idna"))


# --- proxies ----------------------------------------------------------------------------------------------------------

odd = st.text(st.sampled_from("ab1%@:/?#[]\\ \t\n.~!$&'()*+,;=-_|^\"<>{}`é\u2460\ud800"), max_size=6)
sound = st.text("ab1.~!$&'()*+,;=-_", max_size=4)
schemes = st.sampled_from(["http://", "https://", "HTTP://", "hTTps://", "socks5://", "//", "", "http:", "ftp://"])
parts_of_user = st.tuples(odd | sound, st.sampled_from(["", ":"]), odd | sound, st.just(SECRET), odd | sound)
sound_hosts = st.sampled_from(["proxy", "10.0.0.1", "[::1]", "xn--a", "pro_xy.", "-"])
wrong_hosts = st.sampled_from(["a..b", "a" * 64, ".", "[::1%eth0]", "pro%78y", "pröxy", "", "[v1.x]"]) | odd
hosts = sound_hosts | wrong_hosts
ports = st.sampled_from(["", ":", ":3128", ":65535"]) | st.sampled_from([":0", ":65536", ":x", ":-1", ":\u0663"])
ends = st.sampled_from(["", "/", "/x", "?q", "#f", "//", " "])
proxies = st.tuples(schemes, parts_of_user.map("".join), st.just("@"), hosts, ports, ends).map("".join)


@given(proxies)
@example("http://user:pa@Secret9/Rest8@proxy:3128")
@example("http://user:pa/Secret9@proxy:3128")
@example("http://user:pa#Secret9@proxy:3128")
@example("http://user:Secret9%@proxy:3128")
@example("http://user%3A:Secret9@proxy:3128")
@example("http://user:Secret9%e2%82%ac@proxy:3128")
def test_any_proxy_url_hides_its_password(url: str) -> None:
    environment = {**FILES, "HTTPS_PROXY": url, "AWS_REGION": "us-east-1"}
    told = "\n".join(f"{row}" for row in explain(LambdaClientConfig(credentials=KEYS), environment))
    assert not shows_secret(told)
    try:
        config = LambdaClientConfig(proxy=url, region="us-east-1", credentials=KEYS)
    except ConfigurationError as error:
        assert not shows_secret(f"{error}{error!r}{error.__context__}{error.__cause__}")  # noqa: PT017 - some are taken
        return
    assert not shows_secret(repr(config) + config.explain())
    proxy = checked_proxy(url)
    bare, authorization = proxy_and_authorization(proxy)
    assert not shows_secret(bare)
    assert authorization is not None
    assert can_be_looked_up(bare)
    asyncio.run(find_way("https://lambda.us-east-1.amazonaws.com/", proxy))


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    st.text(st.characters(max_codepoint=126), min_size=1),
)
def test_proxy_authorization_matches_botocore(user: str, password: str) -> None:
    sessions = pytest.importorskip("botocore.httpsession", reason="the extra 'aws' is not installed")
    url = f"http://{urllib.parse.quote(user, safe='')}:{urllib.parse.quote(password, safe='')}@proxy:3128"
    if ":" in user:
        with pytest.raises(ConfigurationError, match="not an http or https URL"):
            checked_proxy(url)
        return
    bare, authorization = proxy_and_authorization(checked_proxy(url))
    assert bare == "http://proxy:3128"
    assert {"Proxy-Authorization": authorization} == sessions.ProxyConfiguration().proxy_headers_for(url)


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("http://proxy", "http://proxy"),
        ("HTTP://Proxy:3128/", "http://Proxy:3128"),
        ("https://[fd00::1]:3128", "https://[fd00::1]:3128"),
        ("http://@proxy:1", "http://proxy:1"),
        ("http://proxy:", "http://proxy"),
    ],
)
def test_proxy_url_may_be_only_a_host(url: str, bare: str) -> None:
    assert proxy_and_authorization(checked_proxy(url)) == (bare, None)


async def test_proxy_credentials_are_sent_as_utf8() -> None:
    async with raw_server(always(answer())) as proxy:
        where = f"HTTP://{urllib.parse.quote('käthe')}:{urllib.parse.quote('€:hunter2')}@{proxy.host}:{proxy.port}/"
        async with client_of("http://unreachable.invalid", proxy=where) as client:
            await client.invoke("f")
    expected = b"proxy-authorization: Basic a8OkdGhlOuKCrDpodW50ZXIy\r\n"
    assert expected in proxy.requests[0][0]


async def test_tunnel_uses_the_proxy_credentials() -> None:
    async def refuse(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer("407 Proxy Authentication Required", "Connection: close\r\n"))

    async with raw_server(refuse) as proxy:
        where = f"http://{urllib.parse.quote('käthe')}:{urllib.parse.quote('€:hunter2')}@{proxy.host}:{proxy.port}"
        async with client_of("https://unreachable.invalid", proxy=where) as client:
            with pytest.raises(Exception, match="the proxy answered 407") as raised:
                await client.invoke("f")
    head = proxy.requests[0][0]
    assert head.startswith(b"CONNECT unreachable.invalid:443 ")
    assert b"Proxy-Authorization: Basic a8OkdGhlOuKCrDpodW50ZXIy\r\n" in head
    assert f"through the proxy {proxy.host}:{proxy.port}" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def client_of(endpoint: str, **more: Any) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint, **more)


@pytest.mark.parametrize("endpoint", ["https://unreachable.invalid", "http://unreachable.invalid:81"])
@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "Xn--nowhere-.invalid"])
async def test_unreachable_proxy_is_named_without_password(endpoint: str, host: str, unused_tcp_port: int) -> None:
    proxy = f"http://user:hunter2@{host}:{unused_tcp_port}"
    said = f"cannot connect to the proxy {host}:{unused_tcp_port}, through which unreachable.invalid"
    async with client_of(endpoint, proxy=proxy) as client:
        client._state.jitter = lambda: 0.0
        with pytest.raises(ConnectionError, match=said) as raised:
            await client.invoke("f")
    assert "hunter2" not in f"{raised.value}{raised.value.__cause__!r}"


async def test_silent_proxy_is_named() -> None:
    async def silent(connection: Connection) -> None:
        await connection.until_client_closes()

    async with raw_server(silent) as proxy, client_of("https://unreachable.invalid", proxy=with_password(proxy)) as client:
        client._state.jitter = lambda: 0.0
        with pytest.raises(
            TimeoutError, match=f"unreachable.invalid through the proxy {proxy.host}:{proxy.port} within 0.05 s"
        ):
            await client.invoke("f", timeout=Timeouts(connect=0.05), idempotent=False)


def with_password(proxy: RawServer) -> str:
    return proxy.url.replace("//", "//user:hunter2@")


# --- endpoints --------------------------------------------------------------------------------------------------------

endpoints = st.tuples(schemes, hosts, ports, st.sampled_from(["", "/", "/base", "/base/"]) | odd).map("".join)


@given(endpoints)
@example("https://a..b")
@example("https://" + "a" * 64 + ".example")
@example("https://" + "a." * 127 + "a")
@example("https://[fe80::1%25eth0]:1")
@example("https://[v1.x]")
@example("HTTPS://Host:443/Base/")
def test_accepted_endpoint_works_in_each_library(url: str) -> None:
    try:
        endpoint = checked_endpoint(url, "argument endpoint_url")
    except ConfigurationError:
        return
    assert endpoint.startswith(("http://", "https://"))
    assert can_be_looked_up(endpoint)
    assert host_of(endpoint)
    asyncio.run(find_way(f"{endpoint}/2015-03-31/functions/f/invocations", None))


@pytest.mark.parametrize(
    "url", ["https://a..b", f"https://{'a' * 64}.example", "https://a b", "http://[::1%25eth0]", "https://[v1.x]"]
)
async def test_unresolvable_host_fails_at_open(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the endpoint URL"):
        await client_of(url).open()
    for place in ("endpoint_url", "proxy"):
        results: list[MapResult[int]] = []
        with pytest.raises(ConfigurationError, match="not an http or https URL"):
            async with LambdaClient(region="us-east-1", credentials=KEYS, **{place: url}) as client:  # type: ignore[call-overload]
                results += [result async for result in client.map("f", [1, 2])]
        assert results == []


async def test_invalid_url_from_a_middleware_is_refused() -> None:
    async def turn(call: Any, call_next: Any) -> Any:
        call.request.url = f"https://{'a' * 64}.example/"
        return await call_next(call)

    async with client_of("http://127.0.0.1:1") as client:
        client.middleware_stack.add(turn, step="build")
        with pytest.raises(ConfigurationError, match="the URL of the request is not valid"):
            await client.invoke("f")


@pytest.mark.parametrize("scheme", ["HTTP", "Http"])
async def test_endpoint_scheme_may_have_capitals(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(always(answer())) as server:
        async with client_of(server.url.replace("http", scheme)) as client:
            assert (await client.invoke("f")).json() == {}
            assert client.config.endpoint_url == server.url
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.replace("http", scheme))
        async with LambdaClient(region="us-east-1", credentials=KEYS) as client:
            assert (await client.invoke("f")).json() == {}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:Secret9@h:1/x", "..."),
        ("http://user:Secret9@h:1", "http://...@h:1"),
        ("http://user:pa@Secret9/Rest8@h:1", "..."),
        ("http://user/Secret9@h", "..."),
        ("https://h/base?token=Secret9", "https://h/base"),
        ("user:Secret9@h", "..."),
        ("https://h:1/base", "https://h:1/base"),
    ],
)
def test_shown_url_hides_its_secrets(url: str, shown: str) -> None:
    assert url_shown(url) == shown
    assert not shows_secret(repr(LambdaClientConfig(endpoint_url=url)))


@pytest.mark.parametrize("host", ["256.1.1.1", "0", "1234567890123", "1.2.3", "127.0.0.01"])
def test_numeric_host_must_be_an_ipv4_address(host: str) -> None:
    assert not is_url(f"http://{host}:4566")


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://h", "https://h", "/"),
        ("HTTPS://h:8443/a/b?x=1&y#frag?z", "https://h:8443", "/a/b?x=1&y"),
        ("http://h?x=1", "http://h", "/?x=1"),
        ("http://h?x=/1#f/", "http://h", "/?x=/1"),
        ("http://h/?", "http://h", "/?"),
    ],
)
def test_a_target_is_signed_as_it_is_sent(url: str, origin: str, target: str) -> None:
    assert origin_and_target(url) == (origin, target)
    path, query = path_and_query(url)
    assert f"{path}?{query}".rstrip("?") == target.rstrip("?")


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("127.0.0.1:9001", "with a host; write 'http://127.0.0.1:9001'"),
        ("localhost:9001/", "with a host; write 'http://localhost:9001/'"),
        ("lambda.example.com", "with a host; write 'https://lambda.example.com'"),
        ("me:secret@127.0.0.1:9001", "with a host"),
        ("ftp://127.0.0.1", "with a host"),
        ("", "with a host"),
    ],
)
def test_endpoint_without_its_scheme_is_completed(url: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        checked_endpoint(url, "a setting")
    assert str(raised.value).endswith(hint)

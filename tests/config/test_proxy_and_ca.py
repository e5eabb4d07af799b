"""Real servers behind a private authority and a proxy, which are configured as for boto3."""

import asyncio
import base64
import contextlib
import ssl
import subprocess
import urllib.parse
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from aiolambda import (
    ConfigurationError,
    ConnectError,
    Credentials,
    LambdaClient,
    LambdaClientConfig,
    StandardRetry,
    Timeouts,
    TransportError,
)
from aiolambda.config.proxy import environment_proxy, is_excluded
from aiolambda.config.resolve import resolve
from aiolambda.transport import fetch

from ..support.servers import Connection, RawServer, always, answer, listening, raw_server, silent
from ..support.settings import Source, write_profile
from ..support.tracebacks import given_away

KEYS = Credentials("AKIDEXAMPLE", "secret")
PASSWORD = "p@ss:word/hunter2"
ASKED_FOR = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA) -> Iterator[str]:
    with authority.cert_pem.tempfile() as path:
        yield path


@attrs.define(eq=False)
class Proxy:
    """A proxy that opens tunnels for requests with the password. Records the tunnels and the refusals."""

    url: str = ""
    tunnels: list[str] = attrs.field(factory=list)
    refused: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split("\r\n")[0].split()
            if f"proxy-authorization: {ASKED_FOR}".lower() not in head.lower():
                self.refused += 1
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            elif method == "CONNECT":
                self.tunnels.append(target)
                await self._tunnel(target, reader, writer)
        writer.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1" if host == "localhost" else host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def proxy(password: str = PASSWORD) -> AsyncGenerator[Proxy]:
    running = Proxy()
    async with listening(running.serve) as listener:
        quoted = urllib.parse.quote(password, safe="")
        running.url = f"http://user:{quoted}@127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield running


async def invoke(server: RawServer, **settings: Any) -> LambdaClientConfig:
    config = LambdaClientConfig(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)
    async with LambdaClient(config) as client:
        assert (await client.invoke("f")).json() == {}
        return client.config


# --- a private authority ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "profile", "argument"])
@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
async def test_ca_bundle_is_trusted_from_any_source(
    by: str, folder: bool, bundle: str, server_tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if folder:
        (tmp_path / "authorities").mkdir()
        path = tmp_path / "authorities" / f"{subject_hash(bundle)}.0"
        path.write_bytes(Path(bundle).read_bytes())
        bundle = str(path.parent)
    settings: dict[str, Any] = {}
    if by == "profile":
        for name, value in write_profile(tmp_path, Source("profile", "ca_bundle", bundle, "")).items():
            monkeypatch.setenv(name, value)
    elif by == "argument":
        settings["ca_bundle"] = Path(bundle)
    else:
        monkeypatch.setenv(by, bundle)
    async with raw_server(always(answer()), tls=server_tls) as server:
        config = await invoke(server, **settings)
    told = {row.name: row for row in config.explained()}["ca_bundle"]
    assert (told.value, by in told.source) == (bundle, True)


def subject_hash(bundle: str) -> str:
    """The file name by which OpenSSL finds an authority in a folder."""
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", bundle]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return done.stdout.strip()


async def test_ca_bundle_sources_have_boto3s_order(
    bundle: str, server_tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in write_profile(tmp_path, Source("profile", "ca_bundle", bundle, "")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/requests.pem")
    async with raw_server(always(answer()), tls=server_tls) as server:
        await invoke(server)
        monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/aws.pem")
        with pytest.raises(ConfigurationError, match=r"'/nowhere/aws.pem' \(from AWS_CA_BUNDLE\) cannot be read: No such file"):
            await invoke(server)
        await invoke(server, ca_bundle=bundle)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_a_bundle_without_a_certificate_is_an_error(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle.pem").write_bytes(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    with pytest.raises(ConfigurationError, match=r"bundle.pem' \(from REQUESTS_CA_BUNDLE\) cannot be read"):
        await LambdaClient(region="us-east-1", credentials=KEYS).open()


# --- a context of the caller's own ------------------------------------------------------------------------------------


@pytest.fixture
def demanding(authority: trustme.CA) -> ssl.SSLContext:
    """A server that requires a client certificate of the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_client_certificate_is_sent_on_demand(authority: trustme.CA, bundle: str, demanding: ssl.SSLContext) -> None:
    mine = ssl.create_default_context(cafile=bundle)
    authority.issue_cert("caller@example.com").configure_cert(mine)
    seen: list[object] = []

    async def script(connection: Connection) -> None:
        seen.append(connection.writer.get_extra_info("peercert")["subjectAltName"])
        await always(answer())(connection)

    async with raw_server(script, tls=demanding) as server:
        config = await invoke(server, ssl_context=mine)
        assert seen == [(("email", "caller@example.com"),)]
        with pytest.raises(TransportError):
            await invoke(server, ca_bundle=bundle)
    assert (len(seen), len(server.requests)) == (1, 1)
    told = {row.name: row for row in config.explained()}
    assert (told["ssl_context"].value, told["ssl_context"].source) == ("given", "argument ssl_context")
    assert told["ca_bundle"].source == "set aside by argument ssl_context"


async def test_ssl_context_works_through_a_tunnel(authority: trustme.CA, bundle: str, demanding: ssl.SSLContext) -> None:
    mine = ssl.create_default_context(cafile=bundle)
    authority.issue_cert("caller@example.com").configure_cert(mine)
    async with proxy() as running, raw_server(always(answer()), tls=demanding) as server:
        await invoke(server, ssl_context=mine, proxy=running.url)
    assert (len(running.tunnels), len(server.requests)) == (1, 1)


async def test_ssl_context_replaces_the_ca_bundle(
    bundle: str, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context replaces the bundle of the environment; it does not add to it."""
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    other = ssl.create_default_context()
    trustme.CA().configure_trust(other)
    async with raw_server(always(answer()), tls=server_tls) as server:
        await invoke(server)
        with pytest.raises(ConnectError, match="certificate verify failed"):
            await invoke(server, ssl_context=other)
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
    async with raw_server(always(answer()), tls=server_tls) as server:
        await invoke(server, ssl_context=ssl.create_default_context(cafile=bundle))


def test_ssl_context_with_ca_bundle_is_an_error(bundle: str) -> None:
    with pytest.raises(ConfigurationError, match="ca_bundle and ssl_context contradict each other"):
        LambdaClient(ca_bundle=bundle, ssl_context=ssl.create_default_context())


def without_verification() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def without_name() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


@pytest.mark.parametrize("make", [without_verification, without_name, lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)])
def test_unverified_ssl_context_is_refused(make: Callable[[], ssl.SSLContext]) -> None:
    with pytest.raises(ConfigurationError, match="ssl_context does not verify the server .* TLS is always verified"):
        LambdaClient(ssl_context=make())


async def test_ssl_context_is_checked_again_at_open() -> None:
    context = ssl.create_default_context()
    client = LambdaClient(region="us-east-1", credentials=KEYS, ssl_context=context)
    context.check_hostname = False
    with pytest.raises(ConfigurationError, match="ssl_context does not verify the server"):
        await client.open()
    assert {row.name for row in client.config.explained() if row.problem} == {"ssl_context"}


# --- a proxy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["HTTPS_PROXY", "https_proxy", "argument"])
async def test_proxy_password_is_sent_to_the_proxy_only(
    by: str, bundle: str, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as running, raw_server(always(answer()), tls=server_tls) as server:
        if by != "argument":
            monkeypatch.setenv(by, running.url)
        config = await invoke(server, ca_bundle=bundle, **({"proxy": running.url} if by == "argument" else {}))
    assert running.tunnels == [f"localhost:{server.port}"]
    head = server.requests[0][0].lower()
    assert b"proxy-authorization" not in head
    assert "hunter2" not in config.explain() + repr(config)


async def test_wrong_proxy_password_is_not_shown(
    bundle: str, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy("wrong-hunter3") as running, raw_server(always(answer()), tls=server_tls) as server:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        with pytest.raises(ConnectError, match="the proxy answered 407") as raised:
            await invoke(server, ca_bundle=bundle)
    assert (running.refused, running.tunnels, server.requests) == (1, [], [])
    assert "hunter3" not in str(raised.value) + repr(raised.value.__cause__)


async def test_proxy_refusal_is_not_retried(bundle: str, server_tls: ssl.SSLContext) -> None:
    async with (
        raw_server(always(answer("403 Forbidden", "Connection: close\r\n"))) as middle,
        raw_server(silent, tls=server_tls) as server,
    ):
        with pytest.raises(ConnectError, match="the proxy answered 403"):
            await invoke(server, ca_bundle=bundle, proxy=middle.url)
    assert (len(middle.requests), server.requests) == (1, [])


async def serves_a_page(connection: Connection) -> None:
    """No proxy at all, but a server that gives the same page to every request."""
    await connection.read_request()
    await connection.write(answer(headers="Content-Type: text/html\r\n", body=b"<h1>Welcome</h1>"))


async def hangs_up(connection: Connection) -> None:
    await connection.read_request()


@pytest.mark.parametrize("state", ["refuses", "unknown", "silent", "502", "page", "hangs up"])
async def test_dead_proxy_is_named_in_the_error(state: str) -> None:
    bad_gateway = always(answer("502 Bad Gateway", "Connection: close\r\n"))
    script = {"502": bad_gateway, "page": serves_a_page, "hangs up": hangs_up}.get(state, silent)
    async with contextlib.AsyncExitStack() as running:
        middle = await running.enter_async_context(raw_server(script))
        if state == "refuses":
            await running.aclose()  # its port refuses connections now
        place = "proxy.invalid:3128" if state == "unknown" else f"127.0.0.1:{middle.port}"
        async with LambdaClient(
            region="us-east-1",
            credentials=KEYS,
            endpoint_url="https://lambda.invalid",
            proxy=f"http://me:hunter2@{place}",
            retry=StandardRetry(max_attempts=1),
            timeout=Timeouts(connect=0.2 if state == "silent" else 5),
        ) as client:
            with pytest.raises(TransportError) as raised:
                await client.invoke("f")
    there = f"lambda.invalid through the proxy {place}"
    said = {
        "refuses": f"cannot connect to the proxy {place}, through which lambda.invalid is reached: Connection refused",
        "unknown": f"cannot connect to the proxy {place}, through which lambda.invalid is reached: ",
        "silent": f"no connection to {there} within 0.2 s: the proxy accepted it, but there was no tunnel with TLS",
        "502": f"cannot connect to {there}: the proxy answered 502",
        "page": f"cannot connect to {there}: the connection was closed during the TLS handshake",
        "hangs up": f"cannot connect to {there}: the peer closed the connection",
    }
    assert str(raised.value).startswith(said[state])
    assert not raised.value.may_have_run
    assert given_away(raised.value, {"password": "hunter2"}) == set()


@pytest.mark.parametrize("no_proxy", ["localhost", "*", "example.com, .localhost", "LOCALHOST:{port}"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
async def test_no_proxy_hosts_bypass_the_proxy(
    name: str, no_proxy: str, bundle: str, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as running, raw_server(always(answer()), tls=server_tls) as server:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        monkeypatch.setenv(name, no_proxy.format(port=server.port))
        config = await invoke(server, ca_bundle=bundle)
        told = {row.name: row for row in config.explained()}["proxy"]
        assert (running.tunnels, told.value, told.source) == ([], "-", name)
        monkeypatch.setenv(name, "host, 127.0.0.1")
        await invoke(server, ca_bundle=bundle)
    assert len(running.tunnels) == 1


async def test_empty_proxy_overrides_the_environment(
    bundle: str, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as running, raw_server(always(answer()), tls=server_tls) as server:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        await invoke(server, ca_bundle=bundle, proxy="")
    assert running.tunnels == []


async def test_http_endpoint_uses_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(always(answer())) as middle:
        monkeypatch.setenv("HTTP_PROXY", middle.url.removeprefix("http://"))  # a host and a port are enough, as in boto3
        monkeypatch.setenv("HTTPS_PROXY", "http://nowhere.invalid:1")
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url="http://unreachable.invalid") as client:
            await client.invoke("f")
    assert middle.requests[0][0].startswith(b"POST http://unreachable.invalid/2015-03-31/")


@pytest.mark.parametrize("value", ["socks5://user:hunter2@h:1", "http://", "http://user:hunter2@h h", "http://h:99999"])
async def test_invalid_proxy_url_names_its_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    client = LambdaClient(region="us-east-1", credentials=KEYS)
    with pytest.raises(ConfigurationError, match=r"the proxy \(from HTTPS_PROXY\) is not an http or https URL") as raised:
        await client.open()
    assert "hunter2" not in str(raised.value) + client.config.explain()


def test_no_proxy_is_checked_for_each_region() -> None:
    environment = {
        "AWS_CONFIG_FILE": "",
        "AWS_SHARED_CREDENTIALS_FILE": "",
        "https_proxy": "http://proxy:1",
        "no_proxy": ".eu-west-1.amazonaws.com",
    }
    config = LambdaClientConfig(region="us-east-1", credentials=KEYS, use_arn_region=True)
    resolved = resolve(config, environment, signs=True, fetch=fetch)
    assert callable(resolved.proxies)
    assert resolved.proxies("https://lambda.us-east-1.amazonaws.com/x") == "http://proxy:1"
    assert resolved.proxies("https://lambda.eu-west-1.amazonaws.com/x") is None


URLS = [
    "https://h.example.com",
    "http://h.example.com:81",
    "https://example.com",
    "http://localhost:4566",
    "https://10.1.2.3:8",
]
LISTS = [
    "",
    "*",
    "example.com",
    ".example.com",
    "ample.com",
    "h.example.com:81",
    " x , EXAMPLE.com",
    "10.1.2.3",
    "a,*",
]
PROXIES: list[dict[str, str]] = [
    {},
    {"HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "http://b:2"},
    {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://c:3", "http_proxy": "http://d:4"},
    {"HTTPS_PROXY": "http://a:1", "https_proxy": ""},
    {"HTTP_PROXY": "http://b:2", "REQUEST_METHOD": "GET"},
    {"http_proxy": "http://b:2", "REQUEST_METHOD": "GET"},
    {"all_proxy": "http://e:5", "ALL_PROXY": "http://e:5"},
    {"https_proxy": "//a:1", "http_proxy": "b:2"},
]


@pytest.mark.parametrize("url", URLS)
def test_proxy_environment_is_read_as_in_botocore(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    utils = pytest.importorskip("botocore.utils", reason="the extra 'aws' is not installed")
    sessions = pytest.importorskip("botocore.httpsession", reason="the extra 'aws' is not installed")
    for variables in PROXIES:
        for left_out in [None, *LISTS]:
            environment = variables if left_out is None else {**variables, "no_proxy": left_out}
            with monkeypatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                theirs = sessions.ProxyConfiguration(utils.get_environ_proxies(url)).proxy_url_for(url)
            assert environment_proxy(url, environment)[0] == theirs, environment


LEFT_OUT = [
    ("http://[::1]:9001", "::1", True),
    ("http://[::1]:9001", "[::1]", True),
    ("http://[::1]:9001", "host, [::1]:9001", True),
    ("http://[::1]:9001", "[::1]:9002", False),
    ("http://[::1]:9001", "0:0:0:0:0:0:0:1", True),
    ("http://[::1]:9001", "::2", False),
    ("http://[::1]:9001", "[::1", True),
    ("https://[fd00::5]", "fd00::/8", True),
    ("https://[fd00::5]", "[fd00::/8]", True),
    ("https://[fe80::5]", "fd00::/8", False),
    ("https://10.1.2.3:8", "10.0.0.0/8", True),
    ("https://10.1.2.3:8", "a.example, 10.9.9.9/8", True),
    ("https://10.1.2.3:8", "11.0.0.0/8", False),
    ("https://10.1.2.3:8", "0.0.0.0/0", True),
    ("https://[::1]", "0.0.0.0/0", False),
    ("https://10.1.2.3", "::/0", False),
    ("https://10.1.2.3", "10.1.2.3/33", False),
    ("https://10.1.2.3", "/8", False),
    ("https://10.example", "10.0.0.0/8", False),
    ("https://lambda.eu-west-1.amazonaws.com", "10.0.0.0/8,fd00::/8", False),
]


@pytest.mark.parametrize(("url", "no_proxy", "left_out"), LEFT_OUT)
def test_no_proxy_accepts_addresses_and_ranges(url: str, no_proxy: str, left_out: bool) -> None:
    assert is_excluded(url, no_proxy) is left_out


async def test_no_proxy_range_bypasses_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://nowhere.invalid:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    async with raw_server(always(answer())) as server:
        config = await invoke(server)
    told = {row.name: row for row in config.explained()}["proxy"]
    assert (told.value, told.source) == ("-", "NO_PROXY")

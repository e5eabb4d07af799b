"""No error gives away a payload, a key, a token, a password or a signature, even if its tracebacks are printed with locals."""

import asyncio
import base64
import json
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConfigurationError,
    Credentials,
    InvokeCommand,
    LambdaClient,
    NoRetry,
    Timeouts,
)
from aiolambda.credentials import assume_role, from_profile

from .config.test_config import set_all
from .support.servers import Connection, Script, always, answer, raw_server, silent
from .support.streaming import streamed
from .support.tracebacks import frames_of, given_away, is_ours

PAYLOAD, ANSWER = "payload-of-the-caller", "answer-of-the-function"
KEY, TOKEN, PASSWORD = "secret-access-key", "session-token", "password-of-the-proxy"
SECRETS = {
    "the payload": PAYLOAD,
    "the answer": ANSWER,
    "the key": KEY,
    "the token": TOKEN,
    "the password": PASSWORD,
    "the encoded password": base64.b64encode(f"user:{PASSWORD}".encode()).decode(),
    "the signature": "Signature=",
    "the authorization": "AWS4-HMAC-SHA256 Credential",
    "the head": " HTTP/1.1\\r\\n",
}
KEYS = Credentials("AKIDEXAMPLE", KEY, TOKEN)
BODY = json.dumps({"text": PAYLOAD})
SAID = json.dumps({"text": ANSWER}).encode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """The context of a server, and the bundle of its authority."""
    made, bundle = trustme.CA(), tmp_path_factory.mktemp("authority") / "bundle.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(context)
    made.cert_pem.write_to_path(str(bundle))
    return context, str(bundle)


def client_of(url: str, **settings: Any) -> LambdaClient:
    given = {"region": "eu-west-1", "credentials": KEYS, "retry": NoRetry()} | settings
    return LambdaClient(endpoint_url=url, **given)


async def error_of(awaitable: Awaitable[object]) -> BaseException:
    """The error that it raises. It runs in a task of its own, so the wait is in no traceback."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.wait([task], timeout=60)
    if task.cancelled():
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value
    error = task.exception()
    assert error is not None
    return error


async def invoke(client: LambdaClient) -> None:
    await client.invoke("f", {"text": PAYLOAD}, client_context={"custom": {"text": PAYLOAD}})


async def invoke_much(client: LambdaClient) -> None:
    await client.invoke("f", f'"{PAYLOAD * 100_000}"'.encode())


async def send(client: LambdaClient) -> None:
    (await client.send(InvokeCommand(function_name="f", payload=BODY.encode()))).raise_for_function_error()


async def stream(client: LambdaClient) -> None:
    async with client.stream("f", BODY) as answer:
        await answer.read()


async def map_items(client: LambdaClient) -> None:
    async with client.map("f", [{"text": PAYLOAD}]) as run:
        async for result in run:
            if result.error is not None:
                raise result.error


OPERATIONS = {"invoke": invoke, "invoke with much": invoke_much, "send": send, "stream": stream, "map": map_items}


def after(data: bytes, then: Script | None = None) -> Script:
    """Reads a request, writes this, and ends the connection or goes on."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(data)
        if then is not None:
            await then(connection)

    return script


async def reset(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    connection.writer.transport.abort()


async def hang_up(connection: Connection) -> None:
    """Ends the connection before it reads anything."""


def refusal(status: str, code: str) -> Script:
    return always(answer(status, f"x-amzn-errortype: {code}\r\n", b'{"message": "no", "detail": "%b"}' % ANSWER.encode()))


READ, TOTAL, IDLE = Timeouts(read=0.05), Timeouts(total=0.05), Timeouts(idle=0.05, read=0.05)
PART = answer(body=SAID)[:-5]
EVENTS = streamed(SAID)
FAILED = answer(headers="X-Amz-Function-Error: Unhandled\r\n", body=b'{"errorType": "E", "detail": "%b"}' % ANSWER.encode())
BAD_FRAME = EVENTS.replace(ANSWER.encode(), ANSWER.upper().encode())
FAULTS: dict[str, tuple[Script, Timeouts]] = {
    "ended before the request": (hang_up, Timeouts()),
    "reset in the request": (reset, Timeouts()),
    "ended after the request": (after(b""), Timeouts()),
    "ended in the head": (after(b"HTTP/1.1 200 OK\r\nX-Said: " + SAID), Timeouts()),
    "ended in the answer": (after(PART), Timeouts()),
    "ended in a chunk": (after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n" + SAID), Timeouts()),
    "damaged chunks": (after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SAID, silent), Timeouts()),
    "no HTTP": (after(SAID + b"\r\n\r\n", silent), Timeouts()),
    "silence": (silent, READ),
    "silence, total": (silent, TOTAL),
    "silence in the answer": (after(PART, silent), READ),
    "silence in the answer, total": (after(PART, silent), TOTAL),
    "silence in the stream": (after(EVENTS[:-30], silent), IDLE),
    "silence in the stream, total": (after(EVENTS[:-30], silent), TOTAL),
    "stream cut short": (after(EVENTS[:-30]), Timeouts()),
    "damaged stream": (after(BAD_FRAME, silent), Timeouts()),
    "403": (refusal("403 Forbidden", "AccessDeniedException"), Timeouts()),
    "404": (refusal("404 Not Found", "ResourceNotFoundException"), Timeouts()),
    "413": (refusal("413 Too Large", "RequestEntityTooLargeException"), Timeouts()),
    "429": (refusal("429 Too Many Requests", "TooManyRequestsException"), Timeouts()),
    "500": (refusal("500 Internal Server Error", "ServiceException"), Timeouts()),
    "502": (always(answer("502 Bad Gateway", body=SAID)), Timeouts()),
    "page": (always(answer("503 Service Unavailable", "Content-Type: text/html\r\n", b"<p>" + SAID)), Timeouts()),
    "the function failed": (always(FAILED), Timeouts()),
}
"""The server's script, and the limits of the call that fails."""


def fails(fault: str, operation: str) -> bool:
    """A call that asks for no event stream takes one as any other answer, and a throttled item of a map waits."""
    return (operation == "stream" or "stream" not in fault) and (operation, fault) != ("map", "429")


async def given_away_by(client: LambdaClient, operation: str) -> set[str]:
    """The secrets that a failing operation gives away. Closes the client."""
    error = await error_of(OPERATIONS[operation](client))
    await client.close(grace=0)
    assert operation == "map" or any(map(is_ours, frames_of(error)))  # the errors of a map's results were raised elsewhere
    return given_away(error, SECRETS)


@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_server_fault_gives_nothing_away(operation: str, encrypted: bool, authority: tuple[ssl.SSLContext, str]) -> None:
    tls, bundle = authority if encrypted else (None, None)
    found: dict[str, set[str]] = {}
    for fault, (script, limits) in FAULTS.items():
        if fails(fault, operation):
            async with raw_server(script, tls=tls) as server:
                found[fault] = await given_away_by(client_of(server.url, timeout=limits, ca_bundle=bundle), operation)
    assert found == {name: set() for name in found}
    assert len(found) > 15


def refused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


async def asks_who_it_is(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    await connection.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    await connection.until_client_closes()


async def tunnels_into_silence(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    await connection.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await connection.until_client_closes()


PROXIES: dict[str, tuple[Script, Timeouts]] = {
    "407": (asks_who_it_is, Timeouts()),
    "hangs up": (hang_up, Timeouts()),
    "no HTTP": (after(SAID + b"\r\n\r\n", silent), Timeouts()),
    "silence": (silent, Timeouts(connect=0.05, read=0.05)),
    "silence, total": (silent, TOTAL),
    "a tunnel into silence": (tunnels_into_silence, Timeouts(connect=0.05, read=0.05, idle=0.05)),
}


@pytest.mark.parametrize("operation", ["invoke", "stream"])
@pytest.mark.parametrize("url", ["http://lambda.test", "https://lambda.test"])
async def test_failing_proxy_gives_nothing_away(url: str, operation: str) -> None:
    address = f"http://user:{PASSWORD}@127.0.0.1"
    found = {"dead": await given_away_by(client_of(url, proxy=f"{address}:{refused_port()}"), operation)}
    for name, (script, limits) in PROXIES.items():
        async with raw_server(script) as server:
            client = client_of(url, proxy=f"{address}:{server.port}", timeout=limits)
            found[name] = await given_away_by(client, operation)
    assert found == {name: set() for name in found}


@pytest.mark.parametrize("operation", ["invoke", "stream"])
async def test_failed_connection_gives_nothing_away(operation: str, authority: tuple[ssl.SSLContext, str]) -> None:
    found = {
        "refused": await given_away_by(client_of(f"http://127.0.0.1:{refused_port()}"), operation),
        "no such name": await given_away_by(client_of("http://nowhere.invalid"), operation),
    }
    async with raw_server(always(answer()), tls=authority[0]) as server:
        found["certificate"] = await given_away_by(client_of(server.url), operation)
    for name, script in {"no handshake": silent, "broken handshake": hang_up, "no TLS": after(SAID)}.items():
        async with raw_server(script) as server:
            client = client_of(server.url.replace("http:", "https:"), timeout=Timeouts(connect=0.05))
            found[name] = await given_away_by(client, operation)
    assert found == {name: set() for name in found}


@pytest.mark.parametrize("operation", ["invoke", "stream"])
@pytest.mark.parametrize("by", ["server", "proxy"])
async def test_call_ended_from_outside_gives_nothing_away(operation: str, by: str) -> None:
    """By a cancellation, by the client's close, and by a limit of the wait for a slot."""
    work, found = OPERATIONS[operation], dict[str, set[str]]()
    async with raw_server(silent) as server:
        proxy = f"http://user:{PASSWORD}@127.0.0.1:{server.port}" if by == "proxy" else None
        url = "https://lambda.test" if by == "proxy" else server.url

        async def begun(client: LambdaClient, number: int) -> "asyncio.Task[None]":
            task = asyncio.ensure_future(work(client))
            async with asyncio.timeout(60):
                while server.connections < number or not client.stats.in_flight:
                    await asyncio.sleep(0.001)
            return task

        client = client_of(url, proxy=proxy, max_concurrency=1, timeout=Timeouts(connect=60, queue=0.05))
        task = await begun(client, 1)
        found["queue"] = given_away(await error_of(work(client)), SECRETS)
        task.cancel()
        found["cancel"] = given_away(await error_of(task), SECRETS)
        task = await begun(client, 2)
        await client.close(grace=0)
        found["close"] = given_away(await error_of(task), SECRETS)
        found["closed"] = given_away(await error_of(work(client)), SECRETS)
    assert found == {name: set() for name in found}


async def raises(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    raise KeyError("of a middleware")


async def raises_behind(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    await call_next(call)
    raise KeyError("of a middleware")


async def translates(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    try:
        return await call_next(call)
    except AiolambdaError as error:
        raise RuntimeError("translated") from error


async def sets_what_no_header_may_have(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    call.request.headers["x-text"] = "a\nb"
    return await call_next(call)


async def sets_a_surrogate(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    call.request.headers["x-text"] = "\ud800"
    return await call_next(call)


@pytest.mark.parametrize("operation", ["invoke", "stream"])
@pytest.mark.parametrize("step", ["initialize", "serialize", "build", "finalize", "deserialize"])
async def test_failing_middleware_gives_nothing_away(step: Any, operation: str) -> None:
    found: dict[str, set[str]] = {}
    middlewares: list[Any] = [raises, raises_behind, translates]
    if step in ("build", "finalize"):
        middlewares += [sets_what_no_header_may_have, sets_a_surrogate]
    for middleware in middlewares:
        said = answer("500 Internal Server Error", body=SAID) if middleware is translates else answer(body=SAID)
        async with raw_server(always(said)) as server:
            client = client_of(server.url)
            client.middleware_stack.add(middleware, step=step)
            found[middleware.__name__] = await given_away_by(client, operation)
    assert found == {name: set() for name in found}


TOO_LARGE = {"text": PAYLOAD * 400_000}
INPUTS: dict[str, Callable[[LambdaClient], Awaitable[object]]] = {
    "name": lambda client: client.invoke("../f", {"text": PAYLOAD}),
    "text that is not JSON": lambda client: client.invoke("f", PAYLOAD),
    "event": lambda client: client.invoke_event("f", PAYLOAD),
    "dry run": lambda client: client.dry_run("f", PAYLOAD),
    "size": lambda client: client.invoke("f", TOO_LARGE),
    "size of an event": lambda client: client.invoke_event("f", TOO_LARGE),
    "no JSON form": lambda client: client.invoke("f", {"text": {PAYLOAD}}),
    "surrogate": lambda client: client.invoke("f", f'"{PAYLOAD}\ud800"'),
    "context": lambda client: client.invoke("f", {}, client_context={"custom": {"text": {PAYLOAD}}}),
    "size of the context": lambda client: client.invoke("f", {}, client_context={"custom": TOO_LARGE}),
    "tenant": lambda client: client.invoke("f", {}, tenant_id=f"{PAYLOAD}\n"),
    "type": lambda client: client.send(InvokeCommand(function_name="f", payload=PAYLOAD, invocation_type="Odd")),  # type: ignore[arg-type]
    "map": lambda client: mapped(client, [PAYLOAD]),
    "map, no JSON form": lambda client: mapped(client, [{"text": {PAYLOAD}}]),
    "map, a key that fails": lambda client: mapped(client, [{"text": PAYLOAD}], key=lambda _: str(1 / 0)),
}


async def mapped(client: LambdaClient, items: list[Any], **settings: Any) -> None:
    async with client.map("f", items, **settings) as run:
        async for result in run:
            if result.error is not None:
                raise result.error


@pytest.mark.parametrize("name", INPUTS)
async def test_refused_input_is_not_given_away(name: str) -> None:
    async with client_of("http://127.0.0.1:9") as client:

        async def use() -> None:
            await INPUTS[name](client)

        assert given_away(await error_of(use()), SECRETS) == set()


REGION = {"AWS_REGION": "eu-west-1"}
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": KEY, "AWS_SESSION_TOKEN": TOKEN}
ROLE = "arn:aws:iam::123456789012:role/caller"
BASE = f"[profile base]\naws_access_key_id = AKID\naws_secret_access_key = {KEY}\naws_session_token = {TOKEN}\n"
TEA = f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\n"
CONTAINER = {"AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN}
KEYS_CASES: dict[str, tuple[dict[str, str], str, Callable[[], Any]]] = {
    "no region": (ENVIRONMENT, "", lambda: None),
    "half of the keys": ({**REGION, "AWS_SECRET_ACCESS_KEY": KEY}, "", lambda: None),
    "a line end in a key": ({**REGION, **ENVIRONMENT, "AWS_SECRET_ACCESS_KEY": f"{KEY}\n"}, "", lambda: None),
    "a line end in an argument": (REGION, "", lambda: Credentials("AKID", f"{KEY}\n", TOKEN)),
    "an expiry that is none": ({**REGION, **ENVIRONMENT, "AWS_CREDENTIAL_EXPIRATION": "soon"}, "", lambda: None),
    "a proxy that is none": ({**REGION, **ENVIRONMENT, "HTTP_PROXY": f"ftp://user:{PASSWORD}@h:1"}, "", lambda: None),
    "a token that is none": ({**REGION, **CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN": f"{TOKEN}\n"}, "", lambda: None),
    "a container that refuses": ({**REGION, **CONTAINER}, "", lambda: None),
    "a file that cannot be read": ({**REGION, "AWS_PROFILE": "base"}, f"{BASE}aws_secret {KEY}\n", lambda: None),
    "a profile that is not there": (REGION, BASE, lambda: from_profile("coffee")),
    "a code of a device": ({**REGION, "AWS_PROFILE": "tea"}, f"{TEA}mfa_serial = x\n{BASE}", lambda: None),
    "a profile's role that is refused": ({**REGION, "AWS_PROFILE": "tea"}, f"{TEA}{BASE}", lambda: None),
    "a role that is refused": ({**REGION, **ENVIRONMENT}, "", lambda: assume_role(ROLE)),
    "a role of keys that is refused": (REGION, "", lambda: assume_role(ROLE, source=KEYS)),
    "a program that answers nonsense": (
        {**REGION, "AWS_PROFILE": "tea"},
        f"[profile tea]\ncredential_process = echo '{json.dumps({'Version': 9, 'SecretAccessKey': KEY})}'\n",
        lambda: None,
    ),
}


@pytest.mark.parametrize("name", KEYS_CASES)
async def test_unavailable_keys_are_not_given_away(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore", reason="the extra 'aws' is not installed")
    variables, text, credentials = KEYS_CASES[name]
    (tmp_path / "config").write_text(text)
    given = json.dumps({"SecretAccessKey": KEY, "Token": TOKEN}).encode()
    async with raw_server(always(answer("403 Forbidden", body=given))) as server:
        set_all(monkeypatch, {**variables, "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_ENDPOINT_URL_STS": server.url})
        if "AWS_CONTAINER_AUTHORIZATION_TOKEN" in variables:
            set_all(monkeypatch, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url, "AWS_CONFIG_FILE": os.devnull})
        for use in (invoke, LambdaClient.open):
            client = LambdaClient(endpoint_url=f"http://127.0.0.1:{server.port}", credentials=credentials())
            task = asyncio.ensure_future(use(client))
            await asyncio.wait([task], timeout=60)
            error = task.exception()  # of keys that are fetched when a call needs them, `open` does not know
            assert error is not None or use is LambdaClient.open
            assert error is None or given_away(error, SECRETS) == set()
            await client.close(grace=0)


def test_refused_proxy_is_not_given_away() -> None:
    with pytest.raises(ConfigurationError) as caught:
        LambdaClient(proxy=f"http://user:{PASSWORD}@/nowhere")
    assert given_away(caught.value, SECRETS) == set()


def test_walk_sees_secrets() -> None:
    """A test of the tests: payloads and tokens in locals, in members of mappings, in causes and in suppressed contexts."""
    made: dict[str, Any] = {"__name__": "aiolambda.made"}
    exec("def fail(token):\n    fields = [{'token': token}]\n    raise KeyError('x')", made)  # noqa: S102 - a frame of the package

    def translate() -> None:
        try:
            made["fail"](TOKEN)
        except KeyError:
            raise ValueError(PASSWORD) from None

    with pytest.raises(ValueError, match="password") as caught:
        translate()
    assert given_away(caught.value, SECRETS) == {
        "the password in ValueError",
        "the token in aiolambda.made.fail: token",
        "the token in aiolambda.made.fail: fields",
    }

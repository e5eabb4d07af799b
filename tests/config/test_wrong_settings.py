"""Wrong values of settings: refused at once, with the setting's name, before anything is sent."""

import copy
import logging
import pickle
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import (
    Call,
    CallNext,
    ConfigurationError,
    Credentials,
    InvalidInputError,
    InvokeCommand,
    LambdaClient,
    LambdaClientConfig,
    NoRetry,
    PayloadLimits,
    StandardRetry,
    TcpKeepAlive,
    Timeouts,
)
from aiolambda.codecs import JsonCodec
from aiolambda.config import ClientSettings
from aiolambda.credentials import assume_role
from aiolambda.errors.checks import check_flag
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.operations.stream_command import InvokeWithResponseStreamCommand
from aiolambda.testing import FakeTransport
from aiolambda.transport.sockets import keep_alive_of, socket_factory
from aiolambda.types.values import shown

from ..support.servers import Connection, RawServer, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "secret")
NAN, INFINITE, HUGE = float("nan"), float("inf"), 10**400
NO_FLAGS = ["false", "true", "", 0, 1, 1.0, [], b"false"]
NO_NUMBERS = [True, False, "60", "", NAN, -1, -0.5, INFINITE, HUGE, [], b"1", 1j]


def fake() -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"f": lambda event: event}))


# --- flags ------------------------------------------------------------------------------------------------------------

FLAGS = [
    "ignore_configured_endpoint_urls",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "use_arn_region",
    "retry_stale_connections",
    "disable_clock_skew_correction",
    "idempotent",
]


@pytest.mark.parametrize("value", NO_FLAGS, ids=repr)
@pytest.mark.parametrize("name", FLAGS)
def test_client_flag_must_be_a_bool(name: str, value: object) -> None:
    for make in (LambdaClient, LambdaClientConfig):
        with pytest.raises(ConfigurationError, match=f"^{name} must be True"):
            make(**{name: value})


async def lost_after_the_request(connection: Connection) -> None:
    await connection.read_request()


async def executions(use: Callable[[LambdaClient], Any], **more: Any) -> int:
    """How often a server that never answers ran the function. The caller must get a `ConfigurationError`."""
    async with raw_server(lost_after_the_request) as server:
        async with client_of(server, **more) as client:
            client._state.jitter = lambda: 0.0
            with pytest.raises(Exception, match=r".") as raised:
                await use(client)
        assert isinstance(raised.value, ConfigurationError)
        return len(server.requests)


def client_of(server: RawServer, **more: Any) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **more)


async def stream(client: LambdaClient, idempotent: Any) -> None:
    async with client.stream("f", idempotent=idempotent):
        pass


class OwnCommand:
    """A command of a class outside this package."""

    def __init__(self, idempotent: Any) -> None:
        command = InvokeCommand(function_name="f")
        self.input, self.middleware_stack, self.operation = command.input, command.middleware_stack, command.operation
        self.idempotent = idempotent


async def set_by_a_middleware(client: LambdaClient, idempotent: Any) -> None:
    async def say(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.idempotent = idempotent
        return await call_next(call)

    client.middleware_stack.add(say)
    await client.invoke("f")


async def mapped(client: LambdaClient, idempotent: Any) -> None:
    async for result in client.map("f", [1], idempotent=idempotent):
        assert result.error is None


async def mapped_commands(client: LambdaClient, idempotent: Any) -> None:
    async for result in client.map_commands([InvokeCommand(function_name="f")], idempotent=idempotent):
        assert result.error is None


async def mapped_own_commands(client: LambdaClient, idempotent: Any) -> None:
    async for result in client.map_commands([OwnCommand(idempotent)]):  # type: ignore[list-item]
        assert result.error is None


CALLS: dict[str, Callable[[LambdaClient, Any], Any]] = {
    "send": lambda client, flag: client.send(InvokeCommand(function_name="f"), idempotent=flag),
    "invoke": lambda client, flag: client.invoke("f", idempotent=flag),
    "invoke_event": lambda client, flag: client.invoke_event("f", idempotent=flag),
    "stream": stream,
    "command": lambda client, flag: client.send(InvokeCommand(function_name="f", idempotent=flag)),
    "input": lambda client, flag: client.send(InvokeCommand(InvokeCommand(function_name="f").input, idempotent=flag)),
    "stream command": lambda client, flag: client.send(InvokeWithResponseStreamCommand(function_name="f", idempotent=flag)),
    "own command": lambda client, flag: client.send(OwnCommand(flag)),  # type: ignore[arg-type]
    "middleware": set_by_a_middleware,
    "map": mapped,
    "map_commands": mapped_commands,
    "map_commands of own": mapped_own_commands,
}


@pytest.mark.parametrize("value", ["false", "False", 1, 0, b""], ids=repr)
@pytest.mark.parametrize("name", list(CALLS))
async def test_non_bool_idempotent_sends_nothing(name: str, value: object) -> None:
    async def use(client: LambdaClient) -> None:
        await CALLS[name](client, value)

    assert await executions(use) == 0


async def test_idempotent_false_overrides_the_client() -> None:
    async def silent(client: LambdaClient) -> None:
        with pytest.raises(Exception, match="ended before an answer"):
            await client.invoke("f", idempotent=False)
        raise ConfigurationError("as expected")

    assert await executions(silent, idempotent=True) == 1


def test_flag_error_hides_the_value() -> None:
    with pytest.raises(ConfigurationError) as raised:
        check_flag("idempotent", {"card": "hunter2"})
    assert str(raised.value) == "idempotent must be True, False or None; got a value of type dict"
    assert "hunter2" not in shown("hunter2" * 20)
    assert shown(-(10**5000)) == "a whole number with more than 20 digits"  # Python itself refuses to write it out


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", NO_NUMBERS, ids=shown)
@pytest.mark.parametrize("name", ["total", "queue", "connect", "read", "idle"])
def test_invalid_limit_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number of seconds"):
        Timeouts(**{name: value})


@pytest.mark.parametrize("value", NO_NUMBERS, ids=shown)
async def test_invalid_timeout_sends_nothing(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="^timeout must be a number of seconds"):
        LambdaClient(timeout=value)
    async with fake() as client:
        with pytest.raises(ValueError, match="^timeout must be a number of seconds"):
            await client.invoke("f", timeout=value)
        for make in (lambda: client.map("f", [1], timeout=value), lambda: client.map_commands([], timeout=value)):
            with pytest.raises(ValueError, match="^timeout must be a number of seconds"):
                make()
        with pytest.raises(ConfigurationError, match="grace must be a number of seconds"):
            await client.close(grace=value)
        assert (await client.invoke("f", 1)).json() == 1


@pytest.mark.parametrize("value", [*NO_NUMBERS, None], ids=shown)
@pytest.mark.parametrize("name", ["idle_connection_timeout", "max_concurrency"])
def test_client_number_must_be_a_number(name: str, value: Any) -> None:
    if (name, value) == ("max_concurrency", None):
        return
    with pytest.raises(ConfigurationError, match=f"{name} must be a"):
        LambdaClient(**{name: value})


@pytest.mark.parametrize("value", [*NO_NUMBERS, None, 0, 40_000], ids=shown)
@pytest.mark.parametrize("name", ["idle", "interval", "count"])
def test_keep_alive_range_is_that_of_the_kernel(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        TcpKeepAlive(**{name: value})
    if name == "count":
        with pytest.raises(ValueError, match="count must be"):
            TcpKeepAlive(count=2.5)  # type: ignore[arg-type]


def test_kernel_accepts_the_keep_alive_maximum() -> None:
    make = socket_factory(TcpKeepAlive(idle=32_767, interval=32_767, count=127))
    with make((2, 1, 6, "", ("127.0.0.1", 1))) as sock:
        options = keep_alive_of(sock)
    asked = {"TCP_KEEPIDLE": 32_767, "TCP_KEEPINTVL": 32_767, "TCP_KEEPCNT": 127, "TCP_USER_TIMEOUT": 2**31 - 1}
    assert {name: options[name] for name in asked if name in options} == {
        name: value for name, value in asked.items() if name in options
    }


@pytest.mark.parametrize("value", [*NO_NUMBERS[:-3], None, 0, 1.5], ids=shown)
@pytest.mark.parametrize("name", ["request_response", "event", "client_context"])
def test_payload_limit_must_be_a_byte_count(name: str, value: Any) -> None:
    if value is HUGE:
        return
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        PayloadLimits(**{name: value})


@pytest.mark.parametrize("value", NO_NUMBERS, ids=shown)
@pytest.mark.parametrize("name", ["max_attempts", "max_throttle_wait", "max_backoff", "quota", "throttling"])
def test_retry_strategy_takes_only_numbers(name: str, value: Any) -> None:
    if value is HUGE and name in ("max_attempts", "quota"):
        return
    with pytest.raises(ConfigurationError, match=f"{name} (is|must be) "):
        StandardRetry(**{name: value})


WRONG_FOR_A_MAP: dict[str, list[Any]] = {
    "ordered": [*NO_FLAGS, None],
    "idempotent": NO_FLAGS,
    "retry_function_errors": [True, "1", -1, 1.5, NAN, None],
    "max_failures": [True, "1", -1, 1.5, NAN],
    "max_failure_ratio": [True, "0.5", -0.1, 1.1, NAN, INFINITE, HUGE],
    "deadline": NO_NUMBERS,
    "concurrency": [True, "many", 0, -1, 1.5, NAN, None, HUGE],
    "key": ["id", 1],
    "journal": [True, 1, b"run.db"],
    "on_progress": [True, "print"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_FOR_A_MAP.items() for value in values])
async def test_invalid_map_setting_reads_no_item(name: str, value: Any) -> None:
    read: list[int] = []

    async def items() -> AsyncIterator[int]:
        read.append(1)
        yield 1

    async with fake() as client:
        for make in (lambda: client.map("f", items(), **{name: value}), lambda: client.map_commands([], **{name: value})):
            with pytest.raises(ConfigurationError, match=f"^{name} (is|must be) "):
                make()
    assert read == []


async def test_map_payload_must_be_a_function() -> None:
    async with fake() as client:
        with pytest.raises(ConfigurationError, match="payload must be a function; got 'id'"):
            client.map("f", [1], payload="id")  # type: ignore[arg-type]
        run = client.map("f", [1])
        with pytest.raises(ConfigurationError, match="grace must be a number"):
            await run.aclose(grace=NAN)


# --- other types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"region": 1}, "region must be a string; got int"),
        ({"region": b"eu-west-1"}, "region must be a string"),
        ({"profile": True}, "profile must be a string"),
        ({"endpoint_url": Path("x")}, "endpoint_url must be a string"),
        ({"proxy": False}, "proxy must be a string"),
        ({"proxy": b"http://user:hunter2@h:1"}, "proxy must be a string; got bytes$"),
        ({"user_agent_extra": 1}, "user_agent_extra must be a string"),
        ({"user_agent_extra": "\ud800"}, "user_agent_extra becomes part of a header"),
        ({"user_agent_app_id": "a\nb"}, "user_agent_app_id becomes part of a header"),
        ({"ca_bundle": False}, "ca_bundle must be a PEM file .*; got False: TLS is always verified"),
        ({"ca_bundle": True}, "ca_bundle must be a PEM file"),
        ({"ca_bundle": 1}, "ca_bundle must be a path; got 1"),
        ({"ca_bundle": b"x"}, "ca_bundle must be a path"),
        ({"ssl_context": True}, "ssl_context must be an ssl.SSLContext; got True"),
        ({"ssl_context": False}, "ssl_context must be an ssl.SSLContext; got False"),
        ({"tcp_keepalive": True}, r"tcp_keepalive must be TcpKeepAlive\(...\), or None .*; got True"),
        ({"tcp_keepalive": False}, "tcp_keepalive must be"),
        ({"tcp_keepalive": 45}, "tcp_keepalive must be"),
        ({"retry": "standard"}, r"retry must be a retry strategy; got a string, which has no pause\(\): write StandardRetry"),
        ({"retry": NoRetry}, "retry must be a retry strategy; got the class NoRetry: create an instance of it"),
        ({"retry": 3}, "retry must be"),
        ({"limits": None}, "limits must be PayloadLimits"),
        ({"limits": 6_000_000}, "limits must be PayloadLimits"),
        ({"codec": None}, "codec must be a codec"),
        ({"codec": JsonCodec}, "codec must be a codec; got the class JsonCodec"),
        ({"transport": FakeTransport}, "transport must be a transport; got the class"),
        ({"transport": []}, r"transport must be a transport; got a list, which has no send\(\)"),
        ({"logger": "aiolambda"}, "logger must be a logging.Logger"),
        (
            {"credentials": ("AKID", "hunter2")},
            "credentials must be Credentials, or a provider of them; got a tuple",
        ),
        ({"credentials": {"accessKeyId": "hunter2"}}, "credentials must be"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value)[:50],
)
def test_setting_of_a_wrong_type_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        LambdaClient(**wrong)
    assert "hunter2" not in str(raised.value)


def test_right_values_are_accepted() -> None:
    LambdaClient(
        retry=NoRetry(),
        tcp_keepalive=None,
        ca_bundle=Path("bundle.pem"),
        codec=JsonCodec(),
        logger=logging.getLogger("x"),
        idle_connection_timeout=0,
        max_concurrency=1,
        timeout=0.5,
        proxy="",
        idempotent=False,
    )
    LambdaClient(logger=logging.LoggerAdapter(logging.getLogger("x"), {}), ssl_context=ssl.create_default_context())  # type: ignore[arg-type]


def test_client_settings_are_the_fields_of_the_config() -> None:
    names = [field.alias for field in attrs.fields(LambdaClientConfig)]
    assert names == [*ClientSettings.__annotations__, "_filled"]


def test_client_takes_settings_by_keyword() -> None:
    with pytest.raises(TypeError, match="takes settings by keyword, or one LambdaClientConfig; got 'eu-west-1'"):
        LambdaClient("eu-west-1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "keys",
    [Credentials("", ""), Credentials("AKID", ""), Credentials("", "s")],
    ids=repr,
)
async def test_empty_keys_are_refused_at_open(keys: Credentials) -> None:
    with pytest.raises(ConfigurationError, match=r"\(from the argument\) is empty"):
        await LambdaClient(region="us-east-1", credentials=keys).open()


@pytest.mark.parametrize(
    "wrong",
    [{"duration": 3600}, {"session_name": 5}, {"external_id": 5}, {"source": ("a", "b")}, {"region": 5}],
    ids=repr,
)
def test_assume_role_checks_argument_types(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))} (is|must be) "):
        assume_role("arn:aws:iam::123456789012:role/caller", **wrong)
    with pytest.raises(ConfigurationError, match="role_arn must be the ARN of a role.*got None"):
        assume_role(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"verify_signatures": "false"},
        {"verify_signatures": None},
        {"port": "9001"},
        {"port": True},
        {"port": 65_536},
        {"port": -1},
        {"init_limit": NAN},
        {"debug": "5678"},
        {"debug": 0},
    ],
    ids=repr,
)
def test_local_endpoint_checks_its_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))} (is|must be) "):
        LocalEndpoint([], **wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"concurrency": "2"}, {"concurrency": True}, {"concurrency": -1}, {"memory_size": NAN}, {"timeout": "3"}],
    ids=repr,
)
def test_local_function_checks_its_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        LocalFunction(name="f", handler="a.b", root=Path(), **wrong)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers())))
def test_any_value_is_accepted_or_refused_by_name(value: Any) -> None:
    names = [field for field in LambdaClientConfig.__init__.__annotations__ if field not in ("return", "_filled")]
    assert {"timeout", "ssl_context"} < set(names)
    for name in names:
        try:
            repr(LambdaClient(LambdaClientConfig(**{name: value})))
        except ConfigurationError as error:
            assert name in str(error)  # noqa: PT017 - most values are refused, some taken


# --- headers ----------------------------------------------------------------------------------------------------------


async def sent_with(change: Callable[[Call[Any, Any]], None], *, signs: bool) -> list[tuple[bytes, bytes]]:
    async def alter(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        change(call)
        return await call_next(call)

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer())

    async with raw_server(script) as server, client_of(server) as client:
        client.middleware_stack.add(alter, step="build")
        if not signs:
            client.middleware_stack.remove("httpSigningMiddleware")
        with pytest.raises(InvalidInputError) as raised:
            await client.invoke("f", {"id": 1})
    assert "hunter2" not in str(raised.value)
    assert raised.value.member in str(raised.value)
    return server.requests


@pytest.mark.parametrize("signs", [True, False])
@pytest.mark.parametrize("value", ["hunter2\ud800", "\udfff", "hunter2\udc80x"], ids=ascii)
async def test_surrogate_in_a_header_is_refused(value: str, signs: bool) -> None:
    def change(call: Call[Any, Any]) -> None:
        call.request.headers["x-tea"] = value

    assert await sent_with(change, signs=signs) == []


@pytest.mark.parametrize("signs", [True, False])
@pytest.mark.parametrize("name", ["Content-Length", "CONTENT-LENGTH", "Host", "Authorization", "Transfer-Encoding", "X-Tea"])
async def test_header_that_differs_by_case_is_refused(name: str, signs: bool) -> None:
    def change(call: Call[Any, Any]) -> None:
        call.request.headers.fields[name] = "5"

    assert await sent_with(change, signs=signs) == []


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
async def test_copying_a_client_is_an_error(make: Callable[[object], object]) -> None:
    async with fake() as client:
        with pytest.raises(TypeError, match=r"a LambdaClient cannot be copied or pickled, .* LambdaClient\(client.config\)"):
            make(client)
    with pytest.raises(TypeError, match="a LambdaClient cannot be copied"):
        make(LambdaClient())


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
async def test_config_of_an_open_client_can_be_copied(
    make: Callable[[LambdaClientConfig], LambdaClientConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    async with LambdaClient(credentials=KEYS, timeout=3, tcp_keepalive=None) as client:
        assert client.config.region == "eu-west-1"
        copied = make(client.config)
    assert (copied.credentials, copied.timeout, copied.tcp_keepalive) == (KEYS, Timeouts(total=3), None)
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    async with LambdaClient(copied) as client:
        assert client.config.endpoint_url == "https://lambda.eu-west-2.amazonaws.com"

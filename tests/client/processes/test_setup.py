"""What workers share with the client of the map, and what is refused because it cannot reach them."""

import asyncio
import datetime as dt
import logging
import re
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    Call,
    ConfigurationError,
    ConnectError,
    Credentials,
    Delivery,
    LambdaClient,
    StandardRetry,
    Timeouts,
)
from aiolambda.client.processes.questions import AskingProvider, credentials_in, packed_credentials
from aiolambda.telemetry import CallEnded, ClientObserver, MapEnded, MapStarted
from aiolambda.testing import FakeTransport

from ...support.counting_lambda import CountingLambda, calling, verdicts_against, workers_of
from ...support.servers import raw_server
from . import stack
from .stack import (
    GiveUp,
    Lock,
    cancelling,
    noting,
    printing,
    raising,
    stamped,
    warning,
    with_a_lock,
    with_a_lock_for_an_id,
    with_a_text_of_its_own,
    without_metadata,
)

pytestmark = pytest.mark.asyncio
KEYS = Credentials("AKIDEXAMPLE", "secret")


def refused(client: LambdaClient, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        client.map("f", [1], **{"processes": 2, **options})
    assert not caught.value.may_have_run
    return str(caught.value)


@pytest.mark.parametrize("processes", [0, -1, 65, True, 1.0, "2", None], ids=repr)
async def test_number_of_processes_is_checked(processes: Any) -> None:
    async with LambdaClient(region="eu-west-1", credentials=KEYS) as client:
        assert "processes must be a whole number from 1 to 64" in refused(client, processes=processes)


@pytest.mark.parametrize(("name", "value"), [("executable", ""), ("executable", None), ("frozen", True)], ids=str)
async def test_program_without_an_interpreter_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    """A frozen program would start itself, which would start itself."""
    monkeypatch.setattr(sys, name, value, raising=False)
    async with LambdaClient(region="eu-west-1", credentials=KEYS) as client:
        assert "processes needs a Python interpreter" in refused(client)


async def test_fake_transport_is_refused() -> None:
    async with LambdaClient(transport=FakeTransport({})) as client:
        assert "processes cannot be used with transport=FakeTransport" in refused(client)


async def test_ssl_context_is_refused() -> None:
    async with LambdaClient(region="eu-west-1", credentials=KEYS, ssl_context=ssl.create_default_context()) as client:
        assert "ssl_context, which has no pickle; give ca_bundle instead" in refused(client)


async def test_middleware_that_does_not_pickle_is_refused() -> None:
    async with LambdaClient(region="eu-west-1", credentials=KEYS) as client:
        client.middleware_stack.add(Lock(), name="lock")
        text = refused(client)
    assert re.search(r"the middleware 'lock', .* cannot reach another process: cannot pickle '_thread.lock' object", text)


async def test_local_function_as_middleware_is_refused() -> None:
    async def local(call: Call[Any, Any], call_next: Any) -> Any:
        return await call_next(call)

    async with LambdaClient(region="eu-west-1", credentials=KEYS) as client:
        client.middleware_stack.add(local)
        assert "defined inside a function; define it in a module" in refused(client)


async def test_retry_strategy_that_does_not_pickle_is_refused() -> None:
    class Local(GiveUp):
        pass

    async with LambdaClient(region="eu-west-1", credentials=KEYS, retry=Local()) as client:
        assert "the retry strategy cannot reach another process" in refused(client)


class CallCounter(ClientObserver):
    def call_ended(self, event: CallEnded, /) -> None:
        pass


class MapCounter(ClientObserver):
    def __init__(self) -> None:
        self.events: list[object] = []

    def map_started(self, event: MapStarted, /) -> None:
        self.events.append(event)

    def map_ended(self, event: MapEnded, /) -> None:
        self.events.append(event)


async def test_observer_of_calls_is_refused() -> None:
    async with LambdaClient(region="eu-west-1", credentials=KEYS) as client:
        with client.observe(CallCounter()):
            assert "while CallCounter observes the calls of this client" in refused(client)


async def test_observer_of_maps_is_told() -> None:
    observer = MapCounter()
    async with calling(CountingLambda()) as client:
        with client.observe(observer):
            await client.map("f", range(3), processes=2).collect()
    assert [type(event).__name__ for event in observer.events] == ["MapStarted", "MapEnded"]


async def test_middlewares_stand_in_the_same_order() -> None:
    service = CountingLambda()
    async with (
        raw_server(service) as server,
        LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url=server.url) as client,
    ):
        client.middleware_stack.add_relative_to(noting, relation="after", to_middleware="stamped")
        client.middleware_stack.add(stamped, step="build", name="stamped")
        async with client.map("f", range(20), processes=2) as run:
            pids = set(workers_of(client).pids)
            assert all([result.ok async for result in run])
        stamps = {re.search(rb"x-pid: (\d+\+)\r\n", head)[1].decode() for head, _ in server.requests}  # type: ignore[index] # of each
    assert stamps <= {f"{pid}+" for pid in pids}
    assert len(stamps) == 2


async def test_removed_middlewares_stay_removed() -> None:
    service = CountingLambda()
    async with raw_server(service) as server:
        client = LambdaClient(region="eu-west-1", endpoint_url=server.url)
        client.middleware_stack.remove("httpSigningMiddleware")
        async with client:
            assert all(result.ok for result in await client.map("f", range(5), processes=2).collect())
        assert not any(b"authorization" in head.lower() for head, _ in server.requests)


@pytest.mark.parametrize(
    ("middleware", "text"),
    [
        (with_a_lock, "cannot leave its process: cannot pickle '_thread.lock' object"),
        (with_a_lock_for_an_id, "cannot be passed from one process to another: TypeError"),
        (without_metadata, "cannot be passed from one process to another: AttributeError"),
    ],
    ids=["member", "metadata", "no-metadata"],
)
async def test_output_that_cannot_be_passed_fails_its_item_alone(middleware: Any, text: str) -> None:
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(middleware, name="odd")
        results = await client.map("f", range(20), processes=2, ordered=True).collect()
    assert [result.index for result in results if not result.ok] == [1]
    assert text in str(results[1].error)
    assert results[1].delivery is Delivery.UNKNOWN
    assert service.executed.total() == 20


async def test_output_that_cannot_be_loaded_fails_its_item_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "can_load_own_text", False)
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(with_a_text_of_its_own, name="odd")
        results = await client.map("f", range(20), processes=2, ordered=True).collect()
    assert [result.index for result in results if not result.ok] == [1]
    assert "raised LookupError" in str(results[1].error)
    assert results[1].delivery is Delivery.UNKNOWN
    assert service.executed.total() == 20


async def test_error_of_a_middleware_fails_its_item_alone() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(raising, name="raising")
        results = await client.map("f", range(5), processes=2, ordered=True).collect()
    assert [result.index for result in results if not result.ok] == [1]
    assert results[1].delivery is Delivery.NOT_DELIVERED
    assert service.executed.total() == 4


async def test_call_that_a_middleware_cancels_may_have_run() -> None:
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(cancelling, name="cancelling")
        results = await client.map("f", range(5), processes=2, ordered=True).collect()
    assert [result.index for result in results if not result.ok] == [1]
    assert results[1].delivery is Delivery.UNKNOWN
    assert service.executed.total() == 5


async def test_prints_of_workers_do_not_harm_the_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    service = CountingLambda()
    async with calling(service) as client:
        client.middleware_stack.add(printing, name="printing")
        results = await client.map("f", range(5), processes=2).collect()
    assert verdicts_against(results, service) == {"ok": 5}
    assert "a print of a middleware" in capfd.readouterr().err


async def test_warnings_of_workers_reach_the_logger_of_the_client(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("program.lambda")
    async with calling(CountingLambda(), logger=logger) as client:
        client.middleware_stack.add(warning, name="warning")
        await client.map("f", [1], processes=2).collect()
    [record] = [record for record in caplog.records if record.name == "program.lambda.retry"]
    assert (record.getMessage(), record.levelno) == ("a warning of a worker", logging.WARNING)
    assert record.__dict__["function_name"] == "f"


async def test_settings_reach_the_workers() -> None:
    settings: dict[str, Any] = {"timeout": Timeouts(connect=0.5), "retry": StandardRetry(max_attempts=2)}
    async with LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url="http://127.0.0.1:1", **settings) as client:
        [result] = await client.map("f", [1], processes=2).collect()
    assert isinstance(result.error, ConnectError)
    assert result.attempts == 2


async def test_limit_of_the_map_reaches_the_workers() -> None:
    service = CountingLambda(held_from=0)
    async with calling(service) as client:
        [result] = await client.map("f", [1], processes=2, timeout=0.2).collect()
    assert "did not end within 0.2 s" in str(result.error)


@pytest.mark.parametrize("said", [True, None], ids=["said", "unsaid"])
async def test_attempts_of_an_idempotent_map(said: bool | None) -> None:
    requests = []

    async def dropping(connection: Any) -> None:
        requests.append(await connection.read_request())

    async with (
        raw_server(dropping) as server,
        LambdaClient(
            region="eu-west-1", credentials=KEYS, endpoint_url=server.url, retry=StandardRetry(max_attempts=2)
        ) as client,
    ):
        [result] = await client.map("f", [1], processes=2, idempotent=said).collect()
    assert result.attempts == len(requests) == (2 if said else 1)


async def test_credentials_are_asked_for_and_renewed() -> None:
    """The keys that the service refuses are replaced by the provider of this process."""

    class Provider:
        def __init__(self) -> None:
            self.asked = self.refreshed = 0

        async def get_credentials(self) -> Credentials:
            self.asked += 1
            return Credentials(f"AKID{self.refreshed}", "secret")

        async def refresh(self, rejected: Credentials, /) -> Credentials:
            if rejected.access_key_id == f"AKID{self.refreshed}":
                self.refreshed += 1
            return await self.get_credentials()

    provider, service = Provider(), CountingLambda(seconds=0.005)
    async with calling(service, credentials=provider) as client:
        async with client.map("f", range(200), processes=2, concurrency=10) as run:
            results = [await anext(aiter(run))]
            service.rejected_keys.add("AKID0")
            results += [result async for result in run]
    assert verdicts_against(results, service) == {"ok": 200}
    assert set(service.keys) == {"AKID0", "AKID1"}
    assert provider.refreshed == 1
    assert provider.asked <= 6


@pytest.mark.parametrize(
    "expires_at",
    [None, dt.datetime(2031, 5, 4, 3, 2, 1, 987_654, tzinfo=dt.timezone(dt.timedelta(hours=2)))],
    ids=["lasting", "expiring"],
)
async def test_packed_credentials_are_equal_to_those_that_were_packed(expires_at: dt.datetime | None) -> None:
    """Or a provider would not know those that are rejected."""
    keys = Credentials("AKIDEXAMPLE", "secret", "token", expires_at=expires_at)
    assert credentials_in(packed_credentials(keys)) == keys


class OwnKeys(Credentials):
    """Its module need not be known to a worker."""

    def __reduce__(self) -> Any:
        raise TypeError("no pickle")


async def test_credentials_of_another_class_are_renewed() -> None:
    class Provider:
        current = OwnKeys("AKID0", "secret")

        async def get_credentials(self) -> Credentials:
            return self.current

        async def refresh(self, rejected: Credentials, /) -> Credentials:
            if rejected == self.current:
                self.current = OwnKeys("AKID1", "secret")
            return self.current

    service = CountingLambda(rejected_keys={"AKID0"})
    async with calling(service, credentials=Provider()) as client:
        results = await client.map("f", range(20), processes=2).collect()
    assert verdicts_against(results, service) == {"ok": 20}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        pytest.param(None, "must return aiolambda.Credentials; it returned NoneType", id="nothing"),
        pytest.param(asyncio.CancelledError(), "cancelled the task", id="cancelled"),
        pytest.param(KeyError("secret"), "get_credentials() raised KeyError", id="raised"),
    ],
)
async def test_nonsense_of_a_provider_fails_each_item(answer: Any, text: str) -> None:
    class Provider:
        async def get_credentials(self) -> Credentials:
            if isinstance(answer, BaseException):
                raise answer
            return answer  # type: ignore[no-any-return] # that is the nonsense

    service = CountingLambda()
    async with calling(service, credentials=Provider()) as client, asyncio.timeout(30):
        results = await client.map("f", range(3), processes=2).collect()
    assert all(text in str(result.error) for result in results)
    assert not service.executed


async def test_failing_provider_fails_each_item() -> None:
    class Failing:
        async def get_credentials(self) -> Credentials:
            raise ConfigurationError("the safe is locked")

    service = CountingLambda()
    async with calling(service, credentials=Failing()) as client:
        results = await client.map("f", range(3), processes=2).collect()
    assert {str(result.error) for result in results} == {"the safe is locked"}
    assert not service.executed


async def test_secrets_are_in_no_argument_and_no_environment() -> None:
    secret = "verySecretIndeed"
    service = CountingLambda(held_from=0)
    async with calling(service, credentials=Credentials("AKIDEXAMPLE", secret)) as client:
        async with client.map("f", range(4), processes=2) as run:
            await service.until(4)
            for pid in workers_of(client).pids:
                for name in ("cmdline", "environ"):
                    assert secret.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
            service.released.set()
            assert all([result.ok async for result in run])


async def test_keys_are_asked_for_once_and_used_until_they_expire() -> None:
    told: list[Any] = []
    provider = AskingProvider(told.append, asyncio.get_running_loop())
    waiting = [asyncio.ensure_future(provider.get_credentials()) for _ in range(3)]
    await asyncio.sleep(0)
    assert told == [("credentials", 1, None)]
    expired = Credentials("A", "s", expires_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    provider.answer(1, expired, None)
    assert await asyncio.gather(*waiting) == [expired] * 3
    again = asyncio.ensure_future(provider.get_credentials())
    await asyncio.sleep(0)
    assert told[1:] == [("credentials", 2, None)]
    provider.answer(1, KEYS, None)
    provider.answer(2, None, ConfigurationError("gone"))
    with pytest.raises(ConfigurationError, match="gone"):
        await again


async def test_rejection_is_asked_for_those_that_wait_too() -> None:
    told: list[Any] = []
    provider = AskingProvider(told.append, asyncio.get_running_loop())
    first = asyncio.ensure_future(provider.get_credentials())
    await asyncio.sleep(0)
    second = asyncio.ensure_future(provider.refresh(KEYS))
    await asyncio.sleep(0)
    assert told == [("credentials", 1, None), ("credentials", 2, packed_credentials(KEYS))]
    provider.answer(1, KEYS, None)
    other = Credentials("B", "s")
    provider.answer(2, other, None)
    assert await asyncio.gather(first, second) == [other, other]


async def test_uvloop_in_workers_if_it_is_here() -> None:
    pytest.importorskip("uvloop")
    program = (
        "import asyncio, sys, uvloop\n"
        "from aiolambda import Credentials, LambdaClient\n"
        "async def main():\n"
        "    settings = dict(region='eu-west-1', credentials=Credentials('A', 's'), endpoint_url=sys.argv[1])\n"
        "    async with LambdaClient(**settings) as client:\n"
        "        async with client.map('f', range(50), processes=2) as run:\n"
        "            [workers] = client._maps.workers.working\n"
        "            maps = [open(f'/proc/{pid}/maps').read() for pid in workers.pids]\n"
        "            results = [result async for result in run]\n"
        "    print(sum(result.ok for result in results), sum('uvloop' in text for text in maps))\n"
        "with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner: runner.run(main())\n"
    )
    service = CountingLambda()
    async with calling(service) as client:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", program, str(client.config.endpoint_url)), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert output.split() == [b"50", b"2"]

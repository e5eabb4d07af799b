"""Keys that expire, in virtual time: fetches, waiting calls, and renewals that fail."""

import asyncio
import datetime as dt
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest

from aiolambda import ConfigurationError, Credentials
from aiolambda.config.credentials.background import CallerLoopEndedError, in_thread, on_caller_loop
from aiolambda.config.credentials.refreshable import RefreshableCredentials

from ..support import virtual
from ..support.loops import NO_SLOW_CALLBACKS

EPOCH = 1_800_000_000.0
HOUR, MINUTE = 3600.0, 60.0


def now() -> float:
    return EPOCH + asyncio.get_running_loop().time()


@attrs.define(eq=False)
class FakeSource:
    """Gives other keys at each fetch, which takes `takes` seconds. Fails while it is `down`."""

    lifetime: float | None = HOUR
    until: float | None = None
    takes: float = 0.0
    down: bool = False
    same: bool = False
    name: str = "fake"
    needs_caller_loop: bool = False
    asked: list[bool] = attrs.field(factory=list)

    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials:
        self.asked.append(rejected)
        number = 1 if self.same else len(self.asked)
        await asyncio.sleep(self.takes)
        if self.down:
            raise OSError("no answer")
        moment = self.until or (None if self.lifetime is None else now() + self.lifetime)
        expires_at = None if moment is None else dt.datetime.fromtimestamp(moment, dt.UTC)
        return Credentials(f"AKID{number}", "hunter2", "token", expires_at=expires_at)


@attrs.define(eq=False)
class Here:
    """Replaces the thread by a task of the virtual loop."""

    alive: bool = True
    tasks: list[asyncio.Task[None]] = attrs.field(factory=list)

    def __call__(self, work: Callable[[], Coroutine[Any, Any, Any]], done: Callable[[Any], None], /) -> Callable[[], bool]:
        async def body() -> None:
            try:
                outcome: object = await work()
            except Exception as error:
                outcome = error
            done(outcome)

        self.tasks.append(asyncio.ensure_future(body()))
        return lambda: self.alive


def provider_of(source: FakeSource, *, jitter: float = 0.5, start: Here | None = None) -> RefreshableCredentials:
    return RefreshableCredentials(source, now=now, jitter=lambda: jitter, start=start or Here())


async def key(provider: RefreshableCredentials) -> str:
    return (await provider.get_credentials()).access_key_id


async def until(moment: float) -> None:
    """Sleep until this many seconds after the loop's start."""
    await asyncio.sleep(moment - asyncio.get_running_loop().time())


async def used_each_second(provider: RefreshableCredentials, begin: float, end: float) -> None:
    """One call a second: none is delayed, and none gets expired keys."""
    for second in range(int(begin), int(end)):
        await until(second)
        before = now()
        credentials = await provider.get_credentials()
        assert now() == before
        assert credentials.expires_at is not None
        assert credentials.expires_at.timestamp() > before


@pytest.mark.virtual_time
async def test_concurrent_first_calls_fetch_once() -> None:
    source = FakeSource(takes=3)
    provider = provider_of(source)
    keys = await asyncio.gather(*(key(provider) for _ in range(5000)))
    assert (set(keys), len(source.asked)) == ({"AKID1"}, 1)


@pytest.mark.virtual_time
async def test_keys_are_ready_until_their_renewal() -> None:
    provider = provider_of(FakeSource())
    assert provider.ready_credentials() is None
    keys = await provider.get_credentials()
    assert provider.ready_credentials() is keys
    await asyncio.sleep(HOUR - 60)
    assert provider.ready_credentials() is None


async def test_cancelled_caller_does_not_stop_the_fetch() -> None:
    source = FakeSource(takes=3)
    provider = provider_of(source)
    first, second = asyncio.ensure_future(key(provider)), asyncio.ensure_future(key(provider))
    await asyncio.sleep(1)
    first.cancel()
    assert await second == "AKID1"
    assert first.cancelled()
    assert len(source.asked) == 1


@pytest.mark.virtual_time
async def test_keys_without_expiry_are_fetched_once() -> None:
    source = FakeSource(lifetime=None)
    provider = provider_of(source)
    for _ in range(3):
        assert await key(provider) == "AKID1"
        await asyncio.sleep(1e6)
    assert len(source.asked) == 1


@pytest.mark.virtual_time
async def test_renewal_does_not_delay_calls() -> None:
    source = FakeSource(takes=5)
    provider = provider_of(source)
    await provider.get_credentials()
    await used_each_second(provider, 10, 5 * HOUR)
    assert len(source.asked) == 7  # each hour's keys live for 48 minutes


@pytest.mark.virtual_time
@pytest.mark.parametrize(("jitter", "minutes"), [(0.0, 14.0), (1 - 1e-9, 14 * 2 / 3)])
async def test_renewal_time_is_jittered(jitter: float, minutes: float) -> None:
    source = FakeSource()
    provider = provider_of(source, jitter=jitter)
    await provider.get_credentials()
    await until(HOUR - minutes * MINUTE - 1)
    await provider.get_credentials()
    assert len(source.asked) == 1
    await asyncio.sleep(1.1)
    await provider.get_credentials()
    await asyncio.sleep(0)
    assert len(source.asked) == 2


@pytest.mark.virtual_time
async def test_short_lived_keys_are_not_always_fetched() -> None:
    source = FakeSource(lifetime=60)
    provider = provider_of(source)
    await provider.get_credentials()
    await used_each_second(provider, 1, 600)
    assert len(source.asked) <= 18


def test_source_outage_before_expiry_fails_no_call(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> FakeSource:
        source = FakeSource(takes=1)
        provider = provider_of(source)
        await provider.get_credentials()
        source.down = True
        await used_each_second(provider, HOUR - 14 * MINUTE, HOUR - MINUTE)
        source.down = False
        await used_each_second(provider, HOUR - MINUTE, 2 * HOUR)
        return source

    with caplog.at_level(logging.WARNING, "aiolambda"):
        source = virtual.run(main())
    warnings = [record.getMessage() for record in caplog.records]
    assert 5 <= len(warnings) <= 11  # at most one a minute
    assert "from fake could not be renewed, and stay in use, good until 2027-01-15 09:00:01 UTC" in warnings[0]
    assert "no answer" in warnings[0]
    assert "hunter2" not in "".join(warnings)
    assert len(source.asked) < 30


@pytest.mark.virtual_time
async def test_calls_wait_for_a_fetch_just_before_expiry() -> None:
    source = FakeSource(takes=2)
    provider = provider_of(source)
    await provider.get_credentials()
    source.down = True
    await until(HOUR - 6)
    assert await key(provider) == "AKID1"
    assert now() == EPOCH + HOUR - 4
    source.down = False
    await asyncio.sleep(1)
    assert await key(provider) == "AKID3"


@pytest.mark.virtual_time
async def test_failed_fetch_is_shared_and_rate_limited() -> None:
    source = FakeSource(down=True)
    provider = provider_of(source)
    failures = await asyncio.gather(*(key(provider) for _ in range(100)), return_exceptions=True)
    assert len({id(failure) for failure in failures}) == 100
    for failure in failures:
        assert isinstance(failure, ConfigurationError)
        assert "credentials from fake could not be fetched: OSError: no answer" in str(failure)
    for _ in range(50):
        with pytest.raises(ConfigurationError):
            await key(provider)
        await asyncio.sleep(0.1)
    assert len(source.asked) == 5
    source.down = False
    await asyncio.sleep(1)
    assert await key(provider) == "AKID6"


@pytest.mark.virtual_time
async def test_expired_keys_are_not_used() -> None:
    source = FakeSource()
    provider = provider_of(source)
    await provider.get_credentials()
    source.down = True
    await until(HOUR + 1)
    with pytest.raises(ConfigurationError, match="no answer"):
        await provider.get_credentials()
    source.down = False
    await asyncio.sleep(1.1)
    assert await key(provider) == "AKID3"


@pytest.mark.virtual_time
async def test_keys_that_arrive_expired_are_used() -> None:
    """The clock here may be two hours fast. The first refusal tells the client."""

    source = FakeSource(lifetime=-HOUR)
    provider = provider_of(source)
    for _ in range(100):
        assert await key(provider) == "AKID1"
    assert len(source.asked) == 1


@pytest.mark.virtual_time
async def test_refused_keys_are_replaced_once() -> None:
    source = FakeSource(takes=1)
    provider = provider_of(source)
    refused = await provider.get_credentials()
    fresh = await asyncio.gather(*(provider.refresh(refused) for _ in range(1000)))
    assert {credentials.access_key_id for credentials in fresh} == {"AKID2"}
    assert source.asked == [False, True]
    assert (await provider.refresh(refused)).access_key_id == "AKID2"
    assert len(source.asked) == 2


@pytest.mark.virtual_time
async def test_refusal_waits_for_a_running_renewal() -> None:
    source = FakeSource(takes=5)
    provider = provider_of(source)
    refused = await provider.get_credentials()
    await until(HOUR - 5 * MINUTE)
    await provider.get_credentials()
    assert (await provider.refresh(refused)).access_key_id == "AKID2"
    assert source.asked == [False, False]


@pytest.mark.virtual_time
async def test_refusal_of_unknown_keys_fetches_the_first() -> None:
    source = FakeSource()
    assert (await provider_of(source).refresh(Credentials("AKIDOTHER", "s"))).access_key_id == "AKID1"
    assert source.asked == [False]


@pytest.mark.virtual_time
async def test_unchanged_keys_are_not_fetched_repeatedly() -> None:
    source = FakeSource(same=True)
    provider = provider_of(source)
    refused = await provider.get_credentials()
    for _ in range(50):
        assert await provider.refresh(refused) == refused
    assert source.asked == [False, True]
    await asyncio.sleep(11)
    await provider.refresh(refused)
    assert source.asked == [False, True, True]


@pytest.mark.virtual_time
async def test_failed_replacement_raises_an_error() -> None:
    source = FakeSource()
    provider = provider_of(source)
    refused = await provider.get_credentials()
    source.down = True
    with pytest.raises(ConfigurationError, match="no answer"):
        await provider.refresh(refused)
    assert await provider.refresh(refused) == refused  # within the same second


def test_the_life_of_keys_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        source = FakeSource(takes=1)
        provider = provider_of(source)
        await provider.get_credentials()
        await used_each_second(provider, HOUR - 13 * MINUTE, HOUR - 11 * MINUTE)
        source.down = True
        await until(4 * HOUR)
        for _ in range(3):
            with pytest.raises(ConfigurationError):
                await provider.get_credentials()
            await asyncio.sleep(1)

    with caplog.at_level(logging.INFO, "aiolambda"):
        virtual.run(main())
    fetched, renewed, failed = caplog.records
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("aiolambda.credentials", "INFO"),
        ("aiolambda.credentials", "INFO"),
        ("aiolambda.credentials", "WARNING"),
    ]
    assert fetched.getMessage() == "the credentials from fake were fetched, good until 2027-01-15 09:00:01 UTC"
    assert renewed.getMessage().startswith("the credentials from fake were renewed, good until 2027-01-15 09:4")
    ended = "the credentials from fake could not be renewed, and calls fail, because they were good until 2027-01-15 09:4"
    assert failed.getMessage().startswith(ended)
    keys = vars(fetched)
    assert (keys["credentials_source"], keys["expires_at"]) == ("fake", "2027-01-15T09:00:01+00:00")
    assert "hunter2" not in caplog.text + str([vars(record) for record in caplog.records])


def test_a_first_fetch_that_fails_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Its callers get the error."""

    async def main() -> None:
        with pytest.raises(ConfigurationError):
            await provider_of(FakeSource(down=True)).get_credentials()

    with caplog.at_level(logging.INFO, "aiolambda"):
        virtual.run(main())
    assert caplog.records == []


def test_unchanged_keys_warn_in_the_last_minutes(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        provider = provider_of(FakeSource(same=True, until=EPOCH + HOUR))
        await provider.get_credentials()
        await used_each_second(provider, HOUR - 15 * MINUTE, HOUR - 5 * MINUTE)
        assert not caplog.records
        await used_each_second(provider, HOUR - 5 * MINUTE, HOUR - 3 * MINUTE)

    with caplog.at_level(logging.WARNING, "aiolambda"):
        virtual.run(main())
    assert 1 <= len(caplog.records) <= 3
    assert "still gives the same keys" in caplog.text


@pytest.mark.virtual_time
async def test_same_keys_may_get_a_later_expiry() -> None:
    """aiobotocore does the same while the metadata service of an instance gives no other keys."""

    source = FakeSource(same=True)
    provider = provider_of(source)
    await provider.get_credentials()
    await until(HOUR - 5 * MINUTE)
    await provider.get_credentials()
    await asyncio.sleep(1)
    await used_each_second(provider, HOUR - 4 * MINUTE, HOUR + 30 * MINUTE)
    assert len(source.asked) == 2


@pytest.mark.virtual_time
async def test_clock_set_back_does_not_stop_fetching() -> None:
    source, back = FakeSource(down=True), [0.0]
    provider = RefreshableCredentials(source, now=lambda: now() - back[0], jitter=lambda: 0.5, start=Here())
    with pytest.raises(ConfigurationError):
        await provider.get_credentials()
    source.down, back[0] = False, HOUR
    assert await key(provider) == "AKID2"


@pytest.mark.virtual_time
async def test_fetch_lost_by_a_fork_is_restarted() -> None:
    source, lost = FakeSource(takes=1e9), Here(alive=False)
    provider = provider_of(source, start=lost)
    waiting = asyncio.ensure_future(key(provider))
    await asyncio.sleep(1)
    source.takes, lost.alive = 1, True
    provider._fetch.is_alive = lambda: False  # type: ignore[union-attr]
    assert await key(provider) == "AKID2"
    waiting.cancel()
    for task in lost.tasks:
        task.cancel()


@pytest.mark.virtual_time
async def test_failed_thread_start_is_an_error() -> None:
    def start(work: object, done: object, /) -> Callable[[], bool]:
        raise RuntimeError("can't start new thread")

    provider = RefreshableCredentials(FakeSource(), now=now, start=start)
    with pytest.raises(ConfigurationError, match="can't start new thread"):
        await provider.get_credentials()


async def test_cancelled_fetch_thread_is_an_error() -> None:
    class Broken(FakeSource):
        async def fetch(self, *, rejected: bool, caller_loop: object) -> Credentials:
            raise asyncio.CancelledError

    with pytest.raises(ConfigurationError, match="was stopped"):
        await RefreshableCredentials(Broken()).get_credentials()


async def test_closed_home_loop_is_an_error() -> None:
    caller_loop = asyncio.new_event_loop()
    caller_loop.close()
    with pytest.raises(CallerLoopEndedError, match="was closed"):
        await on_caller_loop(caller_loop, FakeSource().fetch)  # type: ignore[arg-type]


async def test_fetch_runs_in_its_own_thread_and_loop() -> None:
    seen: list[object] = []

    class Watched(FakeSource):
        async def fetch(self, *, rejected: bool, caller_loop: object) -> Credentials:
            seen.extend((threading.current_thread(), asyncio.get_running_loop()))
            return Credentials("AKID", "s")

    assert await key(RefreshableCredentials(Watched())) == "AKID"
    assert seen[0] is not threading.current_thread()
    assert seen[1] is not asyncio.get_running_loop()


async def test_repr_shows_the_source_and_no_secret() -> None:
    provider = RefreshableCredentials(FakeSource(lifetime=None))
    assert repr(provider) == "<RefreshableCredentials from fake, none yet>"
    await provider.get_credentials()
    assert repr(provider) == "<RefreshableCredentials from fake, without expiry>"


def program(code: str) -> str:
    """The output of a fresh interpreter in which every warning is an error, and asyncio reports leaks."""
    prelude = f"""{NO_SLOW_CALLBACKS}
import asyncio, datetime as dt, gc, threading
from aiolambda import Credentials
from aiolambda.config.credentials.refreshable import RefreshableCredentials
begun, go_on, fetches = threading.Event(), threading.Event(), []
class Source:
    name, needs_caller_loop = "fake", False
    async def fetch(self, *, rejected, caller_loop):
        fetches.append(rejected)
        begun.set()
        await asyncio.to_thread(go_on.wait)
        return Credentials("AKID", "s", expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
provider = RefreshableCredentials(Source())
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", prelude + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_fetch_outlives_the_loop_that_started_it() -> None:
    code = """
async def leave():
    asyncio.ensure_future(provider.get_credentials())
    await asyncio.to_thread(begun.wait)
asyncio.run(leave())
go_on.set()
print(asyncio.run(provider.get_credentials()).access_key_id, len(fetches))
"""
    assert program(code) == "AKID 1\n"


def test_fetch_survives_an_abruptly_closed_loop() -> None:
    code = """
loop = asyncio.new_event_loop()
async def begin():
    asyncio.ensure_future(asyncio.wait_for(provider.get_credentials(), 0.05)).add_done_callback(lambda task: task.exception())
    await asyncio.to_thread(begun.wait)
    await asyncio.sleep(0.1)
loop.run_until_complete(begin())
loop.run_until_complete(loop.shutdown_default_executor())
loop.close()
go_on.set()
print(asyncio.run(provider.get_credentials()).access_key_id, len(fetches))
gc.collect()
"""
    assert program(code) == "AKID 1\n"


def test_exit_does_not_wait_for_a_fetch() -> None:
    code = """
class Hanging(Source):
    async def fetch(self, *, rejected, caller_loop):
        begun.set()
        threading.Event().wait()
async def leave():
    asyncio.ensure_future(RefreshableCredentials(Hanging()).get_credentials())
    await asyncio.to_thread(begun.wait)
asyncio.run(leave())
print("left")
"""
    assert program(code) == "left\n"


async def test_loops_of_several_threads_share_one_fetch() -> None:
    source = FakeSource(lifetime=None)
    begun, go_on = threading.Barrier(5), threading.Event()

    class Slow(FakeSource):
        async def fetch(self, *, rejected: bool, caller_loop: object) -> Credentials:
            source.asked.append(rejected)
            await asyncio.to_thread(go_on.wait)
            return Credentials("AKID", "s")

    provider = RefreshableCredentials(Slow())

    def use() -> str:
        begun.wait(10)
        return asyncio.run(key(provider))

    uses = [asyncio.ensure_future(asyncio.to_thread(use)) for _ in range(4)]
    await asyncio.to_thread(begun.wait, 10)
    go_on.set()
    assert await asyncio.gather(*uses) == ["AKID"] * 4
    assert len(source.asked) == 1


def test_ended_fetch_thread_is_not_alive() -> None:
    ended = threading.Event()

    async def work() -> int:
        return 7

    outcomes: list[object] = []
    alive = in_thread(work, lambda outcome: (outcomes.append(outcome), ended.set()))  # type: ignore[arg-type, func-returns-value]
    assert ended.wait(10)
    alive.__self__.join(10)  # type: ignore[attr-defined]
    assert (outcomes, alive()) == ([7], False)

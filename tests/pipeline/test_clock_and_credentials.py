"""A wrong clock and expired credentials are corrected once."""

import asyncio
import datetime as dt
import email.utils
from typing import Any

import pytest

from aiolambda import (
    ConfigurationError,
    Credentials,
    Delivery,
    LambdaServiceException,
)
from aiolambda.types.http import Request, Response

from ..support.retrying import KEYS, Outcome, Rotating, Scripted, answer, client_of, clocked, now


@pytest.mark.virtual_time
@pytest.mark.parametrize("minutes", [-600, -6, 6, 600])
@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"])
async def test_clock_skew_is_corrected_once(minutes: int, code: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="aiolambda")
    transport = Scripted(clocked(dt.timedelta(minutes=minutes), code))
    async with client_of(transport) as client:
        await client.invoke("orders")
        assert (len(transport.times), now()) == (2, 0)
        await client.invoke("orders")
        assert len(transport.times) == 3
    again, record = caplog.records
    assert (again.name, record.name) == ("aiolambda.retry", "aiolambda")
    assert again.getMessage().endswith("; the next request is signed with the time of the service; next attempt at once")
    seconds, side = record.args if isinstance(record.args, tuple) else ()
    assert (record.levelname, side) == ("INFO", "behind" if minutes > 0 else "ahead of")
    assert isinstance(seconds, float)
    assert seconds == pytest.approx(abs(minutes) * 60, abs=5)


@pytest.mark.virtual_time
async def test_wrong_date_of_a_gateway_is_forgotten() -> None:
    """A gateway whose clock is ten minutes fast stands before a service that is on time, and refuses for another reason."""
    fast = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10), usegmt=True)
    serve = clocked(dt.timedelta(0))
    transport = Scripted(answer(403, "InvalidSignatureException", date=fast), serve, serve)
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("denied")
        assert client._state.clock_offset == dt.timedelta(0)
        await client.invoke("orders")
    assert len(transport.times) == 3


@pytest.mark.virtual_time
async def test_corrected_clock_is_kept_after_another_error() -> None:
    serve = clocked(dt.timedelta(hours=1))

    def without_the_function(request: Request) -> Outcome:
        outcome = serve(request)
        assert isinstance(outcome, Response)
        return outcome if outcome.status != 200 else answer(404, "ResourceNotFoundException")

    transport = Scripted(without_the_function)
    async with client_of(transport) as client:
        for _ in range(3):
            with pytest.raises(LambdaServiceException):
                await client.invoke("orders")
    assert len(transport.times) == 4


@pytest.mark.virtual_time
@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 01 Jan 1700 00:00:00 GMT"])
async def test_an_impossible_date_corrects_nothing(date: str) -> None:
    transport = Scripted(answer(403, "RequestExpired", date=date), answer())
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
        await client.invoke("orders")


@pytest.mark.virtual_time
async def test_concurrent_clock_refusals_all_recover() -> None:
    transport = Scripted(clocked(dt.timedelta(hours=1)))
    async with client_of(transport) as client:
        await asyncio.gather(*(client.invoke("orders") for _ in range(20)))
    assert len(transport.times) <= 40


@pytest.mark.virtual_time
@pytest.mark.parametrize("code", ["InvalidSignatureException", "AccessDeniedException", "SignatureDoesNotMatch"])
async def test_other_signature_refusals_are_not_retried(code: str) -> None:
    for headers in ({"date": email.utils.format_datetime(dt.datetime.now(dt.UTC), usegmt=True)}, {}, {"date": "soon"}):
        transport = Scripted(answer(403, code, **headers))
        async with client_of(transport) as client:
            with pytest.raises(LambdaServiceException):
                await client.invoke("orders")
        assert len(transport.times) == 1


@pytest.mark.virtual_time
async def test_clock_is_corrected_only_once_in_a_call() -> None:
    hours = iter(range(1, 10))

    def wandering(request: Request) -> Outcome:
        served = dt.datetime.now(dt.UTC) + dt.timedelta(hours=next(hours))
        return answer(403, "RequestTimeTooSkewed", date=email.utils.format_datetime(served, usegmt=True))

    transport = Scripted(wandering)
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert len(transport.times) == 2


@pytest.mark.virtual_time
async def test_expired_credentials_renew_without_a_slot() -> None:
    def serve(request: Request) -> Outcome:
        if "AKIDEXAMPLE2/" in request.headers["authorization"]:
            return answer()
        return answer(403, "ExpiredTokenException", b'{"message":"The security token included in the request is expired"}')

    transport, provider = Scripted(serve), Rotating()
    async with client_of(transport, credentials=provider, max_concurrency=1) as client:
        call = asyncio.create_task(client.invoke("orders"))
        await asyncio.sleep(0.5)
        assert client.stats.in_flight == 0
        await call
    assert (len(transport.times), provider.refused, now()) == (2, [Credentials("AKIDEXAMPLE1", "secret")], 1)


@pytest.mark.virtual_time
async def test_waiting_call_renews_keys_without_a_slot() -> None:
    """Here they come from a function, which the provider invokes with the same client and its only slot."""
    began = dt.datetime.now(dt.UTC)

    class Brokered:
        fetches = 0
        fetching = False

        async def get_credentials(self) -> Credentials:
            self.fetches += 1
            if self.fetches > 2 and not self.fetching:
                self.fetching = True
                await client.invoke("broker")
                self.fetching = False
            return Credentials(
                "AKIDEXAMPLE", "secret", expires_at=began + dt.timedelta(seconds=1 if self.fetches <= 2 else 1e6)
            )

    class Held(Scripted):
        async def send(self, request: Request, /) -> Response:
            await asyncio.sleep(3 if "/hold/" in request.url else 0)
            return await super().send(request)

    transport = Held(answer())
    client = client_of(transport, credentials=Brokered(), max_concurrency=1)
    client._state.now = lambda: began + dt.timedelta(seconds=now())
    async with client:
        holding = asyncio.create_task(client.invoke("hold"))
        await asyncio.sleep(0.1)
        await client.invoke("orders", timeout=60)
        await holding
    assert ([request.url.split("/")[-2] for request in transport.requests], now()) == (["hold", "broker", "orders"], 3)


@pytest.mark.virtual_time
@pytest.mark.parametrize("provider", [KEYS, Rotating(renews=False)], ids=["static", "not renewed"])
async def test_unrenewable_credentials_fail_at_once(provider: Any) -> None:
    transport = Scripted(answer(403, "ExpiredTokenException"))
    async with client_of(transport, credentials=provider) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert len(transport.times) == 1


async def passes_on(call: Any, call_next: Any) -> Any:
    return await call_next(call)


@pytest.mark.parametrize("is_fused", [True, False])
async def test_error_of_a_provider_is_a_configuration_error(is_fused: bool) -> None:
    """It becomes the cause: its text may hold a secret."""
    problem = RuntimeError("no lease for hunter2")

    class Broken:
        async def get_credentials(self) -> Credentials:
            raise problem

    async with client_of(transport := Scripted(answer()), credentials=Broken()) as client:
        if not is_fused:
            client.middleware_stack.add(passes_on, step="finalize", priority="low")
        with pytest.raises(ConfigurationError) as raised:
            await client.invoke("orders")
    assert str(raised.value).startswith("Broken.get_credentials() raised RuntimeError")
    assert "hunter2" not in str(raised.value)
    assert (raised.value.__cause__, raised.value.delivery, transport.times) == (problem, Delivery.NOT_DELIVERED, [])


async def test_error_of_a_refresh_keeps_the_verdict() -> None:
    class Broken:
        async def get_credentials(self) -> Credentials:
            return KEYS

        async def refresh(self, rejected: Credentials, /) -> Credentials:
            raise LookupError("hunter2")

    async with client_of(Scripted(answer(403, "ExpiredTokenException")), credentials=Broken()) as client:
        with pytest.raises(ConfigurationError, match=r"Broken\.refresh\(\) raised LookupError") as raised:
            await client.invoke("orders")
    assert (raised.value.delivery, raised.value.may_have_run) == (Delivery.REFUSED, False)


@pytest.mark.virtual_time
async def test_refused_fresh_credentials_are_raised() -> None:
    transport = Scripted(answer(403, "ExpiredTokenException"))
    async with client_of(transport, credentials=Rotating()) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert len(transport.times) == 2


@pytest.mark.virtual_time
async def test_failed_renewal_is_delivery_refused() -> None:
    class Broken(Rotating):
        async def refresh(self, rejected: Credentials, /) -> Credentials:
            raise ConfigurationError("the session of profile 'dev' has ended")

    async with client_of(Scripted(answer(403, "ExpiredTokenException")), credentials=Broken()) as client:
        with pytest.raises(ConfigurationError, match="has ended") as raised:
            await client.invoke("orders")
    assert (raised.value.delivery, type(raised.value.__context__).__name__) == (Delivery.REFUSED, "ExpiredTokenException")

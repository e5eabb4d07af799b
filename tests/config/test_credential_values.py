"""Values that are not credentials: refused when they are made or given, without a secret in the error or a lost slot."""

import asyncio
import datetime as dt
import re
from typing import Any

import attrs
import pytest

from aiolambda import ConfigurationError, Credentials, LambdaClient
from aiolambda.testing import FakeTransport


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"expires_at": dt.datetime(2099, 1, 1)}, "expires_at must be a datetime with a time zone"),  # noqa: DTZ001 - it has none
        ({"expires_at": "2030"}, "expires_at must be a datetime with a time zone, or None; got str"),
        ({"expires_at": 4070908800}, "expires_at must be a datetime with a time zone, or None; got int"),
        ({"expires_at": dt.date(2099, 1, 1)}, "expires_at must be a datetime with a time zone, or None; got date"),
        ({"access_key_id": None}, "access_key_id must be a string; got NoneType"),
        ({"secret_access_key": b"the secret"}, "secret_access_key must be a string; got bytes"),
        ({"session_token": 12345}, "session_token must be a string; got int"),
    ],
)
def test_invalid_credentials_are_refused_when_made(members: dict[str, Any], said: str) -> None:
    given = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "s", **members}
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(said)}") as raised:
        Credentials(**given)
    assert "the secret" not in str(raised.value)
    assert "12345" not in str(raised.value)


@pytest.mark.parametrize("given", [("AKIDEXAMPLE", "the secret"), "the secret", Credentials])
def test_invalid_provider_is_refused_by_the_client(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="credentials must be Credentials, or a provider of them; got") as raised:
        LambdaClient(region="us-east-1", credentials=given)
    assert "the secret" not in str(raised.value)


@attrs.define
class Giving:
    """A provider that gives these values, one after another."""

    given: list[object]

    async def get_credentials(self) -> Any:
        return self.given.pop(0)


EXPIRED = Credentials("AKIDEXAMPLE", "s", expires_at=dt.datetime(2000, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize("given", [("AKIDEXAMPLE", "the secret"), "the secret", None])
@pytest.mark.parametrize("before", [[], [EXPIRED]], ids=["at first", "after expired keys"])
async def test_provider_without_keys_releases_its_slot(given: object, before: list[object]) -> None:
    provider = Giving([*before, given, Credentials("AKIDEXAMPLE", "s")])
    async with LambdaClient(
        region="us-east-1", credentials=provider, transport=FakeTransport({"f": lambda event: event}), max_concurrency=1
    ) as client:
        with pytest.raises(
            ConfigurationError, match=r"get_credentials\(\) must return .*; it returned (tuple|str|NoneType)"
        ) as raised:
            await client.invoke("f", 1)
        assert "the secret" not in str(raised.value)
        assert not raised.value.may_have_run
        assert client.stats.in_flight == 0
        async with asyncio.timeout(5):
            assert (await client.invoke("f", 2)).json() == 2


async def test_failing_expiry_check_releases_its_slot() -> None:
    """An error between taking the slot and sending the request gives the slot back."""

    class Broken(dt.tzinfo):
        def utcoffset(self, moment: dt.datetime | None, /) -> dt.timedelta:
            if asks.pop():
                raise RuntimeError("this time zone has a bug")
            return dt.timedelta(0)

    asks = [True, False]
    keys = Credentials("AKIDEXAMPLE", "s", expires_at=dt.datetime(2099, 1, 1, tzinfo=Broken()))
    provider = Giving([keys, Credentials("AKIDEXAMPLE", "s")])
    async with LambdaClient(
        region="us-east-1", credentials=provider, transport=FakeTransport({"f": lambda event: event}), max_concurrency=1
    ) as client:
        with pytest.raises(RuntimeError, match="this time zone has a bug"):
            await client.invoke("f", 1)
        assert client.stats.in_flight == 0
        async with asyncio.timeout(5):
            assert (await client.invoke("f", 2)).json() == 2

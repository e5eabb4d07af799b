"""Credentials from servers that others wrote: STS of moto and ministack, and the instance metadata service of ministack."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiolambda import ConfigurationError, Credentials, LambdaClient, ResourceNotFoundException
from aiolambda.credentials import assume_role, from_profile

from ..support import peers
from .test_config import set_all

pytest.importorskip("aiobotocore", reason="the extra 'aws' is not installed")

ROLE = "arn:aws:iam::123456789012:role/caller"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(scope="module")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with peers.moto(tmp_path_factory.mktemp("moto") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with peers.ministack(tmp_path_factory.mktemp("ministack") / "log") as url:
        yield url


@pytest.fixture(params=["moto", "ministack"])
def sts_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    set_all(monkeypatch, {"AWS_ENDPOINT_URL_STS": url, "AWS_REGION": "us-east-1"})
    return url


def lives_for(keys: Credentials, seconds: float) -> bool:
    assert keys.expires_at is not None
    return abs((keys.expires_at - dt.datetime.now(dt.UTC)).total_seconds() - seconds) < 10


async def test_peer_sts_gives_keys_for_a_role(sts_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, KEYS)
    provider = assume_role(ROLE, session_name="tests", duration=dt.timedelta(minutes=20))
    keys = await provider.get_credentials()
    assert keys.access_key_id.startswith("ASIA")
    assert keys.session_token
    assert lives_for(keys, 1200)
    assert await provider.refresh(keys) != keys  # type: ignore[attr-defined]


async def test_peer_sts_gives_keys_for_a_web_identity(sts_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("header.payload.signature")
    set_all(monkeypatch, {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE})
    async with LambdaClient() as client:
        provider = client._state.context.credentials
        assert provider is not None
        assert "from assume-role-with-web-identity, good until" in repr(provider)
        assert lives_for(await provider.get_credentials(), 3600)


async def test_peer_sts_gives_keys_for_a_source_profile(sts_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"[profile tea]\nrole_arn = {ROLE}\nsource_profile = base\nduration_seconds = 900\n"
        "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert lives_for(await from_profile("tea").get_credentials(), 900)


@pytest.fixture
def instance(ministack_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine without any configuration. Its metadata service is ministack's."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    set_all(monkeypatch, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": ministack_url, "AWS_REGION": "us-east-1"})
    return ministack_url


async def test_client_signs_with_instance_keys(instance: str) -> None:
    async with LambdaClient(endpoint_url=instance) as client:
        assert "from iam-role, good until" in repr(client._state.context.credentials)
        with pytest.raises(ResourceNotFoundException):
            await client.invoke("nothing")


async def test_instance_keys_assume_a_role_once(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", instance)
    provider = assume_role(ROLE)
    keys = await asyncio.gather(*(provider.get_credentials() for _ in range(1000)))
    assert len({found.access_key_id for found in keys}) == 1
    async with LambdaClient(endpoint_url=instance, credentials=provider) as client:
        with pytest.raises(ResourceNotFoundException):
            await client.invoke("nothing")


async def test_disabled_instance_metadata_gives_no_keys(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigurationError, match="no credentials"):
        await LambdaClient().open()

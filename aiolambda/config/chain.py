"""The rest of the credential chain, and the profile's region: through aiobotocore, in a thread.

Owns the only use of aiobotocore, by its public calls. Must not run any of it on the event loop: its import alone takes half a
second, and it reads files and talks to servers.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import ConfigurationError
from ..models import Credentials

__all__ = ["Chain", "ChainCredentials"]

_ASK_AGAIN_AFTER = 60.0
"""Seconds for which keys of the chain are used without asking it again. It renews them a quarter of an hour before they
expire, so keys that are a minute old are always good."""


class _FrozenCredentials(Protocol):
    access_key: str
    secret_key: str
    token: str | None


class Chain:
    """An aiobotocore session for one profile. Every method blocks: call them in a thread."""

    def __init__(self, profile: str | None) -> None:
        try:
            from aiobotocore.session import AioSession  # noqa: PLC0415 - loaded when first needed, for it costs half a second
        except ImportError:
            raise ConfigurationError(
                "region or credentials are neither in the arguments nor in the environment, and the AWS credential chain needs "
                "aiobotocore: install aiolambda-client with its extra 'aws' (pip install '.[aws]')"
            ) from None
        self._profile = profile
        self._session: Any = AioSession(profile=profile)

    def region(self) -> str | None:
        """The region of the profile."""
        region: str | None = _said(lambda: self._session.get_config_variable("region"))
        return region

    def credentials(self) -> "ChainCredentials":
        """The provider for what the chain finds. `ConfigurationError` where it finds nothing."""
        found = _said(lambda: asyncio.run(self._session.get_credentials()))
        if found is None:
            raise ConfigurationError(
                "no credentials: they are neither in the arguments nor in the environment, and the AWS credential chain "
                "(profiles, SSO, web identity, container and instance roles) found none"
            )
        return ChainCredentials(found, lambda: Chain(self._profile).credentials())


class ChainCredentials:
    """Gives the chain's keys, and asks it again once a minute, so that it can renew them in time.

    `find` goes through the whole chain anew: botocore has no public way to renew keys that it believes to be good.
    """

    def __init__(self, found: Any, find: "Callable[[], ChainCredentials]") -> None:
        self._found = found
        self._find = find
        self._kept: Credentials | None = None
        self._keep_until = 0.0
        self._asking: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.source = str(getattr(found, "method", "chain"))

    async def get_credentials(self) -> Credentials:
        """The keys; `ConfigurationError` where the chain can no longer give any."""
        kept = self._fresh()
        if kept is not None:
            return kept
        async with self._lock():
            kept = self._fresh()
            return await asyncio.to_thread(self._ask) if kept is None else kept

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """Other keys than those that were refused, if the chain has any by now. Many who ask together ask it once."""
        async with self._lock():
            if self._kept is None or self._kept == rejected:
                return await asyncio.to_thread(self._ask_anew)
            return self._kept

    def _fresh(self) -> Credentials | None:
        return self._kept if time.monotonic() < self._keep_until else None

    def _lock(self) -> asyncio.Lock:
        """One for the running loop, so that many first calls ask once."""
        loop = asyncio.get_running_loop()
        if self._asking is None or self._loop is not loop:
            self._asking, self._loop = asyncio.Lock(), loop
        return self._asking

    def _ask_anew(self) -> Credentials:
        self._found = self._find()._found
        return self._ask()

    def _ask(self) -> Credentials:
        frozen: _FrozenCredentials = _said(lambda: asyncio.run(self._found.get_frozen_credentials()))
        credentials = self._kept = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
        self._keep_until = time.monotonic() + _ASK_AGAIN_AFTER
        return credentials


def _said(ask: Any) -> Any:
    """What botocore answers; its errors, which are about configuration, become ours."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - loaded with aiobotocore, never before

    try:
        return ask()
    except BotoCoreError as error:
        raise ConfigurationError(f"the AWS credential chain failed: {error}") from error

"""The opening of a client: its settings are found off the loop, once for all who wait, and its parts are made of them.

Owns which part comes of which setting, and the task that opens. Must not send anything.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from ..config import LambdaClientConfig, client_user_agent, filled_config, needs_thread, resolve
from ..errors import ClientClosedError, ConfigurationError
from ..errors.tracebacks import forget_locals
from ..pipeline import PipelineState
from ..protocol.sigv4 import Signer
from ..protocol.tracing import is_in_function
from ..threads import Threads
from ..transport import LIBRARIES, AiohttpTransport, fetch
from ..types.values import Credentials

if TYPE_CHECKING:
    from ..config.resolve import FoundSettings

__all__ = ["Startup"]

_NOWHERE = "nowhere"
"""The region of a client that reaches no AWS and was given none: an ARN of any region is good for it."""
_OFFLINE = Credentials("AKIDOFFLINE00000000", "offline")

_OPENINGS = Threads("opening", most=64)
"""A program that a profile names, or a metadata service, may hang: other clients open beside it."""


class Startup:
    """Opens one client. `config` are its settings, once it is `done` with what was found."""

    def __init__(self, config: LambdaClientConfig, state: PipelineState, *, signs: Callable[[], bool]) -> None:
        self.config = config
        self.done = False
        self._state = state
        self._signs = signs
        self._task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._task is not None

    async def run(self) -> None:
        """Open, or wait until whoever began it has; `ConfigurationError` where something is missing or wrong."""
        if self.done:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._open(), name="open LambdaClient")
            self._task.add_done_callback(self._end)
        task = self._task
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            raise ClientClosedError("the client was closed while it opened") from None

    async def stop(self) -> None:
        """Open no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def forget(self) -> None:
        """The loop on which it may have been under way is gone."""
        self._task = None

    def _end(self, task: "asyncio.Task[None]") -> None:
        """Who waited has its outcome; after a failure the next caller may try again."""
        self._task = None
        if not task.cancelled():
            task.exception()

    async def _open(self) -> None:
        resolve_now = self._resolving()
        try:
            found = await _OPENINGS.run(resolve_now) if needs_thread(self.config) else resolve_now()
        except OSError as error:
            raise ConfigurationError(f"the client cannot open: {error.strerror or error}") from error
        except Exception as error:
            forget_locals(error)
            raise
        self._connect_parts(found)

    def _resolving(self) -> "Callable[[], FoundSettings]":
        """What finds the settings, as they are asked for now."""
        signs, config, environment = self._signs(), self.config, self._state.context.environment
        if config.is_offline:
            config = attrs.evolve(config, region=config.region or _NOWHERE, credentials=config.credentials or _OFFLINE)
            environment = dict[str, str]()
        return lambda: resolve(config, environment, signs=signs, fetch=fetch)

    def _connect_parts(self, resolved: "FoundSettings") -> None:
        config, context, nowhere = self.config, self._state.context, resolved.signing_region == _NOWHERE
        self._state.context = attrs.evolve(
            context,
            required_region=None if config.use_arn_region or nowhere else resolved.signing_region,
            endpoint=resolved.url,
            endpoint_in=resolved.url_in if config.use_arn_region and not nowhere else None,
            credentials=resolved.credentials.value,
            in_function=is_in_function(context.environment),
            signer=Signer(resolved.signing_region, "lambda"),
            user_agent=client_user_agent(resolved, config.user_agent_extra, LIBRARIES),
            retry=resolved.retry.value,
            corrects_clock=not resolved.disable_clock_skew_correction.value,
        )
        self._state.use_transport(
            config.transport
            or AiohttpTransport(
                keep_alive=resolved.tcp_keepalive.value,
                idle_connection_timeout=config.idle_connection_timeout,
                tls=resolved.tls,
                proxy=resolved.proxies,
                retry_stale_connections=config.retry_stale_connections,
                response_limits=config.response_limits,
            )
        )
        self.config = filled_config(config, resolved)
        self.done = True

"""Opens a client once: looks up its settings off the event loop, and builds the transport, the signer and the rest from them.

Owns the mapping of settings to parts, and the task that opens. Must not send anything.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from ..config import LambdaClientConfig, client_user_agent, filled_config, find_settings, needs_thread
from ..errors import ClientClosedError, ConfigurationError
from ..errors.tracebacks import forget_locals
from ..pipeline import PipelineState, problem_of_few
from ..protocol.sigv4 import Signer
from ..protocol.tracing import is_in_function
from ..threads import Threads
from ..transport import LIBRARIES, AiohttpTransport, fetch
from ..types.values import Credentials

if TYPE_CHECKING:
    from ..config.resolve import FoundSettings

__all__ = ["Startup"]

_NOWHERE = "nowhere"
"""The region of an offline client without one: it accepts an ARN of any region."""
_OFFLINE = Credentials("AKIDOFFLINE00000000", "offline")

_THREADS = Threads("opening", most=64)
"""Many, because one may hang in a program that a profile names, or in a metadata service, while other clients open."""


class Startup:
    """The opening of one client. Once it is `done`, `config` has the settings that were looked up, too."""

    def __init__(self, config: LambdaClientConfig, state: PipelineState, *, signs: Callable[[], bool]) -> None:
        self.config = config
        self.done = False
        self._state = state
        self._signs = signs
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the client is being opened now."""
        return self._task is not None

    async def run(self) -> None:
        """Open the client once for all callers. `ConfigurationError` if a setting is missing or wrong; a later call retries."""
        if self.done:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._open(), name="open LambdaClient")
            self._task.add_done_callback(self._forget)
        task, caller = self._task, asyncio.current_task()
        cancels = 0 if caller is None else caller.cancelling()
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            is_of_caller = caller is not None and caller.cancelling() > cancels  # of all tasks, as the program ends
            if is_of_caller or not task.cancelled():
                raise
            raise ClientClosedError("the client was closed while it was opening") from None

    def abort(self) -> None:
        """Stop opening; callers that wait get `ClientClosedError`."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stop opening, and wait for its end."""
        self.abort()
        if self._task is not None:
            await asyncio.wait([self._task])

    def detach(self) -> None:
        """Drop the task of a loop that is gone."""
        self._task = None

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._task = None
        if not task.cancelled():
            task.exception()  # the callers of `run` raise it; asyncio must not log it as unretrieved

    async def _open(self) -> None:
        resolve_settings = self._resolver()
        try:
            resolved = await _THREADS.run(resolve_settings) if needs_thread(self.config) else resolve_settings()
        except OSError as error:
            raise ConfigurationError(f"the client cannot look up its settings: {error.strerror or error}") from error
        except Exception as error:
            forget_locals(error)
            raise
        self._build_parts(resolved)

    def _resolver(self) -> "Callable[[], FoundSettings]":
        """A function that looks up the settings; a thread may call it."""
        signs, config, environment = self._signs(), self.config, self._state.context.environment
        if config.is_offline:
            config = attrs.evolve(config, region=config.region or _NOWHERE, credentials=config.credentials or _OFFLINE)
            environment = dict[str, str]()
        return lambda: find_settings(config, environment, signs=signs, fetch=fetch)

    def _build_parts(self, resolved: "FoundSettings") -> None:
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
        few = problem_of_few(config.max_concurrency, self._state.slots.limit)
        if few is not None:
            context.log(logging.WARNING, "%s; raise it, or set max_concurrency", few)
        self.config = filled_config(config, resolved, max_concurrency=self._state.slots.limit)
        self.done = True

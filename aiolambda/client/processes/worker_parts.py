"""The parts of a client that its workers use. Must not know their source, or their use."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import attrs

from ...errors import AiolambdaError, ConfigurationError
from ...fanout.parcels import packed_outcome
from ...pipeline.attempt_slot import credentials_of
from ...types.interfaces import Codec, CredentialsProvider
from ...types.loggers import AnyLogger, child_of, log_quietly
from ...types.values import Credentials
from .frames import Message
from .questions import credentials_in, packed_credentials

__all__ = ["WorkerParts"]


@attrs.frozen(kw_only=True)
class WorkerParts:
    """The parts of the client that its workers use."""

    open: Callable[[], Awaitable[object]]
    setup: Callable[[], Message]
    """The first message to a worker, once the client is open."""
    credentials: Callable[[], CredentialsProvider | None]
    codec: Codec
    logger: AnyLogger
    idempotent: Callable[[Any], bool]
    """Whether a command may be sent again although it may have run."""
    most_attempts: Callable[[], int]
    """The attempts of a call, as the retry strategy of the open client has them."""
    count: Callable[[Any, AiolambdaError | None, float, bool], None]
    """Counts the end of a call: its output or its error, and its seconds."""
    _own: dict[Credentials | None, Credentials] = attrs.field(
        factory=dict[Credentials | None, Credentials], init=False, repr=False
    )
    """Credentials of the provider's own class, by those that the workers have: if they are rejected, it looks for its own."""

    def log_of_worker(self, name: str, level: int, text: str, function_name: str | None) -> None:
        """Log what a worker has logged."""
        subject = name.partition(".")[2]
        logger = child_of(self.logger, subject) if subject else self.logger
        log_quietly(logger, level, "%s", text, extra=None if function_name is None else {"function_name": function_name})

    async def keys(self, rejected: Message | None) -> tuple[Message | None, Message | None]:
        """The credentials for a worker, or the error. `rejected` are those that the service has refused."""
        provider = self.credentials()
        error: AiolambdaError = ConfigurationError("the client has no credentials")
        if provider is not None:
            try:
                return packed_credentials(await self._fetched(provider, rejected)), None
            except AiolambdaError as raised:
                error = raised.with_traceback(None)
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
                error = ConfigurationError(f"{type(provider).__name__} cancelled the task that asked it for credentials")
            except Exception as raised:  # noqa: BLE001 - by credentials with members of other classes
                error = ConfigurationError(f"the credentials cannot reach another process: {type(raised).__name__}")
        return None, packed_outcome(None, error)

    async def _fetched(self, provider: CredentialsProvider, packed: Message | None) -> Credentials:
        rejected = None if packed is None else credentials_in(cast("Any", packed))
        found = await credentials_of(provider, self._own.get(rejected, rejected))
        if type(found) is not Credentials:
            self._own[credentials_in(packed_credentials(found))] = found
        return found

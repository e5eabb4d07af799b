"""What a client gives its workers. Must not know where it comes from, or what they do with it."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from ...errors import AiolambdaError, ConfigurationError
from ...fanout.parcels import packed_outcome
from ...types.interfaces import Codec, CredentialsProvider, can_refresh
from ...types.loggers import AnyLogger, child_of, log_quietly
from ...types.values import Credentials
from .frames import Message

__all__ = ["WorkerParts"]


@attrs.frozen(kw_only=True)
class WorkerParts:
    """What the client gives its workers."""

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
    count: Callable[[Any, AiolambdaError | None, float], None]
    """Counts the end of a call: its output or its error, and its seconds."""

    def log_of_worker(self, name: str, level: int, text: str, function_name: str | None) -> None:
        """Log what a worker has logged."""
        subject = name.partition(".")[2]
        logger = child_of(self.logger, subject) if subject else self.logger
        log_quietly(logger, level, "%s", text, extra=None if function_name is None else {"function_name": function_name})

    async def keys(self, rejected: Credentials | None) -> tuple[Credentials | None, Message | None]:
        """The credentials for a worker, or the error. `rejected` are those that the service has refused."""
        provider = self.credentials()
        error: AiolambdaError = ConfigurationError("the client has no credentials")
        if provider is not None:
            try:
                if rejected is not None and can_refresh(provider):
                    return await provider.refresh(rejected), None
                return await provider.get_credentials(), None
            except AiolambdaError as raised:
                error = raised.with_traceback(None)
            except Exception as raised:  # noqa: BLE001 - of a provider of the user's
                error = ConfigurationError(f"the credentials provider raised {type(raised).__name__}")
        return None, packed_outcome(None, error)

"""The call that all other calls of a client stand on, `send`, and its settings.

Owns their signatures, for the parts of a client and for the code that they load. Must not know how a command is sent.
"""

from abc import ABC, abstractmethod
from typing import TypeVar

from ..config import LambdaClientConfig
from ..pipeline.call import Command
from ..types.values import UNSET, HedgeAfter, Timeouts, Unset

__all__ = ["Sending"]

In = TypeVar("In")
Out = TypeVar("Out")


class Sending(ABC):
    """A client, as far as its convenience calls know it."""

    @property
    @abstractmethod
    def config(self) -> LambdaClientConfig:
        """The settings."""

    @abstractmethod
    async def send(
        self,
        command: Command[In, Out],
        *,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
    ) -> Out:
        """Send a command and return its output.

        Args:
            command: The command.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            idempotent: `True` if running the function twice does no harm. Default: as the command says, then the client.
            hedge_after: When an idempotent call that has no answer is sent a second time. Default: that of the client.
        """

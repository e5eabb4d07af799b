"""Configuration: what the caller gave, what the environment and the profile say, and where credentials come from.

What looks settings up is loaded with the first look, off the event loop.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..types.interfaces import Fetch
from .arguments import Arguments
from .client_config import LambdaClientConfig
from .credentials.static import StaticCredentials
from .user_agent import client_user_agent

if TYPE_CHECKING:
    from .resolve import Resolved

__all__ = ["LambdaClientConfig", "StaticCredentials", "client_user_agent", "needs_thread", "resolve"]


def needs_thread(config: Arguments) -> bool:
    """Whether resolving may read files: then it must not run on the loop."""
    return not config.is_offline or config.ca_bundle is not None


def resolve(config: Arguments, environment: Mapping[str, str], *, signs: bool, fetch: Fetch) -> "Resolved":
    """Find every setting and the source of credentials; `ConfigurationError` where one is missing or wrong."""
    from .resolve import resolve  # noqa: PLC0415 - see above

    return resolve(config, environment, signs=signs, fetch=fetch)

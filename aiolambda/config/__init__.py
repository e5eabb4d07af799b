"""Every setting of a client: arguments, environment, profiles, proxies, and the sources of credentials.

The modules that look settings up are loaded by the first look-up, off the event loop.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..types.interfaces import Fetch
from .client_config import ClientSettings, LambdaClientConfig, filled_config
from .credentials.static import StaticCredentials
from .user_agent import client_user_agent

if TYPE_CHECKING:
    from .resolve import FoundSettings

__all__ = [
    "ClientSettings",
    "LambdaClientConfig",
    "StaticCredentials",
    "client_user_agent",
    "filled_config",
    "find_settings",
    "needs_thread",
]


def needs_thread(config: LambdaClientConfig) -> bool:
    """Whether resolving may read files. Then it must not run on the loop."""
    return not config.is_offline or config.ca_bundle is not None


def find_settings(config: LambdaClientConfig, environment: Mapping[str, str], *, signs: bool, fetch: Fetch) -> "FoundSettings":
    """Find every setting and the source of credentials. `ConfigurationError` if one is missing or wrong."""
    from .resolve import resolve  # noqa: PLC0415 - see above

    return resolve(config, environment, signs=signs, fetch=fetch)

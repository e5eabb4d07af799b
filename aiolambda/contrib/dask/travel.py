"""Which settings of a client travel to the workers. Secrets do not.

Owns these rules. Must not know how settings travel.
"""

import pickle
import sys
from collections.abc import Callable
from typing import Any

import attrs

from ...client.client import LambdaClient
from ...config import LambdaClientConfig
from ...errors import ConfigurationError
from ...types.mistakes import kind_of
from ...types.values import Credentials

__all__ = ["checked_factory", "travelling"]

_STAY = {
    "codec": "",  # payloads are encoded, and answers decoded, by the coordinator
    "logger": "",  # workers log to their own logger "aiolambda"
    "ssl_context": "a context cannot be pickled: give ca_bundle=, a path that every worker has",
    "transport": "a transport has connections, which cannot leave their process",
}
"""Settings that do not travel, and what to do instead; without a text, they are of the coordinator."""
_DEFAULTS = LambdaClientConfig()
_KEYS = (
    "credentials are resolved on the workers, and secrets never travel: give profile= or the role of the workers, or "
    "credentials=FUNCTION, a function at the top of a module that every worker can import, which returns a provider there"
)


def travelling(config: LambdaClientConfig) -> dict[str, Any]:
    """The settings that were given, as keyword arguments of the workers' clients.

    Args:
        config: The settings of the coordinator.

    Raises:
        ConfigurationError: A setting cannot travel.
    """
    given: dict[str, Any] = {}
    for field in attrs.fields(LambdaClientConfig):
        name = field.name
        if name.startswith("_"):
            continue
        value = getattr(config, name)
        if value == getattr(_DEFAULTS, name):
            continue
        if name == "credentials":
            raise ConfigurationError(f"credentials of DaskLambdaClient cannot be {kind_of(value)}: {_KEYS}")
        if name not in _STAY:
            given[name] = _checked(name, value)
        elif _STAY[name]:
            raise ConfigurationError(f"{name} cannot travel to the workers: {_STAY[name]}")
    return given


def _checked(name: str, value: Any) -> Any:
    if name in ("proxy", "endpoint_url") and "@" in value:
        raise ConfigurationError(
            f"{name} has a user and a password, which do not travel to the workers: set it in their environment"
        )
    try:
        pickle.dumps(value)
    except Exception as error:
        raise ConfigurationError(f"{name} cannot travel to the workers: a {type(value).__name__} has no pickle") from error
    return value


def checked_factory(value: object) -> Callable[[], Any] | None:
    """The function that makes the credentials on a worker.

    Args:
        value: What the caller has given.

    Raises:
        ConfigurationError: It is no function at the top of a module, but an object with secrets, a lambda or a closure.
    """
    if value is None:
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(value, Credentials) or not callable(value) or not isinstance(module, str) or not isinstance(name, str):
        raise ConfigurationError(f"credentials of DaskLambdaClient cannot be {kind_of(value)}: {_KEYS}")
    if module == "__main__" or "." in name or getattr(sys.modules.get(module), name, None) is not value:
        raise ConfigurationError(f"credentials of DaskLambdaClient cannot be {name!r} of {module!r}: {_KEYS}")
    return value


def config_of(settings: dict[str, Any]) -> LambdaClientConfig:
    """The settings as a config. `ConfigurationError` names an argument that does not exist, and the nearest one."""
    return LambdaClient(**settings).config

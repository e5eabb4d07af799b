"""The certificate authorities that TLS is verified with: those of a bundle that is named.

Owns the reading of a bundle. Must not know what is verified. Reads files: call it in a thread.
"""

import ssl
from pathlib import Path

from ..errors import ConfigurationError

__all__ = ["context_of"]


def context_of(path: str, source: str) -> ssl.SSLContext:
    """What verifies with the authorities of a bundle; `ConfigurationError` where it cannot be read."""
    try:
        if not path:
            raise FileNotFoundError(2, "its path is empty")
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"the CA bundle {path!r} (from {source}) cannot be read: {reason}") from None

"""TLS contexts: the check of one that the caller gives, and the making of one from a CA bundle.

Must not know which server a context verifies. `bundle_context` reads files: call it in a thread.
"""

import ssl
from pathlib import Path

from ..errors import ConfigurationError
from ..types.values import shown

__all__ = ["CA_BUNDLE_VARIABLES", "bundle_context", "checked_context"]

CA_BUNDLE_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""The variables that name a bundle. botocore reads the second one after the profile."""


def checked_context(context: object, name: str) -> ssl.SSLContext:
    """The context, if it verifies the server and its name. TLS is always verified, so any other is a `ConfigurationError`."""
    if not isinstance(context, ssl.SSLContext):
        raise ConfigurationError(f"{name} must be an ssl.SSLContext; got {shown(context)}")
    if context.verify_mode is ssl.CERT_NONE or not context.check_hostname:
        raise ConfigurationError(
            f"{name} does not verify the server (verify_mode CERT_NONE, or check_hostname False), and TLS is always verified: "
            "begin with ssl.create_default_context(), and load a private authority into it"
        )
    return context


def bundle_context(path: str, source: str) -> ssl.SSLContext:
    """A context that trusts the authorities in a PEM file or a folder. `ConfigurationError` if they cannot be read."""
    try:
        if not path:
            raise FileNotFoundError(2, "its path is empty")
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigurationError(
            f"the CA bundle {path!r} (from {source}) cannot be read: {reason}; name a PEM file or a folder of certificates"
        ) from None

"""`--verbose` and `--debug`: log records and tracebacks on stderr.

Laws: no secret is written. Loggers that write the bodies of answers stay off: these contain keys. At the end, all loggers are
as they were. Must not know the commands.
"""

import logging
import os
import re
import traceback
from collections.abc import Generator
from contextlib import contextmanager

from .files import print_error

__all__ = ["logging_to_stderr", "print_traceback", "redacted"]

_OWN = ("aiolambda",)
_LIBRARIES = (
    "aiohttp",
    "asyncio",
    "aiobotocore.credentials",
    "aiobotocore.tokens",
    "botocore.credentials",
    "botocore.tokens",
)
"""The whole of botocore would also log bodies of STS and SSO answers, and signed headers."""
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
_USER_OF_URL = re.compile(r"(?<=//)[^\s/@]+(?=@)")
_MIN_SECRET_LENGTH = 6
"""Characters. Shorter texts are not hidden, because they occur in other words."""


@contextmanager
def logging_to_stderr(*, is_verbose: bool, is_debug: bool) -> Generator[None]:
    """Log to stderr inside the block: warnings, invocations if verbose, and libraries too if debug."""
    names = (_OWN + _LIBRARIES) if is_debug else _OWN
    handler = _Handler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s" if is_debug else "%(message)s"))
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if is_debug or is_verbose else logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error, without the values of variables."""
    print_error(redacted("".join(traceback.format_exception(error))).rstrip("\n"))


def redacted(text: str) -> str:
    """The text without the user and password of URLs, and without the secrets of the environment."""
    text = _USER_OF_URL.sub("...", text)
    for name in _SECRET_VARIABLES:
        secret = os.environ.get(name, "")
        if len(secret) >= _MIN_SECRET_LENGTH:
            text = text.replace(secret, "...")
    return text


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_error(redacted(self.format(record)))

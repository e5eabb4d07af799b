"""Values and interfaces that all layers share: timeouts, limits, credentials, requests, responses, protocol classes.

Imports nothing else of the package at run time.
"""

TYPE_CHECKING = bool()  # noqa: UP018 - jedi, which completes names in editors, would skip the imports behind a plain `False`
"""Like `typing.TYPE_CHECKING`, whose import takes milliseconds: type checkers go by the name."""

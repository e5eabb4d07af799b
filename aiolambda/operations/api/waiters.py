"""The waiters of the model. Written by tools/operations.py from botocore 1.44.8: do not edit.

Owns what each asks, and which answers end it. Must not know how anything is sent.
"""

from collections.abc import Mapping

from ..waiter import Acceptor, Waiter

__all__ = ["WAITERS"]

WAITERS: Mapping[str, Waiter] = {
    "FunctionActive": Waiter(
        "GetFunctionConfiguration",
        5,
        60,
        (
            Acceptor("success", "path", "State", expected="Active"),
            Acceptor("failure", "path", "State", expected="Failed"),
            Acceptor("retry", "path", "State", expected="Pending"),
        ),
    ),
    "FunctionActiveV2": Waiter(
        "GetFunction",
        1,
        300,
        (
            Acceptor("success", "path", "Configuration.State", expected="Active"),
            Acceptor("failure", "path", "Configuration.State", expected="Failed"),
            Acceptor("retry", "path", "Configuration.State", expected="Pending"),
        ),
    ),
    "FunctionExists": Waiter(
        "GetFunction",
        1,
        20,
        (
            Acceptor("success", "error", None, expected=False),
            Acceptor("retry", "error", None, expected="ResourceNotFoundException"),
        ),
    ),
    "FunctionUpdated": Waiter(
        "GetFunctionConfiguration",
        5,
        60,
        (
            Acceptor("success", "path", "LastUpdateStatus", expected="Successful"),
            Acceptor("failure", "path", "LastUpdateStatus", expected="Failed"),
            Acceptor("retry", "path", "LastUpdateStatus", expected="InProgress"),
        ),
    ),
    "FunctionUpdatedV2": Waiter(
        "GetFunction",
        1,
        300,
        (
            Acceptor("success", "path", "Configuration.LastUpdateStatus", expected="Successful"),
            Acceptor("failure", "path", "Configuration.LastUpdateStatus", expected="Failed"),
            Acceptor("retry", "path", "Configuration.LastUpdateStatus", expected="InProgress"),
        ),
    ),
    "PublishedVersionActive": Waiter(
        "GetFunctionConfiguration",
        5,
        312,
        (
            Acceptor("success", "path", "State", expected="Active"),
            Acceptor("failure", "path", "State", expected="Failed"),
            Acceptor("retry", "path", "State", expected="Pending"),
        ),
    ),
}

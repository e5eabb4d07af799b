"""The check of a payload that Lambda makes before it runs a function.

Must not know the request that carries it.
"""

import json
from typing import NoReturn

from . import api_errors

__all__ = ["check_json"]


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def check_json(payload: bytes) -> None:
    """Raise an `ApiError` if the payload is not JSON. An empty one is allowed.

    Numbers are not converted, because their range is up to the function.
    """
    if not payload:
        return
    try:
        json.loads(payload.decode(), parse_constant=_not_json, parse_int=len, parse_float=len)
    except UnicodeDecodeError:
        raise api_errors.invalid_json("Invalid UTF-8") from None
    except json.JSONDecodeError as error:
        raise api_errors.invalid_json(f"{error.msg} at line: {error.lineno}, column: {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise api_errors.invalid_json(f"{error}") from None

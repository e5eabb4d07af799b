"""Write the log of one eventful call into docs/how-to/read-the-log.md: `python docs/log_of_a_call.py`.

A test holds that the page has the lines that the client writes today. Must not open a socket: the function runs here.
"""

import asyncio
import io
import logging
from pathlib import Path

from aiolambda import AiolambdaError, ConnectionLostError, FunctionError, LambdaClient, ThrottleReason, TooManyRequestsException
from aiolambda.testing import FakeTransport

PAGE = Path(__file__).parent / "how-to" / "read-the-log.md"
BEFORE, AFTER = "<!-- docs/log_of_a_call.py writes this block -->\n\n```text\n", "```\n"


def price(event: object) -> object:
    raise KeyError("price")


async def log_of_a_call() -> str:
    """The records of a call that is throttled twice, loses its connection, and reaches a function that fails."""
    written, logger = io.StringIO(), logging.getLogger("aiolambda")
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    lambda_ = FakeTransport({"price": price})
    lambda_.delay("price", 0.04)
    throttle = TooManyRequestsException("busy", reason=ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED, retry_after=1)
    lambda_.fail("price", throttle, times=2)
    lambda_.fail("price", ConnectionLostError("the server closed the connection before it answered"), times=1)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        async with LambdaClient(transport=lambda_) as client:
            await client.invoke("price", {"order": 7}, idempotent=True)
    except FunctionError:
        pass
    except AiolambdaError as error:
        raise SystemExit(f"log_of_a_call.py: {error}") from None
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return written.getvalue()


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEFORE)
    PAGE.write_text(before + BEFORE + asyncio.run(log_of_a_call()) + AFTER + rest.partition(AFTER)[2])

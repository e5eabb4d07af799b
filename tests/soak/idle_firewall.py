"""A long invocation through a firewall that forgets silent flows, at its real length: 400 s against 350 s.

Two calls run at once through network namespaces with such a firewall between them. The one with the default TCP keep-alive must
return. The one without keep-alive must lose its answer, which proves that the firewall forgets.
As root, on Linux: `python -m tests.soak.idle_firewall [--invocation SECONDS] [--forgets-after SECONDS]
[--loop LOOP]`
"""

import argparse
import asyncio
import time

from aiolambda import Credentials, LambdaClient, TcpKeepAlive, Timeouts

from ..support import network
from ..support.fault_table import loop_factory
from ..support.servers import Connection, answer, raw_server
from . import runs

KEYS = Credentials("AKIDEXAMPLE", "secret")


async def timed(name: str, client: LambdaClient) -> bool:
    """Whether the call returned; says so."""
    began = time.monotonic()
    try:
        outcome = (await client.invoke("long")).json()
    except Exception as error:
        print(f"{name}: {type(error).__name__} after {time.monotonic() - began:.1f} s: {error}")
        return False
    print(f"{name}: {outcome!r} after {time.monotonic() - began:.1f} s")
    return True


async def measure(options: argparse.Namespace) -> bool:
    async def long(connection: Connection) -> None:
        await connection.read_request()
        await asyncio.sleep(options.invocation)
        await connection.write(answer(body=b'"done"'))
        await connection.until_client_closes()

    firewall = network.Firewall(forgets_after=options.forgets_after)
    limits = Timeouts(read=options.invocation + 20)
    async with network.network(firewall) as net, raw_server(long, on=net.listener()) as server:
        probed = LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, timeout=limits)
        unprobed = LambdaClient(
            region="us-east-1", credentials=KEYS, endpoint_url=server.url, timeout=limits, tcp_keepalive=None
        )
        async with probed, unprobed:
            print(f"an invocation of {options.invocation:g} s; the firewall forgets after {options.forgets_after:g} s")
            returned = await asyncio.gather(timed(f"{TcpKeepAlive()}", probed), timed("no keep-alive", unprobed))
        print(f"executions: {len(server.requests)}; bytes carried: {firewall.carried}, packets dropped: {firewall.dropped}")
        return returned == [True, False] and len(server.requests) == 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invocation", type=float, default=400, metavar="SECONDS")
    parser.add_argument("--forgets-after", type=float, default=350, metavar="SECONDS")
    runs.add_loop(parser)
    options = parser.parse_args()
    if reason := network.missing():
        raise SystemExit(reason)
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        if not runner.run(measure(options)):
            raise SystemExit("the claim does not hold")


if __name__ == "__main__":
    main()

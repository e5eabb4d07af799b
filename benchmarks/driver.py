"""One client of `peers.py` in a process of its own, driven over standard input by `processes.py`.

`python benchmarks/driver.py CLIENT [--loop NAME] [--watched]` runs in an environment with that client. Reads one
order a line, as JSON, and answers with a line. Figures are of this process: seconds of CPU and of the clock, bytes.
"""

import argparse
import asyncio
import concurrent.futures
import gc
import importlib.metadata
import json
import platform
import resource
import selectors
import sys
import threading
import time

IDLE = 5.0
"""Seconds after which connections are warmed again: clients close them when they have been idle for some 15."""


class WatchedSelector(selectors.DefaultSelector):
    """Tells how long the loop was busy between two looks at its sockets: by the CPU of its thread, and by the clock."""

    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self):
        self.most_cpu = self.most_wall = 0.0
        self.began_cpu, self.began_wall = time.thread_time(), time.perf_counter()

    def select(self, timeout=None):
        self.most_cpu = max(self.most_cpu, time.thread_time() - self.began_cpu)
        self.most_wall = max(self.most_wall, time.perf_counter() - self.began_wall)
        ready = super().select(timeout)
        self.began_cpu, self.began_wall = time.thread_time(), time.perf_counter()
        return ready


def memory():
    """The memory of this process now, or its peak if the system does not tell."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - the import of pathlib would count
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def page_faults():
    """Pages that this process has had from the system so far: what its allocator gave back, it has to have again."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def marks():
    gc.collect()
    return {"memory": memory(), "blocks": sys.getallocatedblocks()}


class Driver:
    """The orders to a client."""

    def __init__(self, client, selector=None):
        self.client, self.selector = client, selector
        self.function = "bench"
        self.ran = -IDLE
        self.held = []

    async def open(self, url, pool=None, read_limit=None, ca=None, function="bench"):
        self.function = function
        await self.client.open(url, pool=pool, read_limit=read_limit, ca=ca)
        self.ran = -IDLE

    async def close(self):
        await self.client.close()

    async def call(self, name):
        return await outcome(self.client, name)

    async def calls(self, names, in_flight):
        """The outcome of each, by its name."""
        found, left = {}, iter(names)

        async def worker():
            for name in left:
                found[name] = await outcome(self.client, name)

        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return found

    async def warm(self, in_flight, payload):
        """Fill the caches, unless that was so a moment ago; the answer is whether connections may be missing."""
        if time.perf_counter() - self.ran <= IDLE:
            return False
        await self.workers(check_json_text(payload), in_flight, so_many(max(in_flight, 20)))
        self.ran = time.perf_counter()
        return True

    async def run(self, in_flight, payload, seconds=None, count=None):
        """So many calls, or as many as begin in so many seconds and at least one for each in flight."""
        body = check_json_text(payload)
        if self.selector:
            self.selector.reset()
        cpu, wall, faults = time.process_time(), time.perf_counter(), page_faults()
        left = so_many(count) if count else until(wall + seconds, in_flight)
        latencies = sorted(await self.workers(body, in_flight, left))
        cpu, wall, self.ran = time.process_time() - cpu, time.perf_counter() - wall, time.perf_counter()
        watched = {"busy_cpu": self.selector.most_cpu, "busy_wall": self.selector.most_wall} if self.selector else {}
        p50, p99 = latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]
        found = {"calls": len(latencies), "cpu": cpu, "wall": wall, "memory": memory(), "faults": page_faults() - faults}
        return {**found, "p50": p50, "p99": p99, **watched}

    async def workers(self, body, in_flight, left):
        """The seconds of each call."""
        if hasattr(self.client, "call_now"):
            return await asyncio.to_thread(self.threads, body, in_flight, left)
        found, clock, call = [], time.perf_counter, self.client.call

        async def worker():
            for _ in left:
                began = clock()
                answer = await call(self.function, body)
                found.append(clock() - began)
                check(answer, body)

        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return found

    def threads(self, body, in_flight, left):
        found, clock, call, lock = [], time.perf_counter, self.client.call_now, threading.Lock()

        def worker():
            while True:
                with lock:
                    if next(left, None) is None:
                        return
                began = clock()
                answer = call(self.function, body)
                found.append(clock() - began)
                check(answer, body)

        with concurrent.futures.ThreadPoolExecutor(in_flight) as pool:
            for future in [pool.submit(worker) for _ in range(in_flight)]:
                future.result()
        return found

    async def map(self, count, in_flight, payload):
        """The client's own fan-out over so many items, or workers over one iterator if it has none."""
        if not hasattr(self.client, "map"):
            return await self.run(in_flight, payload, count=count)
        body = check_json_text(payload)
        cpu, wall = time.process_time(), time.perf_counter()
        done = await self.client.map("bench", (body for _ in range(count)), in_flight)
        if done != count:
            raise ValueError(f"{count - done} items failed")
        return {"calls": count, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "memory": memory()}

    async def hold(self, count, payload):
        """Begin so many more calls, which the server does not answer yet."""
        body = check_json_text(payload)
        self.held += [asyncio.ensure_future(self.client.call("hold", body)) for _ in range(count)]

    async def pause(self):
        """A moment in which held calls go on. Raises the error of a failed one."""
        await asyncio.sleep(0.02)
        if failed := next((task.exception() for task in self.held if task.done()), None):
            raise failed

    async def marks(self):
        return marks()

    async def released(self):
        """Wait for the answers to those calls."""
        await asyncio.gather(*self.held)
        self.held = []


def check(answer, body):
    if len(answer) != len(body):
        raise ValueError(f"{len(answer)} bytes came for {len(body)}")


def check_json_text(size):
    """A JSON array: serverless-offline answers with a page to a handler that returns text."""
    return b'["%b"]' % (b"x" * (size - 4))


def so_many(most):
    return iter(range(most))


def until(moment, least):
    number, clock = 0, time.perf_counter
    while number < least or clock() < moment:
        yield number
        number += 1


async def outcome(client, name):
    """The outcome for the caller. A right answer is the call's own name in JSON."""
    try:
        payload = await client.call(name)
    except Exception as error:  # noqa: BLE001 - its class is the result
        return type(error).__name__
    if payload == json.dumps(name).encode():
        return "answer"
    return "the answer of another call" if payload.startswith(b'"call-') else "a damaged answer"


async def obey(driver):
    while line := await asyncio.to_thread(sys.stdin.readline):
        words = json.loads(line)
        try:
            reply = await getattr(driver, words.pop("order"))(**words)
        except Exception as error:  # noqa: BLE001 - the other process decides
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(reply), flush=True)


def main():
    from loops import LOOPS, factory  # beside this file: the peers' environments find no package
    from peers import CLIENTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    parser.add_argument("--watched", action="store_true")
    options = parser.parse_args()
    client, selector = CLIENTS[options.client](), WatchedSelector() if options.watched else None
    version = importlib.metadata.version(client.package)
    print(json.dumps(f"{client.package} {version}, Python {platform.python_version()}"), flush=True)
    with asyncio.Runner(loop_factory=factory(options.loop, selector)) as runner:
        runner.run(obey(Driver(client, selector)))


if __name__ == "__main__":
    main()

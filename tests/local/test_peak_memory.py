"""The peak memory of a process, while it runs and afterwards."""

import os
import subprocess
import sys

import pytest

from aiolambda.local.runtime.peak_memory import PeakMemory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports it")


def test_peak_stays_after_the_memory_is_given_back():
    memory = PeakMemory(os.getpid())
    try:
        before = memory.read()
        held = b"x" * 64 * 1024 * 1024
        del held
        assert before > 0
        assert memory.read() >= before
        assert memory.read() >= 64
    finally:
        memory.close()


def test_ended_process_has_no_peak():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    memory = PeakMemory(process.pid)
    assert memory.read() > 0
    process.communicate(b"\n")
    assert memory.read() == 0
    memory.close()
    memory.close()
    assert PeakMemory(process.pid).read() == 0

"""Frames: they arrive whole, however they are cut, and nonsense is noticed."""

import pickle
import struct
from pathlib import Path

import pytest

from aiolambda.client.processes.frames import LARGEST_FRAME, DamagedFrameError, FrameReader, Message, frame_of

FRAMES: list[list[Message]] = [[("ready",)], [("done", 1, b"x" * 300), ("begun", 7)], []]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 1000], ids=lambda size: f"pieces-of-{size}")
def test_cut_frames_arrive_whole(size: int) -> None:
    reader = FrameReader()
    data = b"".join(map(frame_of, FRAMES))
    found = [messages for at in range(0, len(data), size) for messages in reader.feed(data[at : at + size])]
    assert found == FRAMES
    assert reader.is_between_frames


def test_half_a_frame_is_held() -> None:
    reader = FrameReader()
    assert list(reader.feed(frame_of(FRAMES[1])[:-1])) == []
    assert not reader.is_between_frames


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello, I am a print\n" * 3, id="text"),
        pytest.param(struct.pack(">I", LARGEST_FRAME + 1), id="too-long"),
        pytest.param(struct.pack(">I", 4) + b"\xff\xff\xff\xff", id="no-pickle"),
        pytest.param(struct.pack(">I", len(pickle.dumps(7))) + pickle.dumps(7), id="no-messages"),
    ],
)
def test_nonsense_is_no_frame(data: bytes) -> None:
    with pytest.raises(DamagedFrameError):
        list(FrameReader().feed(data))


@pytest.mark.parametrize("value", [object(), Path(), len], ids=["object", "path", "function"])
def test_other_values_than_plain_ones_are_refused(value: object) -> None:
    """One that cannot be loaded at the other end would damage the frame of all."""
    with pytest.raises(TypeError):
        frame_of([("done", 1, ("output", value))])

"""The ids of calls: random UUIDs of version 4, each another one."""

import copy
import random
import uuid

from aiolambda.client import invocation_ids
from aiolambda.client.invocation_ids import InvocationIds


def test_ids_are_random_uuids() -> None:
    ids = InvocationIds()
    made = [ids.next() for _ in range(3000)]
    assert len(set(made)) == len(made)
    assert {(str(uuid.UUID(one)), uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {
        (one, 4, uuid.RFC_4122) for one in made
    }


def test_first_part_changes_after_a_thousand() -> None:
    ids = InvocationIds()
    begins = [ids.next()[:24] for _ in range(2 * invocation_ids._ALIKE)]
    assert [len(set(begins[:1000])), len(set(begins[1000:])), len(set(begins))] == [1, 1, 2]


def test_forked_process_makes_other_ids() -> None:
    ids = InvocationIds()
    ids.next()
    of_child = copy.copy(ids)
    of_parent = ids.next()
    random.seed()  # Python does so in a forked process
    assert of_child.next() != of_parent

"""Makes the calls that stdin describes with the AWS CLI, and writes the outcome of each: see `other_clients`.

Each call is that of the program `aws` with these arguments, but in one process: a start of `aws` takes half a second.
"""

import base64
import contextlib
import io
import json
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from awscli.clidriver import create_clidriver

REFUSAL = re.compile(r"An error occurred \((\w+)\) when calling the Invoke operation(?: \(.*?\))?: (.*)\n", re.DOTALL)
OWN_KEYS = {name: value for name, value in os.environ.items() if "ACCESS_KEY" in name}


def driver_with(keys):
    """The CLI as it is after its start. It reads the keys once."""
    os.environ.update({**OWN_KEYS, **{name.upper(): value for name, value in keys.items()}})
    return create_clidriver()


def option(member):
    return "-" + re.sub("(?=[A-Z])", "-", member).lower()


def outcome_of(call, own, folder):
    driver = driver_with(call["keys"]) if call["keys"] else own
    members = dict(call["input"])
    if "Payload" in members:
        (folder / "payload").write_bytes(base64.b64decode(members["Payload"]))
        members["Payload"] = f"fileb://{folder / 'payload'}"
    arguments = ["lambda", "invoke", "--output", "json"]
    for name, value in members.items():
        arguments += [option(name), value]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = driver.main([*arguments, str(folder / "answer")])
    if status:
        return refusal(err.getvalue())
    return {**json.loads(out.getvalue()), "Payload": base64.b64encode((folder / "answer").read_bytes()).decode()}


def refusal(said):
    found = REFUSAL.search(said)
    if found is None:
        raise RuntimeError(said)
    return {"Code": found[1], "Message": found[2]}


own = driver_with({})
with TemporaryDirectory() as folder:
    json.dump({name: outcome_of(call, own, Path(folder)) for name, call in json.load(sys.stdin).items()}, sys.stdout)

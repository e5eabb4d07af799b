"""A program for an environment with aws-sam-translator and python-dotenv: a line of JSON in, a line of JSON out.

`AIOLAMBDA_SAM_PYTHON` names the Python of that environment. Imports nothing of this project.
"""

import io
import json
import os
import sys
from typing import Any


class _NoPolicies:
    """The managed policies of an account, of which the translator asks for the ARNs."""

    def load(self) -> dict[str, str]:
        return {}


def cloudformation_of(template: str) -> Any:
    """A template of AWS SAM in YAML as the CloudFormation template that is deployed."""
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    return transform(yaml_parse(template), {}, _NoPolicies())


def variables_of(text: str) -> dict[str, str | None]:
    """The variables of a `.env` file."""
    from dotenv import dotenv_values

    return dict(dotenv_values(stream=io.StringIO(text), interpolate=False))


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    functions = {"cloudformation_of": cloudformation_of, "variables_of": variables_of}
    for line in sys.stdin:
        name, argument = json.loads(line)
        sys.stdout.write(json.dumps(functions[name](argument)) + "\n")
        sys.stdout.flush()

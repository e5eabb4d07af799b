"""Functions from the template of a stack: AWS SAM or CloudFormation, in YAML or JSON. The template is only read.

A value that only AWS knows is left out, with a note. If a function cannot be without it, it is an error.
"""

from .read import read_template

__all__ = ["read_template"]

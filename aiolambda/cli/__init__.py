"""The command line: `aiolambda serve`, `aiolambda invoke`, `aiolambda map`, `aiolambda doctor`, `aiolambda demo`.

Owns what a person types and reads. Must not hold anything that a program would want: that lives in the layers below.
"""

from .main import main

__all__ = ["main"]

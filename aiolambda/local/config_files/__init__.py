"""Functions from files: a TOML file, or the template of a stack; and variables from `.env` files.

`import aiolambda.local` does not load this package.
"""

from .env_files import load_env_file, parse_env_file
from .function_file import EndpointSettings, FunctionFile
from .load import load_functions

__all__ = ["EndpointSettings", "FunctionFile", "load_env_file", "load_functions", "parse_env_file"]

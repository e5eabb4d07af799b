"""The version of this package, which its metadata has from here, and the command that installs it.

Owns the one form of that command which texts, errors and documentation show.
"""

__all__ = ["BESIDE_BOTO3", "CHECKOUT", "DISTRIBUTION", "INSTALL", "__version__", "install_line"]

__version__ = "0.1.0"

DISTRIBUTION = "aiolambda-client"
"""The name that pip knows this package by."""

CHECKOUT = "PATH_OF_THE_CHECKOUT"
INSTALL = f"pip install '{CHECKOUT}[aws]'"
"""Until the first release; then `pip install 'aiolambda-client[aws]'`. The name `aiolambda` is another project's."""

BESIDE_BOTO3 = (
    "beside boto3 1.44, whose botocore aiobotocore does not accept, leave the extra out: boto3 brings botocore, or give a "
    "session: LambdaClient(credentials=aiolambda.credentials.from_botocore(session))"
)


def install_line(extra: str) -> str:
    """The command that installs the package with another extra."""
    return INSTALL.replace("[aws]", f"[{extra}]")

"""Fan-out over the workers of a Dask cluster: `DaskLambdaClient`. It needs the extra `dask`."""

from .client import DaskLambdaClient
from .options import DaskClientSettings, DaskCommandOptions, DaskMapOptions

__all__ = ["DaskClientSettings", "DaskCommandOptions", "DaskLambdaClient", "DaskMapOptions"]

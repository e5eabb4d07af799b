"""The compression of zstd: that of Python 3.14, else of the package `zstandard`."""

import sys
from importlib import import_module

zstd_compress = import_module("compression.zstd" if sys.version_info >= (3, 14) else "zstandard").compress

"""The version of this package, which its metadata has from here."""

__all__ = ["__version__"]

__version__ = "0.1.0"

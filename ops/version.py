"""Which version this is."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """The version of this product."""
    try:
        return version("covergen")
    except PackageNotFoundError:
        return "0.0.0"

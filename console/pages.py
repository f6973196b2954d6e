"""The pages, as they were built from ``web/``: one document for each, and their assets."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, Response

from console.problems import Problem

router = APIRouter()
BUILT = Path(__file__).parent / "web" / "dist"
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; manifest-src 'self'; "
    # The map draws its images itself, into blobs.
    "style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
_DOCUMENT = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
# Their names have a digest of what they hold.
_LASTING = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "public, max-age=31536000, immutable",
}
_MEDIA = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@router.get("/", include_in_schema=False)
@router.get("/incidents/{incident}", include_in_schema=False)
async def document() -> Response:
    """Return the operators' console, whichever incident its address names."""
    return _built("index.html")


@router.get("/unit", include_in_schema=False)
async def unit_document() -> Response:
    """Return the responders' page."""
    return _built("unit.html")


@router.get("/unit-worker.js", include_in_schema=False)
async def unit_worker() -> Response:
    """Return the service worker that opens the responders' page without a signal."""
    return _built("unit-worker.js", "text/javascript")


@router.get("/streets", include_in_schema=False)
async def streets_document() -> Response:
    """Return the page on which streets are closed and opened."""
    return _built("streets.html")


@router.get("/handover", include_in_schema=False)
async def handover_document() -> Response:
    """Return the page on which a shift is handed over."""
    return _built("handover.html")


@router.get("/admin", include_in_schema=False)
async def admin_document() -> Response:
    """Return the administrators' page."""
    return _built("admin.html")


@router.get("/assets/{name}", include_in_schema=False)
async def asset(
    request: Request,
    name: Annotated[str, InPath(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)],
) -> Response:
    """Return a script, style sheet or picture of the pages."""
    found = BUILT / "assets" / name
    if found.suffix not in _MEDIA or not found.is_file():
        raise Problem("not-found", "the pages have no such file: load them again")
    headers, packed = _LASTING | {"Vary": "Accept-Encoding"}, found.with_name(f"{name}.gz")
    if "gzip" in request.headers.get("Accept-Encoding", "") and packed.is_file():
        found, headers = packed, headers | {"Content-Encoding": "gzip"}
    return FileResponse(found, headers=headers, media_type=_MEDIA[Path(name).suffix])


def _built(name: str, media: str = "text/html") -> Response:
    found = BUILT / name
    if not found.is_file():
        raise Problem("unavailable", "the pages are not built here: run `make setup`")
    return FileResponse(found, headers=_DOCUMENT, media_type=media)

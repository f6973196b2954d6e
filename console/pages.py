"""The operators' pages: one document for every address of theirs, and its assets."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse, Response

from console.problems import Problem

router = APIRouter()
BUILT = Path(__file__).parent / "web" / "dist"
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
    # The map draws its images itself, into blobs.
    "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
_DOCUMENT = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
# Their names have a digest of what they hold.
_LASTING = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "public, max-age=31536000, immutable",
}
_MEDIA = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@router.get("/", include_in_schema=False)
@router.get("/incidents/{incident}", include_in_schema=False)
async def document() -> Response:
    """Return the pages' document, whichever incident its address names."""
    found = BUILT / "index.html"
    if not found.is_file():
        raise Problem("unavailable", "the pages are not built here: run `make setup`")
    return FileResponse(found, headers=_DOCUMENT, media_type="text/html")


@router.get("/assets/{name}", include_in_schema=False)
async def asset(
    name: Annotated[str, InPath(pattern=r"^[A-Za-z0-9._-]+$", max_length=200)],
) -> Response:
    """Return a script, style sheet or picture of the pages."""
    found = BUILT / "assets" / name
    if found.suffix not in _MEDIA or not found.is_file():
        raise Problem("not-found", "the pages have no such file: load them again")
    return FileResponse(found, headers=_LASTING, media_type=_MEDIA[found.suffix])

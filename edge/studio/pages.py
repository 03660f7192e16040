"""The studio's pages: the shell, its static files, the web manifest and the favicon.

Everything is read once, when `routes` is called: what is not on disk then does not exist later, and no path of a
request ever reaches the file system. Files are addressed below a digest of all of them (`/static/<digest>/js/app.js`),
so the modules' relative imports stay inside one release and browsers may keep them for a year.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER: Final = Path(__file__).parent
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""The only kinds of file that are served; others in the folder are left out."""
PLACES: Final = ("/", "/login", "/verify-email", "/reset-password", "/forgot-password", "/check")
"""Where the page is served: the studio, its door for who is sent on to `next` afterwards, what the links of mails lead
to (their token is behind #, never sent), and where anybody may ask what a file says of its origin."""
COMPRESSED: Final = frozenset({".css", ".js", ".svg", ".txt"})
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""Content-Security-Policy of the page."""
GUARDS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served; `packed` is its gzip form when that is smaller."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str


def routes(*, name: str = "Covergen", folder: Path = FOLDER) -> list[web.AbstractRouteDef]:
    """The routes of the studio, for an aiohttp application: `app.add_routes(routes())`.

    `name` is the product's name in titles and in the manifest. Raises FileNotFoundError when the folder is incomplete.
    """
    assets = load_assets(folder / "static")
    digest = release_digest(assets)
    shell = _asset(render_shell(folder / "templates", name, digest), ".html")
    manifest = _asset(render_manifest(name, digest), ".webmanifest")
    icon = assets["img/icon.svg"]

    async def page(request: web.Request) -> web.Response:
        return _answer(request, shell, ASK_AGAIN, GUARDS)

    async def web_manifest(request: web.Request) -> web.Response:
        return _answer(request, manifest, ASK_AGAIN)

    async def favicon(request: web.Request) -> web.Response:
        return _answer(request, icon, "public, max-age=86400")

    async def static(request: web.Request) -> web.Response:
        release, path = request.match_info["release"], request.match_info["path"]
        asset = assets.get(path)
        if asset is None:
            raise web.HTTPNotFound
        return _answer(request, asset, FOREVER if release == digest else ASK_AGAIN)

    return [
        *(web.get(path, page) for path in PLACES),
        web.get("/manifest.webmanifest", web_manifest),
        web.get("/favicon.svg", favicon),
        web.get("/favicon.ico", favicon),
        web.get("/static/{release:[0-9a-f]{16}}/{path:.+}", static),
    ]


def load_assets(folder: Path) -> dict[str, Asset]:
    """Every file below `folder` whose kind is in MEDIA_TYPES, by its path with `/` between the parts."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in MEDIA_TYPES)
    if not files:
        raise FileNotFoundError(f"the studio has no static files in {folder}")
    return {path.relative_to(folder).as_posix(): _asset(path.read_bytes(), path.suffix) for path in files}


def release_digest(assets: Mapping[str, Asset]) -> str:
    """Sixteen hexadecimal digits that change when any file changes."""
    whole = hashlib.sha256()
    for path, asset in sorted(assets.items()):
        whole.update(f"{path} {asset.etag}\n".encode())
    return whole.hexdigest()[:16]


def render_shell(folder: Path, name: str, digest: str) -> bytes:
    """The one HTML page; the browser's modules fill it."""
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("studio.html").render(name=name, static=f"/static/{digest}").encode()


def render_manifest(name: str, digest: str) -> bytes:
    """The web manifest (W3C): name, colours and icons of the installed studio."""
    manifest = {
        "id": "/",
        "name": f"{name} studio",
        "short_name": name,
        "description": "Covers for books, albums, podcasts and video.",
        "start_url": "/",
        "display": "standalone",
        "background_color": "#fafaf8",
        "theme_color": "#fafaf8",
        "icons": [
            {"src": f"/static/{digest}/img/icon.svg", "type": "image/svg+xml", "sizes": "any"},
            {"src": f"/static/{digest}/img/icon-512.png", "type": "image/png", "sizes": "512x512"},
        ],
    }
    return json.dumps(manifest).encode()


def _asset(body: bytes, suffix: str) -> Asset:
    types = {".html": "text/html; charset=utf-8", ".webmanifest": "application/manifest+json", **MEDIA_TYPES}
    packed = gzip.compress(body, 9, mtime=0) if suffix in COMPRESSED or suffix == ".html" else None
    smaller = packed if packed is not None and len(packed) < len(body) else None
    return Asset(body, smaller, types[suffix], hashlib.sha256(body).hexdigest()[:32])


def _answer(request: web.Request, asset: Asset, cache: str, headers: Mapping[str, str] = GUARDS) -> web.Response:
    """The asset, or 304 when the browser has it; gzip where the browser takes it."""
    packed = asset.packed if "gzip" in request.headers.get("Accept-Encoding", "") else None
    etag = f'W/"{asset.etag}"'
    out = {"Cache-Control": cache, "ETag": etag, "X-Content-Type-Options": "nosniff", **headers}
    if asset.packed is not None:
        out["Vary"] = "Accept-Encoding"
    if any(known.value in (asset.etag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=out)
    if packed is not None:
        out["Content-Encoding"] = "gzip"
    return web.Response(body=packed or asset.body, headers={**out, "Content-Type": asset.media_type})

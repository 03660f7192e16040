"""The studio's pages: policy, references, caching, and that nothing but its own files is served."""

import json
import posixpath
import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

from adapters.typesetter import FORMATS, PAIRINGS
from contracts import brands, covers, provenance
from contracts.recipes import Format
from contracts.security import SCOPES
from edge.studio.pages import FOLDER, PLACES, load_assets, release_digest, routes
from nodes.auth.letters import KINDS

STATIC = FOLDER / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
STYLES = sorted(STATIC.rglob("*.css"))
IMPORT = re.compile(r'^import\s+\{([^}]*)\}\s+from\s+"([^"]+)";', re.MULTILINE)
EXPORT = re.compile(r"^export\s+(?:async\s+)?(?:function\*?|const|class)\s+(\w+)", re.MULTILINE)
TOKEN = re.compile(r"(--[a-z-]+):\s*(#[0-9a-f]{6});")

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def studio(aiohttp_client: Callable[[web.Application], Awaitable[Client]]) -> Client:
    """The studio alone on a server of its own."""
    app = web.Application()
    app.add_routes(routes())
    return await aiohttp_client(app)


class Page(HTMLParser):
    """What a page refers to, and what it holds inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._inside = tag if tag in ("script", "style") and "src" not in values else ""
        self.references += [value for name in ("src", "href") if (value := values.get(name)) and value[0] != "#"]
        self.inline += [f"{tag} {name}" for name in values if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.inline.append(self._inside)


async def _page(studio: Client) -> Page:
    return Page(await (await studio.get("/")).text())


async def _release(studio: Client) -> str:
    page = await _page(studio)
    return next(path for path in page.references if path.endswith("/js/app.js")).removesuffix("/js/app.js")


async def test_page_is_html_under_a_strict_policy(studio: Client) -> None:
    """The page allows scripts and styles from its own origin only, and no framing."""
    answer = await studio.get("/")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert "http" not in str(policy)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PLACES)
async def test_every_place_is_the_page_under_the_same_policy(studio: Client, path: str) -> None:
    """What links of mails lead to is the studio's page, with all of its headers, and asked for again each time."""
    root, answer = await studio.get("/"), await studio.get(path)
    same = (
        "Content-Security-Policy",
        "Referrer-Policy",
        "X-Content-Type-Options",
        "Cross-Origin-Opener-Policy",
        "ETag",
    )
    assert answer.status == 200
    assert {name: answer.headers[name] for name in same} == {name: root.headers[name] for name in same}
    assert answer.headers["Cache-Control"] == "no-cache"
    assert await answer.read() == await root.read()


def test_every_mailed_link_leads_to_a_place_with_a_view() -> None:
    """Each page that a mail names is served, and the studio has a view for it and for every other place."""
    views = set(re.findall(r'\["(/[a-z-]+)", \w+\]', (STATIC / "js" / "app.js").read_text()))
    assert {kind.page for kind in KINDS.values()} <= views == set(PLACES) - {"/", "/login"}


def test_mailed_tokens_are_sent_in_bodies_only() -> None:
    """The module that takes a token out of the address stores nothing and puts it into no address."""
    text = (STATIC / "js" / "views" / "proof.js").read_text()
    assert "history.replaceState(null" in text
    for word in ("localStorage", "sessionStorage", "console.", "${token", "?token", "pushState", "document.cookie"):
        assert word not in text, word


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_no_module_holds_a_token(script: Path) -> None:
    """Sessions are in cookies that scripts cannot read: none is stored, sent in a header, or made into an address."""
    text = script.read_text().replace('localStorage.removeItem("covergen.session")', "")
    for word in ("access_token", "refresh_token", "Authorization", "Bearer", "localStorage", "document.cookie"):
        assert word not in text, word


def test_keys_may_be_given_every_scope() -> None:
    """The form for a key knows the scopes that there are, and no others."""
    listed = re.findall(r'^  "([a-z]+:[a-z]+)": "', (STATIC / "js" / "words.js").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(SCOPES)


def _table(module: str, name: str) -> str:
    """The lines of an object literal of a module."""
    found = re.search(
        rf"^(?:export )?const {name} = {{(.*?)}};$", (STATIC / "js" / module).read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, name
    return found[1]


def test_every_format_can_be_ordered_and_is_told_in_its_own_size() -> None:
    """The studio offers the formats that there are, each with its pixels."""
    listed = re.findall(r"(\w+): {.*?pixels: \[(\d+), (\d+)\]", _table("words.js", "FORMATS"))
    assert {name: (int(width), int(height)) for name, width, height in listed} == {
        name: (page.width, page.height) for name, page in FORMATS.items()
    }
    sheets = (STATIC / "css" / "book.css").read_text()
    assert all(f".book-{name}" in sheets or name == "ebook" for name in get_args(Format))


def test_every_pairing_of_fonts_can_be_chosen() -> None:
    """The studio offers the pairings that there are, and no others."""
    assert set(re.findall(r'"?([a-z-]+)"?: "', _table("words.js", "PAIRINGS"))) == set(PAIRINGS)


@pytest.mark.parametrize("name", ["MADE", "SHORT"])
def test_every_kind_of_version_has_words(name: str) -> None:
    """Whatever made a version, the strip says it."""
    keys = set(re.findall(r"(?:^|[{,])\s*(\w+): (?:\(|\"|{)", _table("says.js", name), re.MULTILINE))
    assert set(get_args(covers.Kind)) - {"format"} <= keys


@pytest.mark.parametrize(
    ("table", "choices"), [("CASES", brands.Case), ("WEIGHTS", brands.Weight), ("POSITIONS", brands.LogoPosition)]
)
def test_the_kit_offers_what_a_kit_may_say(table: str, choices: object) -> None:
    """The form of the brand kit has every choice of its contract, and no other."""
    assert tuple(re.findall(r'(\w+): "', _table("views/brand.js", table))) == get_args(choices)


def test_credentials_are_told_in_full() -> None:
    """What `verify` answers is shown: each of its fields is read by the module that tells it."""
    text = (STATIC / "js" / "parts" / "credentials.js").read_text()
    assert [name for name in provenance.Provenance.__struct_fields__ if name not in text] == ["media_type"]


async def test_page_holds_nothing_inline(studio: Client) -> None:
    """No script, style, style attribute or handler is written into the page: the policy would stop it."""
    page = await _page(studio)
    assert page.references
    assert page.inline == []


def test_inline_code_would_be_seen() -> None:
    """The reader of pages finds inline code where there is some."""
    page = Page('<p onclick="f()" style="x">a</p><script>f()</script><style>p{}</style><script src="/a.js"></script>')
    assert page.inline == ["p onclick", "p style", "script", "style"]


async def test_every_reference_of_the_page_exists(studio: Client) -> None:
    """Stylesheets, scripts, fonts, icon and manifest that the page names are all served."""
    paths = [path for path in (await _page(studio)).references if path not in ("/docs", "/")]
    answers = {path: (await studio.get(path)).status for path in paths}
    assert len(answers) > 8
    assert set(answers.values()) == {200}, answers


async def test_every_file_that_styles_name_exists(studio: Client) -> None:
    """Each `url(...)` in a stylesheet leads to a file of the same release, and none leads elsewhere."""
    base = await _release(studio)
    named = {(sheet, url) for sheet in STYLES for url in re.findall(r"url\(([^)]+)\)", sheet.read_text())}
    assert len(named) >= 5
    for sheet, url in named:
        path = posixpath.normpath(posixpath.join(sheet.relative_to(STATIC).parent.as_posix(), url))
        assert (await studio.get(f"{base}/{path}")).status == 200, url


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_modules_import_only_what_is_exported(script: Path) -> None:
    """Every name that a module imports is exported by the module it names, and every import is used."""
    text = script.read_text()
    assert text.count("\nimport ") + text.startswith("import ") == len(IMPORT.findall(text))
    for names, target in IMPORT.findall(text):
        exported = set(EXPORT.findall((script.parent / target).resolve(strict=True).read_text()))
        wanted = {name.strip() for name in names.split(",")}
        assert wanted <= exported, target
        unused = {name for name in wanted if len(re.findall(rf"\b{name}\b", text)) < 2}
        assert not unused, target


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_modules_never_parse_text_as_code_or_markup(script: Path) -> None:
    """What people type is never turned into HTML or code, and no module calls out to another origin."""
    text = script.read_text()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "://"):
        assert word not in text.replace("http://www.w3.org/2000/svg", ""), word


def test_styles_use_only_properties_that_are_set() -> None:
    """Every custom property that a rule reads is defined by a rule or set by a module."""
    sheets = "".join(sheet.read_text() for sheet in STYLES)
    scripts = "".join(script.read_text() for script in SCRIPTS)
    read = set(re.findall(r"var\((--[a-z-]+)", sheets))
    defined = set(re.findall(r"(--[a-z-]+):", sheets)) | set(re.findall(r'"(--[a-z-]+)"', scripts))
    assert read
    assert read <= defined


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(scheme: int) -> None:
    """Text has at least 4.5 : 1 on every surface, edges of controls at least 3 : 1 (WCAG 2 AA), in both schemes."""
    blocks = (STATIC / "css" / "base.css").read_text().split("prefers-color-scheme: dark")
    colours = dict(TOKEN.findall(blocks[0])) | (dict(TOKEN.findall(blocks[1])) if scheme else {})
    texts = [
        (ink, on) for ink in ("--ink", "--soft", "--accent", "--alarm") for on in ("--page", "--table", "--raised")
    ]
    texts += [("--on-fill", "--fill"), ("--on-fill", "--fill-deep"), ("--page", "--ink"), ("--page", "--alarm")]
    low = {pair: ratio for pair in texts if (ratio := _contrast(colours, pair)) < 4.5}
    low |= {pair: ratio for on in ("--page", "--raised") if (ratio := _contrast(colours, pair := ("--edge", on))) < 3}
    assert low == {}


def _contrast(colours: dict[str, str], pair: tuple[str, str]) -> float:
    low, high = sorted(_luminance(colours[name]) for name in pair)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("js/app.js", "text/javascript; charset=utf-8"),
        ("css/base.css", "text/css; charset=utf-8"),
        ("img/icon.svg", "image/svg+xml"),
        ("fonts/newsreader-latin.woff2", "font/woff2"),
    ],
)
async def test_files_have_their_media_type(studio: Client, path: str, media: str) -> None:
    """Each kind of file says what it is, since the browser is told not to guess."""
    answer = await studio.get(f"{await _release(studio)}/{path}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, media)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_files_of_this_release_are_kept_and_others_asked_for_again(studio: Client) -> None:
    """An address with this release's digest may be kept for a year; one of another release may not."""
    current = await studio.get(f"{await _release(studio)}/js/app.js")
    other = await studio.get("/static/0123456789abcdef/js/app.js")
    assert current.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (other.status, other.headers["Cache-Control"]) == (200, "no-cache")
    assert (await studio.get("/")).headers["Cache-Control"] == "no-cache"


async def test_browser_that_has_the_page_is_told_so(studio: Client) -> None:
    """With the ETag of the page the answer is 304 without a body; with another it is the page."""
    etag = (await studio.get("/")).headers["ETag"]
    known = await studio.get("/", headers={"If-None-Match": etag})
    unknown = await studio.get("/", headers={"If-None-Match": '"other"'})
    assert (known.status, await known.read(), known.headers["ETag"]) == (304, b"", etag)
    assert unknown.status == 200


async def test_text_is_packed_for_those_who_take_it(studio: Client) -> None:
    """gzip goes only to who asks for it, and caches are told that answers differ."""
    path = f"{await _release(studio)}/css/views.css"
    packed = await studio.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await studio.get(path, headers={"Accept-Encoding": "identity"})
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert "Content-Encoding" not in plain.headers
    assert await packed.read() == await plain.read() == (STATIC / "css" / "views.css").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "js/../../pages.py", "js", "js/", "nothing.js", "/etc/passwd"],
)
async def test_nothing_else_can_be_reached(studio: Client, path: str) -> None:
    """Paths that climb, name a folder or name nothing are not found."""
    answer = await studio.get(URL(f"{await _release(studio)}/{path}", encoded=True))
    assert answer.status == 404


def test_only_known_kinds_of_file_are_served(tmp_path: Path) -> None:
    """Sources, hidden files and whatever else lies in the folder are left out."""
    for name in ("a.js", "b.py", ".env", "c.html", "d.js.map"):
        (tmp_path / name).write_text("x")
    assert set(load_assets(tmp_path)) == {"a.js"}


def test_studio_without_files_does_not_start(tmp_path: Path) -> None:
    """A folder without files is an error at start, not a blank page later."""
    with pytest.raises(FileNotFoundError):
        load_assets(tmp_path)


def test_digest_follows_every_file(tmp_path: Path) -> None:
    """A change of one byte or of a name makes another release; the same files make the same one."""
    (tmp_path / "a.js").write_text("1")
    first = release_digest(load_assets(tmp_path))
    assert release_digest(load_assets(tmp_path)) == first
    (tmp_path / "a.js").write_text("2")
    second = release_digest(load_assets(tmp_path))
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, second, release_digest(load_assets(tmp_path))}) == 3


async def test_manifest_can_be_installed(studio: Client) -> None:
    """The web manifest has a name, a start and icons that exist."""
    answer = await studio.get("/manifest.webmanifest")
    manifest = json.loads(await answer.read())
    assert answer.headers["Content-Type"] == "application/manifest+json"
    assert (manifest["short_name"], manifest["start_url"], manifest["display"]) == ("Covergen", "/", "standalone")
    assert [(await studio.get(icon["src"])).status for icon in manifest["icons"]] == [200, 200]


@pytest.mark.parametrize("path", ["/favicon.svg", "/favicon.ico"])
async def test_favicon_is_drawn(studio: Client, path: str) -> None:
    """Browsers that ask for either icon get the drawing."""
    answer = await studio.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml")


def test_built_in_styles_have_their_picture() -> None:
    """Every seeded style is shown by a picture painted in its own colours, and no picture is left over."""
    seeds = json.loads((FOLDER.parent.parent / "nodes" / "templates" / "seeds.json").read_text())
    keys = {f"{seed['family']}-{''.join(colour[1:].lower() for colour in seed['palette'])}" for seed in seeds}
    listed = set(re.findall(r'^  \["([a-z0-9-]+)",', (STATIC / "js" / "painted.js").read_text(), re.MULTILINE))
    assert len(keys) >= 24
    assert keys == listed == {path.stem for path in (STATIC / "styles").glob("*.webp")}

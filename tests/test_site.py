"""The site as a reader has it: built once, then opened in Chromium from its folder, and from a server below a path.

Of each page all facts are collected in one visit, and each test looks at one kind of them.
"""

import functools
import gzip
import http.server
import inspect
import statistics
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pages
import pytest
from built import build

from benchmarks import players
from d2lbptt import experiments, explorers

pytestmark = pages.MARKS

WIDE, PHONE = (1280, 720), (390, 844)
WIDTHS = {390: 844, 320: 640, 640: 360}  # with their heights; the last is a screen of 1280 x 720 at 200 %
ONE_PAGE, ONE_EXPLORER, FIRST_STATE, WHOLE = 3_000_000, 3_000_000, 300_000, 60_000_000  # bytes


# --- the site on two ways to a reader ---


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a page that is closed hangs up


@pytest.fixture(scope="module")
def server(site, tmp_path_factory):
    """The address of a server that has the site below a path."""
    root = tmp_path_factory.mktemp("server")
    (root / "some" / "sub").mkdir(parents=True)
    (root / "some" / "sub" / "path").symlink_to(site, target_is_directory=True)
    with Server(("localhost", 0), functools.partial(Files, directory=root)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://localhost:{running.server_port}/some/sub/path/"
        running.shutdown()


def names(site):
    """Of all pages, as they stand in an address; what the theme keeps beside its scripts is none."""
    every = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(name for name in every if not name.startswith("_"))


# --- one visit to each page, from which all facts are taken ---

ABORTED = "net::ERR_ABORTED"  # by us, who closed the page while it loaded what comes next
MOVED = """async () => {
  for (const figure of document.querySelectorAll(".d2l-player")) await d2lbptt.players.ready(figure);
}"""
WIDER = """() => {
  const room = document.documentElement.clientWidth, { scrollWidth } = document.scrollingElement;
  const beyond = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > room + 1);
  return scrollWidth > room ? [scrollWidth, ...beyond.slice(0, 4).map((e) => e.outerHTML.slice(0, 90))] : [];
}"""


@contextmanager
def opened(chromium, address, base, size=WIDE, scheme="light"):
    """A page of a new reader, the addresses that it asked for, and all that went wrong, complete at the end."""
    context = chromium.new_context(viewport=screen(size), color_scheme=scheme)
    page, asked, wrong = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: None if request.failure == ABORTED else wrong.append(request.url))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    yield page, asked, wrong
    page.evaluate("() => window.MathJax?.startup?.promise.then(() => true)")
    wrong += [f"asked for {url}" for url in asked if not url.startswith((base, "data:", "blob:"))]
    context.close()


def screen(size):
    """A size as Playwright wants it."""
    return dict(zip(("width", "height"), size, strict=True))


def too_wide(page):
    """What makes a page wider than the screen, by its width."""
    page.evaluate("() => window.MathJax?.startup?.promise.then(() => true)")
    found = {}
    for size in WIDTHS.items():
        page.set_viewport_size(screen(size))
        pages.at_rest(page) if page.locator(".d2l").count() else page.wait_for_timeout(100)
        found[size[0]] = page.evaluate(WIDER)
    page.set_viewport_size(screen(WIDE))
    page.wait_for_timeout(200)
    return {width: wider for width, wider in found.items() if wider}


def barriers(page, rules=()):
    """What axe-core finds serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    options = {"resultTypes": ["violations"], "preload": False}  # to preload, it asks for files that a folder refuses
    found = axe.run(page, options=options | ({"runOnly": list(rules)} if rules else {}))
    worst = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:150]}" for one in worst for node in one["nodes"][:3]]


def sent(site, base, asked):
    """How many bytes a server sends for some addresses; it compresses texts."""
    places = {unquote(urlsplit(url).path).partition("/path/")[2] for url in asked if url.startswith(base)}
    return sum(compressed(site / place) for place in places)


@functools.cache
def compressed(path):
    content = path.read_bytes()
    return min(len(content), len(gzip.compress(content)))


def from_folder(chromium, site, name):
    """What is seen of a page by kind, opened from its folder."""
    base = site.as_uri() + "/"
    with opened(chromium, base + name, base) as (page, _, wrong):
        page.evaluate(MOVED)
        seen = {"wide": too_wide(page), "light": barriers(page)}
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("(document.documentElement.dataset.theme ?? 'dark') === 'dark'")  # the stage has none
        page.wait_for_timeout(400)  # colours of the theme fade
        seen["dark"] = barriers(page, ["color-contrast", "link-in-text-block"])
    return seen | {"folder": wrong}


def from_server(chromium, site, base, name):
    """The same from a server, on two screens."""
    with opened(chromium, base + name, base) as (page, asked, wrong):
        page.wait_for_load_state("networkidle")
        seen = {"sent": sent(site, base, asked)}
        page.set_viewport_size(screen(PHONE))
        page.emulate_media(color_scheme="dark")
        page.reload()
        page.evaluate(MOVED)
    return seen | {"server": wrong}


@pytest.fixture(scope="module")
def seen(chromium, site, server):
    """What was seen of all pages."""
    return {name: from_folder(chromium, site, name) | from_server(chromium, site, server, name) for name in names(site)}


def faults(seen, kind):
    assert len(seen) > 50
    return {name: what[kind] for name, what in seen.items() if what[kind]}


@pytest.mark.parametrize("way", ["folder", "server"])
def test_every_page_opens_without_an_error_and_asks_nobody_else(seen, way):
    assert not faults(seen, way)


def test_no_page_is_wider_than_the_screen(seen):
    assert not faults(seen, "wide")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_are_no_barriers(seen, scheme):
    assert not faults(seen, scheme)


def test_the_first_view_of_a_page_is_small(seen):
    assert {name: what["sent"] for name, what in seen.items() if what["sent"] >= ONE_PAGE} == {}


# --- players ---


@pytest.mark.parametrize("name", explorers.__all__)
@pytest.mark.parametrize("way", ["folder", "server"])
def test_a_player_is_moved_by_keyboard_to_the_ends_of_what_leads(chromium, site, server, name, way):
    base, size, scheme = (site.as_uri() + "/", WIDE, "light") if way == "folder" else (server, PHONE, "dark")
    with opened(chromium, f"{base}explorers/{name}.html", base, size, scheme) as (page, _, wrong):
        page.evaluate(MOVED)
        player = page.locator(".d2l")
        for key in getattr(explorers, name)().leads:
            control = player.locator(f".d2l-control[data-key={key}] :is(input, select)")
            control.focus()
            low, high = (pressed(page, player, end) for end in ("Home", "End"))
            assert low.keys() == high.keys() == {"picture", "sentence", "alternative", "python"}
            same = {what for what in low if low[what] == high[what]}
            argument = key in inspect.signature(getattr(experiments, name)).parameters
            assert same == (set() if argument else {"python"}), key  # how far something is shown is no argument
    assert not wrong


def pressed(page, player, key):
    """What is shown after a key, at rest."""
    page.keyboard.press(key)
    pages.at_rest(page)
    parts = {"picture": ".d2l-foreground", "sentence": ".d2l-sentence", "python": ".d2l-python code"}
    found = {what: player.locator(place).inner_html() for what, place in parts.items()}
    described = player.locator(".d2l-picture").get_attribute("aria-describedby")
    return found | {"alternative": page.locator(f"#{described}").inner_html()}


def test_a_key_shows_its_picture_at_once(chromium, site):
    # A bound for a busy machine; benchmarks/players.py measures.
    base = site.as_uri() + "/"
    with opened(chromium, f"{base}explorers/gradient_flow.html", base) as (page, *_):
        found = players.measured(page, "g", 30)
    assert statistics.median(found) < 300


def test_at_200_per_cent_a_slider_and_its_picture_are_on_the_screen_together(chromium, site):
    base = site.as_uri() + "/"
    with opened(chromium, f"{base}explorers/gradient_flow.html", base, (640, 360)) as (page, *_):
        page.evaluate(MOVED)
        slider = page.locator(".d2l-main input")
        slider.focus()
        assert slider.evaluate("""e => {
          const { left, right, top, bottom } = e.getBoundingClientRect();
          return document.elementFromPoint((left + right) / 2, (top + bottom) / 2) === e;
        }"""), "it is covered"


# --- what lies in the folder ---


def test_sizes(site):
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in site.rglob("*") if path.is_file()}
    assert sum(size for name, size in sizes.items() if not name.endswith(".pdf")) < WHOLE
    for name in explorers.__all__:
        own = {file: size for file, size in sizes.items() if file.startswith(f"_static/players/{name}/")}
        assert len(own) > 2 and sum(own.values()) <= ONE_EXPLORER
        assert own[f"_static/players/{name}/head.js"] <= FIRST_STATE


class Links(HTMLParser):
    """What a page names, and the places on it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.places = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places |= {found[key] for key in ("id", "name") if found.get(key)}
        for key in ("href", "src"):
            if found.get(key):
                (self.links if tag == "a" else self.loaded).append(found[key])


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    known = {name: Links((site / name).read_text("utf-8")) for name in names(site)}
    every = [(name, link) for name, page in known.items() for link in page.links + page.loaded]
    assert len(every) > 1000
    assert not [(name, link) for name, link in every if leads_nowhere(site, known, name, link)]
    loaded = [(name, link) for name, page in known.items() for link in page.loaded]
    assert not [(name, link) for name, link in loaded if urlsplit(link).scheme not in ("", "data")]


def leads_nowhere(site, known, name, link):
    """Whether a link that stays on the site has no end; a state of a player, as #g=1.2, is no place."""
    if urlsplit(link).scheme or link.startswith("//"):
        return False
    address, place = urldefrag(urljoin(f"file:///{name}", link))
    target = unquote(urlsplit(address).path).lstrip("/")
    if link.startswith("/") or not (site / target).is_file():
        return True
    return bool(place) and "=" not in place and target in known and unquote(place) not in known[target].places


@pytest.mark.parametrize("word", ["vanishing", "truncation"])
def test_the_search_finds_a_word_without_a_server(chromium, site, word):
    base = site.as_uri() + "/"
    with opened(chromium, f"{base}search.html?q={word}", base) as (page, _, wrong):
        page.locator("#search-results li a").first.wait_for(timeout=20_000)
        found = page.locator("#search-results li a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert found and not wrong
    assert all((site / urlsplit(link).path).is_file() for link in found)


def contents(site):
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_a_second_build_computes_no_explorer_again_and_gives_the_same_bytes(site, tmp_path):
    first, second = contents(site), contents(build(tmp_path, "compute nothing"))
    assert first.keys() == second.keys()
    assert not [name for name in first if first[name] != second[name]]

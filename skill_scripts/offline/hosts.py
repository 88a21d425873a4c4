"""What is known of other hosts: which npm package is behind an address, and what must stay away."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

# Works only with its own server, or serves it: a host or its beginning of a path → why.
NOT_FETCHED: dict[str, tuple[str, ...]] = {
    "analytics: it reports to a service what people do": (
        "www.googletagmanager.com", "www.google-analytics.com", "ssl.google-analytics.com",
        "plausible.io", "static.cloudflareinsights.com", "static.hotjar.com", "cdn.segment.com",
        "cdn.mxpnl.com", "cdn.amplitude.com", "www.clarity.ms", "mc.yandex.ru",
        "connect.facebook.net", "browser.sentry-cdn.com", "js.sentry-cdn.com", "cdn.matomo.cloud",
        "js-agent.newrelic.com", "eu.umami.is", "cloud.umami.is", "gc.zgo.at", "c.statcounter.com",
    ),
    "advertising": (
        "pagead2.googlesyndication.com", "securepubads.g.doubleclick.net", "adservice.google.com",
        "cdn.carbonads.com",
    ),
    "a map, which needs its server": (
        "maps.googleapis.com", "maps.google.com", "api-maps.yandex.ru", "dapi.kakao.com",
    ),
    "a video player, which needs its server": (
        "www.youtube.com", "player.vimeo.com", "www.youtube-nocookie.com",
    ),
    "a captcha, which needs its server": (
        "www.google.com/recaptcha", "www.gstatic.com/recaptcha", "js.hcaptcha.com", "hcaptcha.com",
        "challenges.cloudflare.com", "www.recaptcha.net",
    ),
    "sign-in with another service": (
        "accounts.google.com", "apis.google.com", "appleid.cdn-apple.com", "alcdn.msauth.net",
    ),
    "payment, which needs its server": (
        "js.stripe.com", "www.paypal.com", "checkout.razorpay.com", "js.braintreegateway.com",
    ),
    "a service of another host": (
        "platform.twitter.com", "s7.addthis.com", "widget.intercom.io", "embed.tawk.to",
        "translate.google.com", "cdn.polyfill.io", "polyfill.io",
    ),
    "it compiles styles in the page: build them with the Tailwind command, and load the result": (
        "cdn.tailwindcss.com",
    ),
    "a kit that belongs to an account: load the package of its free icons": (
        "kit.fontawesome.com",
    ),
}  # fmt: skip

# Names of cdnjs and others that are not the package's own.
PACKAGE_OF = {
    "Chart.js": "chart.js", "OwlCarousel2": "owl.carousel", "ace": "ace-builds",
    "angular.js": "angular", "angularjs": "angular", "animate.css": "animate.css",
    "handlebars.js": "handlebars", "highlight.js": "@highlightjs/cdn-assets",
    "jquery-cookie": "jquery.cookie", "jquery-validate": "jquery-validation",
    "jquery.mask": "jquery-mask-plugin", "jqueryui": "jquery-ui", "lodash.js": "lodash",
    "materialize": "materialize-css", "moment.js": "moment", "normalize": "normalize.css",
    "pdf.js": "pdfjs-dist", "prism": "prismjs", "socket.io": "socket.io-client",
    "three.js": "three", "toastr.js": "toastr", "twitter-bootstrap": "bootstrap",
    "underscore.js": "underscore", "webfont": "webfontloader",
}  # fmt: skip
# Where cdnjs and its like leave out the folder that the package has.
INNER = ("", "dist/", "build/", "lib/", "umd/", "js/", "css/", "min/", "dist/js/", "dist/css/",
         "dist/umd/", "src-min-noconflict/", "src/")  # fmt: skip


@dataclass(frozen=True)
class Packaged:
    """A file of an npm package."""

    package: str
    version: str  # exact, a range, a tag, or "" for the newest
    paths: tuple[str, ...]  # the first that is there; () for what the package calls its main file
    repository: str = ""  # the package must come from there, as OWNER/NAME on GitHub


def why_not(address: str) -> str:
    """Why an address is not fetched, "" if it may be."""
    parts = urlsplit(address)
    place = f"{parts.netloc}{parts.path}"
    for why, places in NOT_FETCHED.items():
        if any(place == each or place.startswith(f"{each}/") for each in places):
            return why
    if (parts.hostname or "") in ("localhost", "127.0.0.1", "0.0.0.0", "::1"):
        return "an address of the developer's machine"
    return ""


def packaged(address: str) -> Packaged | None:
    """The npm package behind an address, None if none is known."""
    parts = urlsplit(address)
    path = unquote(parts.path).strip("/")
    match parts.netloc:
        case "cdn.jsdelivr.net" if path.startswith("npm/"):
            return _named_package(path.removeprefix("npm/"))
        case "cdn.jsdelivr.net" if path.startswith("gh/"):
            return _of_repository(path.removeprefix("gh/"))
        case "unpkg.com" | "www.unpkg.com":
            return _named_package(path)
        case "cdnjs.cloudflare.com" | "ajax.googleapis.com" if path.startswith("ajax/libs/"):
            return _in_library(path.removeprefix("ajax/libs/"))
        case "code.jquery.com":
            return _of_jquery(path)
        case "maxcdn.bootstrapcdn.com" | "stackpath.bootstrapcdn.com" | "netdna.bootstrapcdn.com":
            return _in_library(path.removeprefix("twitter-"))
        case "cdn.datatables.net":
            return _of_datatables(path)
        case "cdn.quilljs.com" if match := re.fullmatch(r"([\d.]+)/(.+)", path):
            return Packaged("quill", match[1], (f"dist/{match[2]}",))
        case "d3js.org" if match := re.fullmatch(r"d3\.v(\d+)(\.min)?\.js", path):
            return Packaged("d3", match[1], (f"dist/d3{match[2] or ''}.js", "build/d3.js"))
        case "cdn.plot.ly" if match := re.fullmatch(r"plotly-(\d[\d.]*\d)\.min\.js", path):
            return Packaged("plotly.js-dist-min", match[1], ("plotly.min.js",))
        case "use.fontawesome.com" if match := re.match(r"releases/v([\d.]+)/(.+)", path):
            return Packaged("@fortawesome/fontawesome-free", match[1], (match[2],))
    return None


def _named_package(path: str) -> Packaged | None:
    """NAME[@VERSION][/FILE], where a NAME may be @SCOPE/NAME."""
    match = re.fullmatch(r"(@[^/@]+/[^/@]+|[^/@]+)(?:@([^/]*))?(?:/(.*))?", path)
    if not match or (match[3] or "").startswith("+esm"):
        return None
    return Packaged(match[1], match[2] or "", (match[3],) if match[3] else ())


def _of_repository(path: str) -> Packaged | None:
    match = re.fullmatch(r"([^/]+)/([^/@]+)@v?([^/]+)/(.+)", path)
    if not match:
        return None
    repository = f"{match[1]}/{match[2]}"
    if repository == "highlightjs/cdn-release":
        return Packaged("@highlightjs/cdn-assets", match[3], (match[4].removeprefix("build/"),))
    return Packaged(match[2].lower(), match[3], (match[4],), repository)


def _in_library(path: str) -> Packaged | None:
    """LIBRARY/VERSION/FILE, without the folder that the package has before it."""
    match = re.fullmatch(r"([^/]+)/v?([^/]+)/(.+)", path)
    if not match:
        return None
    library, version, file = match.groups()
    package = PACKAGE_OF.get(library, library)
    if package == "font-awesome" and version >= "5":
        package = "@fortawesome/fontawesome-free"
    if package == "jquery-ui":
        return _of_jquery_ui(version, file)
    return Packaged(package, version, tuple(f"{folder}{file}" for folder in INNER))


def _of_jquery(path: str) -> Packaged | None:
    if match := re.fullmatch(r"jquery-(\d[\d.]*\d)((?:\.slim)?(?:\.min)?\.js)", path):
        return Packaged("jquery", match[1], (f"dist/jquery{match[2]}",))
    if match := re.fullmatch(r"jquery-migrate-(\d[\d.]*\d)((?:\.min)?\.js)", path):
        return Packaged("jquery-migrate", match[1], (f"dist/jquery-migrate{match[2]}",))
    if match := re.fullmatch(r"ui/(\d[\d.]*\d)/(.+)", path):
        return _of_jquery_ui(match[1], match[2])
    return None


def _of_jquery_ui(version: str, file: str) -> Packaged:
    """Until 1.12 the built files, with one theme, are a package of their own."""
    if tuple(map(int, re.findall(r"\d+", version)[:2])) >= (1, 13):
        return Packaged("jquery-ui", version, (f"dist/{file}",))
    return Packaged("jquery-ui-dist", version, (file.removeprefix("themes/base/"),))


def _of_datatables(path: str) -> Packaged | None:
    """[EXTENSION/]VERSION/js/FILE, where the name of the file says which of the packages has it."""
    pattern = r"(?:(\w+)/)?([\d.]+)/((?:js|css)/(\w+)\.(\w+?)(?:\.min)?\.(js|css))"
    match = re.fullmatch(pattern, path)
    if not match:
        return None
    extension, version, file, first, second, kind = match.groups()
    package = f"datatables.net-{extension}" if extension else "datatables.net"
    styles = {"bootstrap": "bs", "bootstrap4": "bs4", "bootstrap5": "bs5", "bulma": "bm"}
    if second in styles and (extension or first == "dataTables"):
        return Packaged(f"{package}-{styles[second]}", version, (file,))
    is_core = (first, second) == ("jquery", "dataTables")
    if extension and kind == "js":
        return Packaged(package, version, (file,))
    if not is_core and not (extension and second == "dataTables"):
        return None
    if not extension and tuple(map(int, re.findall(r"\d+", version))) < (1, 10, 9):
        return Packaged("datatables", version, (f"media/{file}",))  # before it was divided
    return Packaged(package if kind == "js" else f"{package}-dt", version, (file,))

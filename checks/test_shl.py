"""SHL: the shell in a real window.

Three launches: one on a new app data folder, which is looked at and then quits in the middle of a
request; a second one there, whose backend is killed; and one elsewhere, beside which the shell is
started once more, and which is killed itself.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from checks.backend import HOST, TargetFailedError
from checks.foreign import Foreign
from checks.limits import ANSWER_SECONDS, crowd
from checks.network import INSIDE, NETWORK
from checks.shell import Window, until
from checks.starts.launches import Place
from checks.verdicts import Record, Seen

# A name that is never given to anybody.
NOWHERE = "http://ddk-checks.invalid"
RESTARTS = 3
UNASKED = 3

SPLASH_SECONDS = 10.0
# Long enough for a shell that shows a splash only to those who wait.
FIRST_PAGE_SECONDS = 4.0
RESTART_SECONDS = 60.0
EXPLAIN_SECONDS = 30.0
KILLED_SECONDS = 2.0
REFUSED_SECONDS = 2.0
# How long a page waits for an answer: shorter than the suite waits for the page.
HANG_MS = 20_000

SYSTEMS = (
    "https://example.org/ddk",
    "http://example.org/ddk",
    "mailto:someone@example.org",
)
HOSTILE = (
    "file:///etc/passwd",
    "data:text/html,ddk",
    "ftp://example.org/ddk",
    "smb://example.org/ddk",
    "ms-settings:display",
    "chrome://version/",
    "desktop-shell://action/logs",
    "http://{foreign}/ddk",
    "http://{own}@{foreign}/ddk",
    "{origin}/ddk-probe/away/?to=http://{foreign}/ddk",
)

# What a page has that an empty frame has not: with the names of functions where it is an object.
EXPOSED = """(() => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    const usual = new Set(Object.getOwnPropertyNames(frame.contentWindow));
    frame.remove();
    const unusual = Object.getOwnPropertyNames(window).filter(name => !usual.has(name));
    const keys = value => value instanceof Object ? Object.keys(value) : [];
    return Object.fromEntries(unusual.map(name => [name, keys(window[name])]));
})()"""

# Every way a page has to ask for something, at `http://HOST` and `ws://HOST`.
REQUESTS = """(async (places, ms) => {
    const begun = performance.now();
    const wait = promise => Promise.race([
        promise.then(() => "answered", () => "refused"),
        new Promise(done => setTimeout(done, ms, "no answer")),
    ]);
    const element = (name, attributes) => new Promise((loaded, failed) => {
        const made = Object.assign(document.createElement(name), attributes);
        made.onload = loaded;
        made.onerror = failed;
        document.head.append(made);
    });
    const asked = places.flatMap(place => [
        wait(fetch(`${place}/fetch`, { mode: "no-cors" })),
        wait(new FontFace("Probe", `url(${place}/font.woff2)`).load()),
        wait(element("img", { src: `${place}/image.png` })),
        wait(element("script", { src: `${place}/script.js` })),
        wait(element("link", { rel: "stylesheet", href: `${place}/style.css` })),
        wait(new Promise((opened, closed) => {
            const socket = new WebSocket(`${place.replace("http", "ws")}/socket`);
            socket.onopen = opened;
            socket.onclose = closed;
        })),
    ]);
    const answers = await Promise.all(asked);
    document.body.append(Object.assign(document.createElement("iframe"), { src: places[0] }));
    navigator.sendBeacon(`${places[0]}/beacon`);
    return { answers, seconds: (performance.now() - begun) / 1000 };
})"""

ASK = """(async (queries, ms) => {
    const refused = ["NotAllowedError", "SecurityError", "PermissionDeniedError"];
    const without = ["NotFoundError", "OverconstrainedError"];
    const came = error => {
        if (without.includes(error.name)) return "no device";
        return refused.includes(error.name) || error.code === 1 ? "denied" : "granted";
    };
    const wait = promise => Promise.race([
        promise.then(() => "granted", came),
        new Promise(done => setTimeout(done, ms, "no answer")),
    ]);
    const state = promise => promise.then(state => {
        if (state === "denied") throw new DOMException("", "NotAllowedError");
    });
    const media = async wanted => {
        if (navigator.mediaDevices) await navigator.mediaDevices.getUserMedia(wanted);
        else missing();
    };
    // What a web view does not have is refused by it.
    const missing = () => { throw new DOMException("", "NotAllowedError"); };
    const midi = async () => {
        if (navigator.requestMIDIAccess) await navigator.requestMIDIAccess({ sysex: true });
        else missing();
    };
    const answers = {
        camera: wait(media({ video: true })),
        microphone: wait(media({ audio: true })),
        notifications: wait(state(Notification.requestPermission())),
        location: wait(new Promise((...answer) =>
            navigator.geolocation.getCurrentPosition(...answer, { timeout: ms / 2 }))),
        midi: wait(midi()),
    };
    for (const name of queries) {
        const query = navigator.permissions.query({ name }).then(({ state }) => state);
        answers[`query ${name}`] = wait(state(query));
    }
    const found = {};
    for (const [name, answer] of Object.entries(answers)) found[name] = await answer;
    return found;
})"""

# What WebRTC may ask: servers of this computer, by datagrams and over TCP.
PEERS = """(async (udp, tcp, ms) => {
    if (!globalThis.RTCPeerConnection) return;
    const account = { username: "ddk", credential: "ddk" };
    const connection = new RTCPeerConnection({ iceServers: [
        { urls: `stun:127.0.0.1:${udp}` },
        { urls: `turn:127.0.0.1:${udp}`, ...account },
        { urls: `turn:127.0.0.1:${tcp}?transport=tcp`, ...account },
        { urls: `turns:127.0.0.1:${tcp}?transport=tcp`, ...account },
    ] });
    const gathered = new Promise(done => {
        connection.onicecandidate = ({ candidate }) => candidate || done();
    });
    connection.createDataChannel("ddk");
    await connection.setLocalDescription(await connection.createOffer());
    await Promise.race([gathered, new Promise(done => setTimeout(done, ms))]);
    connection.close();
})"""
RECEIPT = """(() => {
    const receipt = window.open("");
    if (receipt) receipt.document.title = "receipt";
    return Boolean(receipt);
})()"""
SHOWN_PIXELS = 5000
# What pages make themselves, and what a link in a new window leads to.
SAVED = {"ddk-list.txt": "a list", "ddk-note.txt": "a note", "ddk-report.csv": "a,b\n1,2\n"}


@pytest.fixture(scope="session")
def opened(place: Place) -> Iterator[Window]:
    """The first launch of a new installation."""
    with place.launch("first installation", FIRST_PAGE_SECONDS) as shell:
        yield shell.window()


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    """Another server of this computer."""
    server = Foreign()
    yield server
    server.close()


@pytest.mark.criterion("SHL-1")
def test_splash_then_window(opened: Window, seen: Seen, record_property: Record) -> None:
    """Shows a splash to who waits, then a painted window."""
    record_property("picture:the main window", opened.picture)
    came = opened.appeared()
    assert came.splash is not None, "there is no splash: the first to be seen is the page"
    assert came.splash < _here(SPLASH_SECONDS), f"the splash came after {came.splash:.1f} s"
    assert came.painted, "the main window was shown before there was something to show"
    text = opened.run("document.body.innerText.trim() + document.images.length")
    assert text != "0", "the main window shows nothing"
    seen(f"splash after {came.splash:.1f} s, window after {came.window:.1f} s")


@pytest.mark.criterion("SHL-2")
def test_header(opened: Window, foreign: Foreign, seen: Seen) -> None:
    """Sends the token to the backend's exact origin only."""
    opened.neutral()
    reached = "/ddk-probe/reached/?way="
    opened.run(REQUESTS, [f"http://{foreign.address}"], HANG_MS)
    opened.run(
        """(async (own, named, reached) => {
            await fetch(own + reached + "own").catch(() => {});
            await fetch(named + reached + "name", { mode: "no-cors" }).catch(() => {});
            await new Promise(done => {
                new WebSocket(own.replace("http", "ws") + reached + "socket").onclose = done;
            });
        })""",
        opened.origin,
        f"http://localhost:{opened.port}",
        reached,
    )
    said = opened.shell.said
    for way, what in (("own", "the backend"), ("socket", "a websocket")):
        got = until(lambda w=way: said(f"reached by way of {w}"), ANSWER_SECONDS)
        assert got, f"{what} gets no token"
    assert not said("reached by way of name"), "localhost is another origin, and got the token"
    header = opened.shell.target.header.lower()
    proofs = (f"\n{header}:", "desktop_session_")
    told = [h.split("\n")[0] for h in foreign.heads if any(p in h.lower() for p in proofs)]
    assert not told, f"another server got the proof of the launch: {told[0]}"
    seen(f"{opened.origin} only")


@pytest.mark.criterion("SHL-3")
def test_bridge(opened: Window, seen: Seen) -> None:
    """Gives pages exactly the documented functions."""
    exposed = opened.neutral().run(EXPOSED)
    wanted = " or ".join(map(json.dumps, opened.bridges))
    assert exposed in opened.bridges, f"pages have {json.dumps(exposed)}, expected {wanted}"
    if exposed:
        opened.run("window.desktop.openAppDataFolder()")
        folders = until(opened.folders, ANSWER_SECONDS)
        data = str(opened.shell.app_data)
        assert folders == [data], f"openAppDataFolder opened {folders}, expected {data}"
    seen("window.desktop.openAppDataFolder" if exposed else "nothing")


@pytest.mark.criterion("SHL-4")
def test_navigation(opened: Window, foreign: Foreign, seen: Seen) -> None:
    """Keeps its windows on the backend's origin."""
    own = f"127.0.0.1:{opened.port}"
    hostile = [
        address.format(own=own, origin=opened.origin, foreign=foreign.address)
        for address in HOSTILE
    ]
    visit = "address => Object.assign(document.createElement('a'), { href: address }).click()"
    popup = "address => { window.open(address, '_blank', 'noopener'); }"
    opened.neutral()
    for address in hostile:
        for way, script in (("link to", visit), ("new window for", popup)):
            _try(opened, script, address)
            _stays(opened, f"a {way} {address}")
    assert not foreign.heads, f"another server was asked: {foreign.heads[0].splitlines()[0]}"
    handed = [a for a in opened.handed() if not a.startswith(("http://", "https://", "mailto:"))]
    assert not handed, f"the system was asked to open {handed[0]}"
    for way, script in (("link to", visit), ("new window for", popup)):
        for address in SYSTEMS:
            before = opened.handed().count(address)
            _try(opened, script, address)
            until(lambda a=address, b=before: opened.handed().count(a) > b, ANSWER_SECONDS)
            _stays(opened, f"a {way} {address}")
            count = opened.handed().count(address) - before
            assert count == 1, f"a {way} {address} reached the system {count} times, expected once"
    following = f"{opened.page}?next"
    _try(opened, visit, following)
    led = until(lambda: opened.is_at(following), ANSWER_SECONDS)
    assert led, "a link on the own origin leads nowhere"
    seen(f"{len(hostile)} addresses refused, {len(SYSTEMS)} for the system")


def _try(opened: Window, script: str, address: str) -> None:
    # A page that goes away never answers.
    with contextlib.suppress(TargetFailedError):
        opened.run(script, address, limit=5)
    opened.settle()


def _stays(opened: Window, what: str) -> None:
    where = opened.strayed()
    assert not where, f"{what} brought a window to {where}"


@pytest.mark.criterion("SHL-5")
def test_permissions(opened: Window, seen: Seen) -> None:
    """Refuses what pages ask of the system."""
    answers = opened.neutral().run(ASK, opened.queries, HANG_MS)
    # Electron is given a camera and a microphone; for another shell this computer may have neither.
    without = [name for name, answer in answers.items() if answer == "no device"]
    granted = [n for n, answer in answers.items() if answer != "denied" and n not in without]
    assert not granted, f"these are granted: {', '.join(granted)}"
    asked = ", ".join(name for name in answers if name not in without)
    seen(asked + (f"; not {', '.join(without)}, which are not there" if without else ""))


@pytest.mark.criterion("SHL-10")
def test_confined(opened: Window, seen: Seen) -> None:
    """Runs its pages in confined processes."""
    problem = opened.unconfined()
    assert not problem, problem
    seen("every window")


@pytest.mark.criterion("SHL-12")
def test_foreign_requests(opened: Window, foreign: Foreign, seen: Seen) -> None:
    """Refuses requests to other origins at once."""
    places = [f"http://{foreign.address}", NOWHERE]
    own = opened.neutral().run(REQUESTS, [opened.page.rstrip("/")], HANG_MS)["seconds"]
    result = opened.run(REQUESTS, places, HANG_MS)
    opened.settle()
    assert not foreign.heads, f"{len(foreign.heads)} requests reached another server"
    assert set(result["answers"]) == {"refused"}, f"some requests were {set(result['answers'])}"
    # As fast as answers of its own backend, where those are slow.
    limit = max(REFUSED_SECONDS, len(places) * own)
    assert result["seconds"] < limit, f"they were refused after {result['seconds']:.1f} s"
    for place in places:
        told = until(lambda p=place: opened.shell.said(p), ANSWER_SECONDS)
        assert told, f"no log tells of the requests to {place}"
    seen(f"{len(result['answers'])} in {result['seconds']:.2f} s")


@pytest.mark.criterion("SHL-13")
def test_leaving(opened: Window, seen: Seen) -> None:
    """Asks before a page opens an address unasked."""
    addresses = [f"https://example.org/ddk-unasked-{number}" for number in range(UNASKED)]
    found = opened.neutral().leave_unasked(addresses)
    silent = found.opened
    assert not silent, f"the system opened {silent[0]}, which a page asked for without a click"
    assert found.most <= 1, f"{found.most} questions were open at once"
    asked = "" if found.asked is None else f", {found.asked} asked about"
    seen(f"{len(addresses)} addresses, none opened unasked{asked}")


@pytest.mark.criterion("SHL-15")
def test_network(opened: Window, seen: Seen) -> None:
    """Hands on this computer's proxies, certificates."""
    found = opened.neutral().run("fetch('/ddk-probe/network/').then(answer => answer.json())")
    assert INSIDE in found["NO_PROXY"].split(","), "NO_PROXY is not handed on"
    bundle = found["REQUESTS_CA_BUNDLE"]
    assert bundle == NETWORK["REQUESTS_CA_BUNDLE"], f"REQUESTS_CA_BUNDLE is {bundle!r} there"
    seen("NO_PROXY, REQUESTS_CA_BUNDLE")


@pytest.mark.criterion("SHL-16")
def test_ordinary_page(opened: Window, seen: Seen) -> None:
    """Shows PDF files, opens and saves what pages make."""
    probe = f"{opened.origin}/ddk-probe"
    places = ("report.pdf", *(f"shown/?by={tag}" for tag in ("iframe", "object", "embed")))
    for place in places:
        opened.neutral().show(place)

        def shown() -> bool:
            return opened.red() > SHOWN_PIXELS

        assert until(shown, ANSWER_SECONDS), f"a PDF file stays blank at /ddk-probe/{place}"
    receipt = opened.neutral().run(RECEIPT)
    receipt = receipt and until(lambda: opened.count() > 1, ANSWER_SECONDS)
    assert receipt, 'window.open("") opens no window'
    opened.neutral().visit("office/")
    made = {
        "ddk-list.txt": "document.getElementById('blob').click()",
        "ddk-note.txt": "document.getElementById('data').click()",
        "ddk-report.csv": f"void window.open('{probe}/report.csv')",
    }
    for name, script in made.items():
        opened.run(script)
        content = SAVED[name].encode()
        saved = until(lambda n=name, c=content: opened.saved(n) == c, ANSWER_SECONDS)
        assert saved, f"{name} was not saved"

    def alone() -> bool:
        return opened.saved(name) and opened.count() == 1

    only = until(alone, ANSWER_SECONDS)
    assert only, "a download in a new window leaves an empty one"
    seen(f"{len(places)} PDF files, a receipt, {len(SAVED)} downloads")


@pytest.mark.criterion("SHL-17")
def test_peers(opened: Window, seen: Seen) -> None:
    """Lets WebRTC reach no server."""
    reached = []
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.create_server((HOST, 0)) as tcp:
        udp.bind((HOST, 0))
        opened.neutral().run(PEERS, udp.getsockname()[1], tcp.getsockname()[1], HANG_MS)
        opened.settle()
        for kind, listener in (("datagrams", udp), ("a connection", tcp)):
            ready, _, _ = select.select([listener], [], [], 0)
            reached += [kind] if ready else []
    assert not reached, f"another server got {' and '.join(reached)}"
    seen("neither by datagrams nor over TCP")


@dataclass(frozen=True)
class Quit:
    """How the first launch ended."""

    port: int | None
    begun: bool
    completed: bool
    exit: int | None


@pytest.fixture(scope="session")
def ended(opened: Window) -> Quit:
    """The first launch is asked to quit while a request runs."""
    shell = opened.shell
    opened.neutral().run("void fetch('/ddk-probe/slow/').catch(() => {})")
    begun = until(lambda: shell.said("a slow request begins"), ANSWER_SECONDS)
    code = shell.quit()
    shell.tree.end()
    return Quit(opened.port, begun, shell.said("a slow request was completed"), code)


@pytest.mark.criterion("SHL-9")
def test_quit(ended: Quit, seen: Seen) -> None:
    """Completes the running request when it quits."""
    assert ended.begun, "the request of the page did not reach the backend"
    assert ended.completed, "the request was dropped"
    assert ended.exit is not None, "the shell went on running"
    assert ended.exit == 0, f"the shell ended with {ended.exit}, expected 0"
    seen("completed, exit 0")


@dataclass(frozen=True)
class Relaunched:
    """The same installation again, with a backend that dies again and again."""

    port: int | None
    recovered: list[str]
    """What went wrong after each kill, up to three: empty texts where nothing did."""
    explained: str
    """Text of the page shown after the last."""
    picture: str


@pytest.fixture(scope="session")
def relaunched(ended: Quit, place: Place) -> Relaunched:
    """The second launch, whose backend is killed four times."""
    with place.launch("first installation") as shell:
        again = shell.window().neutral()
        recovered: list[str] = []
        while len(recovered) < RESTARTS and not any(recovered):
            recovered.append(_kill_and_wait(again))
        explained = picture = ""
        if not any(recovered):
            shell.backend().kill()
            found = until(lambda: _explanation(again), EXPLAIN_SECONDS)
            explained, picture = found or ("", "")
        return Relaunched(again.port, recovered, explained, picture)


def _kill_and_wait(again: Window) -> str:
    shell = again.shell
    killed = shell.backend()
    if killed is None:
        return "there is no backend"
    killed.kill()

    def serves() -> bool:
        now = shell.backend()
        return now is not None and now != killed and again.reloaded()

    if not until(serves, RESTART_SECONDS):
        return "it was not restarted"
    again.loaded()
    return ""


def _explanation(again: Window) -> tuple[str, str] | None:
    """Text and picture of a window that shows something while there is no backend."""
    if again.shell.backend():
        return None
    text, picture = again.explanation()
    return (text, picture) if text else None


@pytest.mark.criterion("SHL-11")
def test_port(ended: Quit, relaunched: Relaunched, other: Other, seen: Seen) -> None:
    """Has one port per installation, and keeps it."""
    ports = f"{ended.port}, then {relaunched.port}"
    assert relaunched.port == ended.port, f"a second launch has another port: {ports}"
    assert other.port != ended.port, f"another installation has the same port {other.port}"
    seen(f"{ports}; another installation {other.port}")


@pytest.mark.criterion("SHL-14")
def test_port_comes_back(relaunched: Relaunched, place: Place, seen: Seen) -> None:
    """Is back at its first port once that is free."""
    with socket.create_server((HOST, relaunched.port or 0)):
        meanwhile = _port_of_launch(place)
    back = _port_of_launch(place)
    said = f"{relaunched.port}, then {meanwhile}, then {back}"
    assert meanwhile != relaunched.port, f"it serves where another program does: {said}"
    assert back == relaunched.port, f"it has lost its origin: {said}"
    seen(said)


def _port_of_launch(place: Place) -> int | None:
    with place.launch("first installation") as shell:
        return shell.window().port


@pytest.mark.criterion("SHL-7")
def test_restart(relaunched: Relaunched, seen: Seen, record_property: Record) -> None:
    """Restarts its backend three times, then explains."""
    record_property("picture:after the backend died four times", relaunched.picture)
    for number, problem in enumerate(relaunched.recovered, 1):
        assert not problem, f"after kill {number} of {RESTARTS}: {problem}"
    assert relaunched.explained, "no page says why after the fourth time"
    seen(" ".join(relaunched.explained.split())[:60])


@dataclass(frozen=True)
class Second:
    """What a second launch did to the first."""

    exit: int | None
    backends: int
    """How many it started."""
    same_backend: bool
    windows: int
    """How many the first has gained."""
    focused: bool


@dataclass(frozen=True)
class Other:
    """A launch of another installation, with a second launch, that was killed."""

    port: int | None
    second: Second
    processes: int
    left: list[str]
    seconds: float


@pytest.fixture(scope="session")
def other(relaunched: Relaunched, place: Place) -> Other:
    """The third launch, on an app data folder of its own; last, for a second one may ruin it."""
    with place.launch("other installation") as shell:
        window = shell.window()
        second = _launch_again(window)
        processes = len(shell.tree.descendants())
        shell.kill()
        left, seconds = shell.tree.gone_within(_here(KILLED_SECONDS))
        return Other(window.port, second, processes, left, seconds)


def _here(seconds: float) -> float:
    """As SPEC.md has it, and longer where more wants to run than there are processors."""
    return seconds * crowd()


def _launch_again(window: Window) -> Second:
    shell = window.shell
    backend, before, focused = shell.backend(), window.count(), window.watch_focus()
    code, backends = shell.launch_again()
    has_focus = until(focused, ANSWER_SECONDS)
    windows = window.count() - before
    return Second(code, len(backends), shell.backend() == backend, windows, has_focus)


@pytest.mark.criterion("SHL-6")
def test_second_launch(other: Other, seen: Seen) -> None:
    """Starts nothing at a second launch, but focuses."""
    second = other.second
    assert second.exit is not None, "the second launch goes on running"
    assert not second.backends, f"the second launch started {second.backends} more backend"
    assert second.same_backend, "the backend is another one after a second launch"
    assert second.windows <= 0, "a second launch opened a window"
    assert second.focused, "the first window was not focused"
    assert second.exit == 0, f"the second launch ended with {second.exit}, expected 0"
    seen("exit 0, one backend")


@pytest.mark.criterion("SHL-8")
def test_killed(other: Other, seen: Seen) -> None:
    """Leaves no process when it is killed."""
    assert not other.left, (
        f"processes are left after {other.seconds:.0f} s: {', '.join(other.left)}"
    )
    seen(f"{other.processes} processes gone after {other.seconds:.2f} s")

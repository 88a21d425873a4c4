"""The table of broken shells: the reference app with one small change in its Electron folder."""

from __future__ import annotations

from tests.broken.targets import Broken, broken

SHELL = "desktop-app/electron/"
# Ends never by an end of file: its standard input is a FIFO that it could write to itself.
OWN_LIFELINE = """spawn("/bin/sh", ["-c",
      'f=$(mktemp -u); mkfifo "$f"; exec 3<>"$f"; rm "$f"; exec "$0" "$@" <&3',
      launch.command, ...launch.args], {"""


def shell(name: str, caught_by: str, *edits: tuple[str, str, str]) -> Broken:
    """A row of the table; the files are the shell's."""
    files = ((SHELL + file, old, new) for file, old, new in edits)
    return broken(name, caught_by, *files, shell=True)


SHELLS = (
    shell(
        "no splash",
        "SHL-1",
        ("windows.js", "whenPainted(splash, () => splash.show());", ""),
    ),
    shell(
        "window shown before it is painted",
        "SHL-1",
        ("windows.js", "title: name, show: false }", "title: name, show: true }"),
    ),
    shell(
        "every server of this computer gets the token",
        "SHL-2 SHL-12",
        (
            "requests.js",
            "cancel: !allowed",
            'cancel: !allowed && !details.url.includes("127.0.0.1")',
        ),
        ("token.js", "host === new URL(origin).host", 'host.startsWith("127.0.0.1")'),
    ),
    shell(
        "localhost gets the token as well",
        "SHL-2",
        (
            "requests.js",
            "cancel: !allowed",
            'cancel: !allowed && !details.url.includes("localhost")',
        ),
        (
            "token.js",
            "host === new URL(origin).host",
            'host.replace("localhost", "127.0.0.1") === new URL(origin).host',
        ),
    ),
    shell(
        "the bridge sends any message",
        "SHL-3",
        (
            "preload.cjs",
            "  openAppDataFolder:",
            "  send: (...all) => ipcRenderer.invoke(...all),\n  openAppDataFolder:",
        ),
    ),
    shell(
        "a second bridge",
        "SHL-3",
        (
            "preload.cjs",
            'contextBridge.exposeInMainWorld("desktop"',
            'contextBridge.exposeInMainWorld("versions", { all: () => process.versions });\n'
            'contextBridge.exposeInMainWorld("desktop"',
        ),
    ),
    shell(
        "navigation unguarded",
        "SHL-4",
        ("guards.js", 'contents.on("will-navigate", judge);', ""),
    ),
    shell(
        "every address goes to the system",
        "SHL-4",
        (
            "navigation.js",
            'return isExternal(target) ? "external" : "deny";',
            'return "external";',
        ),
    ),
    shell(
        "new windows unguarded",
        "SHL-4",
        (
            "guards.js",
            "const verdict = windowOpenVerdict({ to: url, origin: getOrigin() });",
            'const verdict = "child";',
        ),
    ),
    shell("permissions granted", "SHL-5", ("permissions.js", "answer(granted)", "answer(true)")),
    shell(
        "a second launch runs",
        "SHL-6",
        ("main.js", "if (app.requestSingleInstanceLock())", "if (app.isReady() || true)"),
    ),
    shell("a second launch is ignored", "SHL-6", ("main.js", "window?.focus();", "")),
    shell(
        "a dead backend stays dead",
        "SHL-7",
        ("supervisor.js", "MAX_RESTARTS = 3", "MAX_RESTARTS = 0"),
    ),
    shell(
        "restarted for ever",
        "SHL-7",
        ("supervisor.js", "MAX_RESTARTS = 3", "MAX_RESTARTS = 99"),
    ),
    shell(
        "the backend does not notice that its shell has died",
        "SHL-8",
        ("supervisor.js", "spawn(launch.command, launch.args, {", OWN_LIFELINE),
    ),
    shell(
        "the backend is killed at once",
        "SHL-9",
        ("supervisor.js", "run.child.stdin.end();", 'run.child.kill("SIGKILL");'),
    ),
    shell("no sandbox", "SHL-10", ("windows.js", "sandbox: true", "sandbox: false")),
    shell(
        "another port at each launch",
        "SHL-11 SHL-14",
        ("ports.js", "[...remembered, ...random]", "[...random]"),
    ),
    shell(
        "one port for all",
        "SHL-11",
        ("ports.js", "[...remembered, ...random]", "[24680, ...random]"),
    ),
    shell(
        "a port taken once is lost for good",
        "SHL-14",
        ("ports.js", 'isPort(first) && first !== port ? "otherPort" : "port"', '"port"'),
    ),
    shell(
        "proxies and certificates are kept from the project",
        "SHL-15",
        (
            "launch.js",
            "NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE ",
            "",
        ),
    ),
    shell(
        "PDF files stay blank",
        "SHL-16",
        ("navigation.js", "PDF_VIEWER.some((start) => target.href.startsWith(start))", "false"),
    ),
    shell(
        "no empty window for a receipt",
        "SHL-16",
        (
            "navigation.js",
            "sameOrigin(target, origin) || target.href === EMPTY",
            "sameOrigin(target, origin)",
        ),
    ),
    shell(
        "what a page made itself is not saved",
        "SHL-16",
        ("downloads.js", 'source.protocol === "data:" ||', ""),
    ),
    shell(
        "a download leaves an empty window",
        "SHL-16",
        ("policies.js", "isEmpty(contents) && closeChild(running, contents)", "contents"),
    ),
    shell(
        "WebRTC sends datagrams",
        "SHL-17",
        ("peers.js", '"disable_non_proxied_udp"', '"default"'),
    ),
    shell(
        "WebRTC connects to other servers",
        "SHL-17",
        ("peers.js", "return set(NOBODY);", "return set({});"),
    ),
    shell("requests let through", "SHL-12", ("requests.js", "cancel: !allowed", "cancel: false")),
    shell(
        "refused late",
        "SHL-12",
        (
            "requests.js",
            "answer({ cancel: !allowed });",
            "setTimeout(answer, allowed ? 0 : 3000, { cancel: !allowed });",
        ),
    ),
    shell(
        "refused in silence",
        "SHL-12",
        ("requests.js", "report(`refused request to ${place}`);", ""),
    ),
    # Since 1.1
    shell(
        "the token goes to whoever takes a dead backend's port",
        "TOK-10",
        (
            "supervisor.js",
            "return this.#run?.origin ?? null;",
            "return (this.former = this.#run?.origin ?? this.former) ?? null;",
        ),
        (
            "supervisor.js",
            "return this.#run?.token ?? null;",
            "return (this.secret = this.#run?.token ?? this.secret) ?? null;",
        ),
        (  # The page stays open for longer than the shell is given to notice.
            "supervisor.js",
            "    child.stdin.destroy();\n    if (!run.spoke)",
            "    await new Promise((resolve) => setTimeout(resolve, 3000));\n"
            "    child.stdin.destroy();\n    if (!run.spoke)",
        ),
    ),
    shell(
        "one token for every start of the backend",
        "TOK-10",
        (
            "token.js",
            "export const createToken = () => randomBytes(32)",
            "const ONLY = randomBytes(32);\nexport const createToken = () => ONLY",
        ),
    ),
    shell(
        "pages open addresses without input",
        "SHL-13",
        ("leaving.js", "?? Number.NEGATIVE_INFINITY", "?? now()"),
    ),
    shell("many questions at once", "SHL-13", ("leaving.js", "if (asking) {", "if (false) {")),
)

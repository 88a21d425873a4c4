import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "../lib/fake.js";

const { addressAfterRestart, navigationVerdict, requestAllowed, windowOpenVerdict } =
  await load("navigation.js");

const origin = "http://127.0.0.1:23456";
const page = `${origin}/list`;

const OWN = ["/", "/a?b=c#d", "//127.0.0.1:23456/x", ":x@/"]
  .slice(0, 2)
  .map((path) => origin + path);
const SAME = [
  ...OWN,
  "http://127.0.0.1:23456",
  "HTTP://127.0.0.1:23456/x",
  "http://0x7f.1:23456/",
  "http://2130706433:23456/",
];
const EXTERNAL = [
  "https://example.org/",
  "http://example.org/path",
  "mailto:someone@example.org",
  "https://example.org:8443/?q=http://127.0.0.1:23456/",
  "http://127.0.0.1.example.org:23456/",
  "https://10.0.0.7/",
];
const HOSTILE = [
  "nonsense",
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  " javascript:alert(1)",
  "data:text/html,<script>1</script>",
  "file:///etc/passwd",
  "file://server/share",
  "\\\\server\\share",
  "about:blank#elsewhere",
  "view-source:http://127.0.0.1:23456/",
  "chrome://settings",
  "devtools://devtools/bundled/inspector.html",
  "desktop-shell://pages/error",
  "desktop-shell://action/restart",
  "ms-msdt:/id",
  "smb://server/share",
  "ftp://example.org/",
  "tel:+491234",
  "ws://127.0.0.1:23456/",
  "http://127.0.0.1:23457/",
  "http://127.0.0.1/",
  "https://127.0.0.1:23456/",
  "http://localhost:23456/",
  "http://LOCALHOST.:23456/",
  "http://app.localhost/",
  "http://127.1.2.3:23456/",
  "http://0.0.0.0:23456/",
  "http://[::1]:23456/",
  "http://[::]:23456/",
  "http://[::ffff:127.0.0.1]:23456/",
  "http://user@127.0.0.1:23456/",
  "http://127.0.0.1:23456@example.org/",
  "https://user:password@example.org/",
  "blob:https://example.org/uuid",
];

for (const to of SAME) {
  test(`a page may go to ${to}`, () => {
    assert.equal(navigationVerdict({ from: page, to, origin }), "allow");
    assert.equal(windowOpenVerdict({ to, origin }), "child");
  });
}

for (const to of EXTERNAL) {
  test(`the system opens ${to}`, () => {
    assert.equal(navigationVerdict({ from: page, to, origin }), "external");
    assert.equal(windowOpenVerdict({ to, origin }), "external");
  });
}

for (const to of HOSTILE) {
  test(`nothing opens "${to}"`, () => {
    assert.equal(navigationVerdict({ from: page, to, origin }), "deny");
    assert.equal(windowOpenVerdict({ to, origin }), "deny");
  });
}

test("an empty window is of the page that opens it, and no page goes to an empty one", () => {
  for (const to of ["", "about:blank"]) {
    assert.equal(windowOpenVerdict({ to, origin }), "child");
    assert.equal(navigationVerdict({ from: page, to, origin }), "deny");
  }
});

test("before the backend listens nothing is its origin", () => {
  assert.equal(
    navigationVerdict({ from: "", to: "http://127.0.0.1:23456/", origin: null }),
    "deny",
  );
  assert.equal(navigationVerdict({ from: "", to: "data:text/html,x", origin: null }), "deny");
  assert.equal(
    requestAllowed({ url: "http://127.0.0.1:23456/", origin: null, devTools: false }),
    false,
  );
});

test("buttons work on the shell's own pages only", () => {
  const to = "desktop-shell://action/restart";
  assert.equal(navigationVerdict({ from: "desktop-shell://pages/error", to, origin }), "action");
  for (const from of [
    page,
    "",
    "https://desktop-shell//pages/",
    "desktop-shell://action/restart",
  ]) {
    assert.equal(navigationVerdict({ from, to, origin }), "deny");
  }
});

test("a page requests from its own origin and nowhere else", () => {
  const allowed = [
    `${origin}/static/app.css`,
    "ws://127.0.0.1:23456/live",
    "data:image/png;base64,AA==",
    "about:srcdoc",
    "desktop-shell://pages/splash",
    `blob:${origin}/uuid`,
  ];
  const refused = [
    "https://fonts.example.org/a.woff2",
    "http://127.0.0.1:23457/",
    "ws://127.0.0.1:23457/",
    "wss://127.0.0.1:23456/",
    "ws://user@127.0.0.1:23456/",
    "http://localhost:23456/",
    "https://127.0.0.1:23456/",
    "blob:https://example.org/uuid",
    "blob:null/uuid",
    "file:///etc/passwd",
    "ftp://127.0.0.1:23456/",
    "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh/x",
    "devtools://devtools/bundled/inspector.html",
    "",
  ];
  for (const url of allowed) {
    assert.equal(requestAllowed({ url, origin, devTools: false }), true, url);
  }
  for (const url of refused) {
    assert.equal(requestAllowed({ url, origin, devTools: false }), false, url);
  }
  assert.equal(requestAllowed({ url: "devtools://devtools/x", origin, devTools: true }), true);
});

test("after a restart a window comes back to its page, wherever the backend serves then", () => {
  const former = "http://127.0.0.1:23456";
  const origin = "http://127.0.0.1:23999";
  const address = (shown, before = former) =>
    addressAfterRestart({ shown, former: before, origin });
  for (const shown of ["http://127.0.0.1:234567/", "desktop-shell://pages/error", "", former]) {
    assert.equal(address(shown), null, shown);
  }
  assert.equal(address(`${former}/items/?q=1#top`, null), null);
  assert.equal(address(`${former}/items/?q=1#top`), `${origin}/items/?q=1#top`);
});

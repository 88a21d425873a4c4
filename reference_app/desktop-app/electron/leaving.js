// Whether a page may send a person to another program: after their own input, or when they agree.

// The address is what a page can send out by it, unseen.
const RECENT_MS = 5000;
const INPUT = new Set(["mouseDown", "mouseUp", "rawKeyDown", "keyDown", "gestureTap", "touchEnd"]);

/**
 * `open` hands an address to the system; `ask` shows it to a person and tells whether they agree. Each input opens one
 * address at most, and while a question is open there is no other one.
 */
export function createLeaving({ open, ask, report, now = Date.now }) {
  const inputs = new WeakMap();
  let asking = false;

  async function agreed(contents, url) {
    if (now() - (inputs.get(contents) ?? Number.NEGATIVE_INFINITY) < RECENT_MS) {
      inputs.delete(contents);
      return true;
    }
    const address = url.slice(0, 200);
    if (asking) {
      report(`refused to open ${address}: nobody asked for it, and another question is open`);
      return false;
    }
    report(`asks whether to open ${address}`);
    asking = true;
    try {
      return await ask(url);
    } finally {
      asking = false;
    }
  }

  return {
    /** Notes what a person does in a window; pages cannot imitate it. */
    noteInput(contents, type) {
      if (INPUT.has(type)) {
        inputs.set(contents, now());
      }
    },
    async leave(contents, url) {
      if (await agreed(contents, url)) {
        await open(url);
      }
    },
  };
}

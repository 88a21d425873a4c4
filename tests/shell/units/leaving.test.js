import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "../lib/fake.js";

const { createLeaving } = await load("leaving.js");

/** A policy with a clock of its own; `answer` answers the question that is open. */
function leaving() {
  const seen = { opened: [], asked: [], time: 1_000_000, answer: null };
  const policy = createLeaving({
    open: async (url) => seen.opened.push(url),
    ask: (url) => {
      seen.asked.push(url);
      return new Promise((resolve) => (seen.answer = resolve));
    },
    report: () => {},
    now: () => seen.time,
  });
  return { ...policy, seen, page: {} };
}

test("without input, after old input and after input elsewhere a person is asked", async () => {
  const { noteInput, leave, seen, page } = leaving();
  const other = {};
  noteInput(other, "mouseDown");
  noteInput(page, "mouseMove");
  noteInput(page, "keyUp");
  for (const ask of [1, 2]) {
    const left = leave(page, "https://example.org/");
    assert.equal(seen.asked.length, ask);
    seen.answer(false);
    await left;
    noteInput(page, "mouseDown");
    seen.time += 5000;
  }
  assert.deepEqual(seen.opened, []);
});

test("one question is open at a time, and what comes meanwhile is refused", async () => {
  const { leave, seen, page } = leaving();
  const first = leave(page, "https://example.org/1");
  await leave({}, "https://example.org/2");
  assert.deepEqual(seen.asked, ["https://example.org/1"]);
  seen.answer(true);
  await first;
  assert.deepEqual(seen.opened, ["https://example.org/1"]);
  leave(page, "https://example.org/3");
  assert.equal(seen.asked.length, 2);
});

test("each input opens one address without a question", async () => {
  for (const type of ["mouseDown", "rawKeyDown", "keyDown", "gestureTap", "touchEnd"]) {
    const { noteInput, leave, seen, page } = leaving();
    noteInput(page, type);
    seen.time += 4999;
    await leave(page, "https://example.org/1");
    leave(page, "https://example.org/2");
    assert.deepEqual(seen.opened, ["https://example.org/1"], type);
    assert.deepEqual(seen.asked, ["https://example.org/2"], type);
  }
});

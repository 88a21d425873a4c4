import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "../lib/fake.js";

const { progressText, splashDelay } = await load("progress.js");
const step = (more) =>
  progressText({ event: "migrating", done: 1, total: 4, name: "a.1", ...more });

test("a start says what it does with the data, and how far it is", () => {
  assert.equal(step(), "Preparing your data (1 of 4)");
  assert.equal(step({ total: 0 }), "Preparing your data");
  assert.equal(step({ event: "rehearsing" }), "Trying the update on a copy of your data (1 of 4)");
});

test("it says how long that still takes, unless it is soon over", () => {
  const left = (seconds) => step({ seconds_left: seconds }).split(")")[1];
  assert.equal(left(9), "");
  assert.equal(left(10), ", about a minute left");
  assert.equal(left(89), ", about a minute left");
  assert.equal(left(91), ", about 2 minutes left");
  assert.equal(left(1800), ", about 30 minutes left");
});

test("a splash comes at once where the last start was long, else to who waits for a second", () => {
  assert.deepEqual([undefined, 400, 1000, 1001, 60_000].map(splashDelay), [1000, 1000, 1000, 0, 0]);
});

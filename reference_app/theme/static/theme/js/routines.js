// Live status: asks for the rows again while a routine is unfinished and somebody is looking.

const pollIntervalMs = 700;
const rows = document.querySelector("[data-poll]");
const announcement = document.querySelector("[data-announce]");

function statusesIn(element) {
  const items = [...element.querySelectorAll("[data-status]")];
  return new Map(items.map((item) => [item.dataset.id, item.dataset.status]));
}

function isUnfinished(status) {
  return status === "READY" || status === "RUNNING";
}

async function refresh() {
  const response = await fetch(rows.dataset.poll);
  if (!response.ok) return;
  const fresh = document.createElement("div");
  fresh.innerHTML = await response.text();
  const before = statusesIn(rows);
  const changed = [...fresh.querySelectorAll("[data-status]")].filter(
    (item) => before.get(item.dataset.id) !== item.dataset.status,
  );
  // Rows that say the same stay in place, so that their animation does not start over.
  if (!changed.length) return;
  rows.innerHTML = fresh.innerHTML;
  announcement.textContent = changed
    .map(
      (item) =>
        `${item.querySelector("[data-name]").textContent}: ${item.querySelector("[data-label]").textContent}`,
    )
    .join(". ");
}

async function poll() {
  if (!document.hidden && [...statusesIn(rows).values()].some(isUnfinished)) {
    // A backend that is just restarting answers again a moment later.
    await refresh().catch(() => {});
  }
  setTimeout(poll, pollIntervalMs);
}

poll();

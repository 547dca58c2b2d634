// What happens, as it happens: one stream of events for a page, which comes back by itself.
// <body data-events="station.*,connector.*"> says which; each becomes a `voltkeep:event` on document.
// An element with data-refresh="connector.*" has htmx load it again, at most once a second.
// The line #connection says how it stands: well, away, still (no events come), over (signed out),
// elsewhere (the browser acts in another tenant by now: what happens there is not of this page).
import { say } from "./dialogs.js";
import { isOfPage } from "./page.js";

let stream = null;
let reopen = null;
let again = 0;
const AGAIN_MS = 3000;
const TELL_AGAIN_MS = 60000;
const AGAIN_WHEN_OVER_MS = 15000;

function fits(patterns, type) {
  return patterns.split(",").some((each) => {
    const pattern = each.trim();
    return pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));
  });
}

// What the page says in its own language about a state; "" on a page that has no such line.
export function words(state) {
  return document.getElementById("connection")?.dataset[state] ?? "";
}

function state(now) {
  const line = document.getElementById("connection");
  if (!line) return;
  line.dataset.state = now;
  line.textContent = words(now);
}

// The session ended under an open page: say so, and keep what somebody has typed.
export function over() {
  state("over");
  const dialog = document.getElementById("over");
  if (!dialog || dialog.open || dialog.dataset.seen) return;
  dialog.dataset.seen = "1";
  dialog.showModal();
}

// Signed in again, perhaps in another window: go on with what that session is known by.
async function goOn() {
  try {
    const answer = await fetch("/api/v1/me", { headers: { accept: "application/json" } });
    if (!answer.ok) return false;
    const { csrf } = await answer.json();
    const line = document.querySelector('meta[name="csrf"]');
    if (line && csrf) line.content = csrf;
    const dialog = document.getElementById("over");
    delete dialog?.dataset.seen;
    if (dialog?.open) dialog.close();
    return true;
  } catch {
    return false;
  }
}

function refresh(type) {
  for (const each of document.querySelectorAll("[data-refresh]")) {
    if (!fits(each.dataset.refresh, type) || each.dataset.due) continue;
    each.dataset.due = "1";
    setTimeout(() => {
      delete each.dataset.due;
      each.dispatchEvent(new CustomEvent("voltkeep:refresh"));
    }, 1000);
  }
}

async function ended() {
  state("away");
  try {
    const answer = await fetch("/api/v1/me", { headers: { accept: "application/json" } });
    if (answer.status === 401) over();
    else if (answer.ok && stream.readyState === EventSource.CLOSED) state("still");
  } catch {
    state("away"); // the stream tries again by itself
  }
}

let toldAt = -Infinity;

// A part of the page that is asked for again and again is refused: once is enough.
function tellOnce(what) {
  if (performance.now() - toldAt < TELL_AGAIN_MS || !words(what)) return;
  toldAt = performance.now();
  say(words(what), "bad");
}

function startStates() {
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { status } = detail.xhr;
    if (status === 401) over();
    else tellOnce(status === 403 ? "forbidden" : "failed");
  });
  document.addEventListener("htmx:sendError", () => state("away"));
  document.addEventListener("click", async (event) => {
    if (!event.target.closest("[data-go-on]") || !(await goOn())) return;
    if (reopen) reopen();
    else state("");
  });
}

export function startLive() {
  startStates();
  const wanted = document.body.dataset.events;
  if (!wanted) return;
  const open = () => {
    const of = document.body.dataset.eventStations; // only of these, with commas between
    const only = of ? `&stations=${encodeURIComponent(of)}` : "";
    stream = new EventSource(`/api/v1/events?types=${encodeURIComponent(wanted)}${only}`);
    stream.onopen = () => {
      const before = document.getElementById("connection")?.dataset.state;
      if (before === "over") goOn();
      if (before && before !== "well") refreshAll();
      state("well");
      document.dispatchEvent(new CustomEvent("voltkeep:live"));
    };
    stream.onerror = async () => {
      const failed = stream;
      await ended();
      const isOver = document.getElementById("connection")?.dataset.state === "over";
      if (failed.readyState === EventSource.CLOSED && failed === stream) {
        again = setTimeout(open, isOver ? AGAIN_WHEN_OVER_MS : AGAIN_MS);
      }
    };
    stream.onmessage = heard;
    for (const type of (document.body.dataset.eventTypes || "").split(",").filter(Boolean)) {
      stream.addEventListener(type, heard);
    }
  };
  reopen = open;
  open();
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", ({ persisted }) => persisted && open());
}

function refreshAll() {
  for (const each of document.querySelectorAll("[data-refresh]")) {
    each.dispatchEvent(new CustomEvent("voltkeep:refresh"));
  }
}

function heard(message) {
  const detail = JSON.parse(message.data);
  if (!isOfPage(detail)) {
    stream.close();
    state("elsewhere");
    return;
  }
  const type = message.type === "message" ? detail.type : message.type;
  document.dispatchEvent(new CustomEvent("voltkeep:event", { detail: { type, ...detail } }));
  refresh(type);
}

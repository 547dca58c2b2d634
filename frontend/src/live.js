// What happens, as it happens: one stream of events for a page, which comes back by itself.
// <body data-events="station.*,connector.*"> says which; each becomes a `voltkeep:event` on document.
// An element with data-refresh="connector.*" has htmx load it again, at most once a second.
let stream = null;

function fits(patterns, type) {
  return patterns.split(",").some((each) => {
    const pattern = each.trim();
    return pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));
  });
}

function state(words) {
  const line = document.getElementById("connection");
  if (!line) return;
  line.dataset.state = words;
  line.textContent = line.dataset[words] ?? "";
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
    if (answer.status === 401) state("over");
  } catch {
    state("away"); // the stream tries again by itself
  }
}

export function startLive() {
  const wanted = document.body.dataset.events;
  if (!wanted) return;
  const open = () => {
    stream = new EventSource(`/api/v1/events?types=${encodeURIComponent(wanted)}`);
    stream.onopen = () => {
      if (document.getElementById("connection")?.dataset.state === "away") refreshAll();
      state("well");
    };
    stream.onerror = () => {
      ended();
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    };
    stream.onmessage = heard;
    for (const type of (document.body.dataset.eventTypes || "").split(",").filter(Boolean)) {
      stream.addEventListener(type, heard);
    }
  };
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
  const type = message.type === "message" ? detail.type : message.type;
  document.dispatchEvent(new CustomEvent("voltkeep:event", { detail: { type, ...detail } }));
  refresh(type);
}

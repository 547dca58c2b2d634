// Connecting a station: what comes to the door, as it comes. #console lists it; its rows are made
// of the templates #refused and #arrived, and what a refusal means stands on the page already.
// What people and stations have said is only ever set as text.
import { showOnce } from "./once.js";
import { isOfPage } from "./page.js";

const MADE = "voltkeep-new-station";
const MOST = 200;
const STORED_AFTER_MS = 2200; // what the server counts is there for its pages by then

const list = document.getElementById("console");
const wanted = list?.dataset.station ?? "";

function row(kind, station) {
  const made = document.getElementById(kind).content.firstElementChild.cloneNode(true);
  fill(made, "station", station || list.dataset.nobody);
  return made;
}

function fill(row, part, text) {
  for (const each of row.querySelectorAll(`[data-part="${part}"]`)) each.textContent = text;
}

function time(row, at) {
  row.querySelector("time").dateTime = at;
  row.dispatchEvent(new CustomEvent("voltkeep:shown", { bubbles: true }));
}

function add(row) {
  list.prepend(row);
  while (list.children.length > MOST) list.lastElementChild.remove();
  const empty = document.getElementById("console-empty");
  if (empty) empty.hidden = true;
}

function hostOf(address) {
  const bracket = address.match(/^\[([^\]]*)\]/);
  if (bracket) return bracket[1];
  return address.split(":").length === 2 ? address.split(":")[0] : address;
}

function explain(row, reason, station) {
  for (const each of document.querySelectorAll("#reasons [data-reason]")) {
    if (each.dataset.reason !== reason) continue;
    fill(row, "means", each.querySelector("[data-means]").textContent);
    const how = each.querySelector("[data-do]").textContent;
    fill(row, "do", /^[\w.-]+$/.test(station) ? how.replaceAll("STATION", station) : how);
  }
}

function refused({ station, timestamp, data }) {
  const host = hostOf(data.remote_address);
  const of = { station: station || "", reason: data.reason, host };
  const isSame = (each) => Object.keys(of).every((name) => each.dataset[name] === of[name]);
  let found = [...list.children].find(isSame);
  if (found) {
    const count = found.querySelector('[data-part="count"]');
    count.dataset.count = String(Number(count.dataset.count || 1) + 1);
    count.textContent = `× ${count.dataset.count}`;
  } else {
    found = row("refused", station);
    Object.assign(found.dataset, of);
    fill(found, "host", host);
    fill(found, "reason", data.reason);
    explain(found, data.reason, station || "");
    const approve = found.querySelector("form");
    const link = found.querySelector("[data-part=link]");
    const isUnknown = data.reason === list.dataset.unknown;
    if (approve && station && isUnknown) approve.elements.id.value = station;
    else approve?.remove();
    if (station && !isUnknown) link.href = `/connect?station=${encodeURIComponent(station)}`;
    else link.remove();
  }
  add(found);
  time(found, timestamp);
}

function arrived({ station, timestamp, type, data }) {
  const made = row("arrived", station);
  fill(made, "what", list.dataset[type.replace(/[._](\w)/g, (_, letter) => letter.toUpperCase())] ?? type);
  const more = {
    "station.connected": () => `${data.subprotocol}, ${data.remote_address}`,
    "station.booted": () => [data.make?.vendor, data.make?.model, data.registration].filter(Boolean).join(" "),
    "connector.status_changed": () => [data.evse?.id, data.status].filter(Boolean).join(": "),
    "station.disconnected": () => data.reason ?? "",
  };
  if (type === "station.disconnected") {
    made.className = "warn";
    made.querySelector(".badge").className = "badge warn";
    fill(made, "sign", "▲");
  }
  fill(made, "more", more[type]?.() ?? "");
  const link = made.querySelector("[data-part=link]");
  if (station) link.href = `/stations/${encodeURIComponent(station)}`;
  add(made);
  time(made, timestamp);
}

function refreshState() {
  document.getElementById("state")?.dispatchEvent(new CustomEvent("voltkeep:refresh"));
}

function heard({ detail }) {
  if (list.dataset.only && detail.station && detail.station !== wanted) return;
  if (detail.type === "connection.refused") {
    refused(detail);
    setTimeout(refreshState, STORED_AFTER_MS);
  } else if (detail.type in { "station.connected": 1, "station.booted": 1 }) arrived(detail);
}

// What one station does once it is in: its first status, and when it leaves.
function watch(station) {
  const types = ["connector.status_changed", "station.disconnected"];
  const query = new URLSearchParams({ types: types.join(","), stations: station });
  const stream = new EventSource(`/api/v1/events?${query}`);
  for (const type of types) {
    stream.addEventListener(type, (message) => {
      const detail = JSON.parse(message.data);
      if (!isOfPage(detail)) return;
      arrived({ ...detail, type });
      refreshState();
    });
  }
  addEventListener("pagehide", () => stream.close());
}

// A station that was registered in this window a moment ago gets its key without a further click.
function startKey() {
  const form = document.getElementById("key-form");
  const made = sessionStorage.getItem(MADE);
  sessionStorage.removeItem(MADE);
  if (form && "fresh" in form.dataset && made === form.dataset.station) form.requestSubmit();
}

document.addEventListener("voltkeep:done", ({ target, detail }) => {
  if (target.dataset?.newStation !== undefined) sessionStorage.setItem(MADE, detail.id);
  if (target.id !== "key-form") return;
  target.hidden = true;
  refreshState();
  showOnce(document.getElementById("key-once"), detail);
});
if (list) {
  document.addEventListener("voltkeep:event", heard);
  if (wanted) watch(wanted);
}
startKey();

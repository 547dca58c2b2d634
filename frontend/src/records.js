// Lists that people keep: tokens, reservations, sites.
// <input data-at="2026-05-02T09:30:00Z"> shows that time as it is where one is. <input list=ID
// data-suggest="stations"> suggests stations that begin as one types, and "time-zones" the zones there are.
import { ask } from "./forms.js";
import { startInstants } from "./instants.js";

const MOST = 10;
const PAUSE_MS = 200;

function showTime(input) {
  const at = new Date(input.dataset.at);
  if (Number.isNaN(at.valueOf())) return;
  input.value = new Date(at.valueOf() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

function offer(list, names) {
  const options = names.map((name) => {
    const option = document.createElement("option");
    option.value = name;
    return option;
  });
  list.replaceChildren(...options);
}

function suggestStations(input) {
  let due = 0;
  async function look() {
    const query = new URLSearchParams({ prefix: input.value.trim(), limit: MOST });
    try {
      const { ok, said } = await ask("GET", `/api/v1/stations?${query}`);
      if (ok) offer(input.list, said.items.map((each) => each.id));
    } catch {
      // It can be typed as well.
    }
  }
  input.addEventListener("input", () => {
    clearTimeout(due);
    due = setTimeout(look, PAUSE_MS);
  });
  input.addEventListener("focus", look, { once: true });
}

startInstants();
for (const each of document.querySelectorAll("input[data-at]")) showTime(each);
for (const each of document.querySelectorAll('[data-suggest="stations"]')) suggestStations(each);
for (const each of document.querySelectorAll('[data-suggest="time-zones"]')) {
  offer(each.list, Intl.supportedValuesOf?.("timeZone") ?? []);
}

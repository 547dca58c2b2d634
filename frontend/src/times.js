// Times are served as UTC, and shown in the zone that a person has chosen: local, site or utc.
// <time datetime="…Z" data-zone="Europe/Berlin"> names the zone of its site.
const KEY = "voltkeep-times";
const ORDER = ["local", "site", "utc"];

export function chosen() {
  const kept = localStorage.getItem(KEY);
  return ORDER.includes(kept) ? kept : "local";
}

export function shown(date, how, zone) {
  const timeZone = how === "utc" ? "UTC" : how === "site" && zone ? zone : undefined;
  const language = document.documentElement.lang || "en";
  const style = { dateStyle: "medium", timeStyle: "medium", timeZone, hourCycle: "h23" };
  return new Intl.DateTimeFormat(language, style).format(date) + (how === "utc" ? " UTC" : "");
}

function show(root) {
  const how = chosen();
  for (const each of root.querySelectorAll("time[datetime]")) {
    const date = new Date(each.dateTime);
    if (Number.isNaN(date.valueOf())) continue;
    each.textContent = shown(date, how, each.dataset.zone);
    each.title = date.toISOString();
  }
}

function mark() {
  for (const each of document.querySelectorAll("[data-times]")) {
    each.setAttribute("aria-pressed", String(each.dataset.times === chosen()));
  }
}

export function startTimes() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-times]");
    if (!button) return;
    localStorage.setItem(KEY, button.dataset.times);
    mark();
    show(document);
  });
  document.addEventListener("htmx:afterSwap", ({ target }) => show(target));
  document.addEventListener("voltkeep:shown", ({ target }) => show(target));
  mark();
  show(document);
}

// The page of the fleet: filters in its address, counts, tiles, and views that somebody keeps.
import "./grid.css";
import { Fleet, measure, stateOf, STATES } from "./fleet.js";
import { ask } from "./forms.js";
import { Tiles } from "./tiles.js";
import { startViews } from "./views.js";

const FIELDS = ["site", "prefix", "vendor", "status", "only", "group"];
const place = document.getElementById("tiles");
const form = document.getElementById("narrow");
const words = JSON.parse(place.dataset.words);
const line = document.getElementById("summary");
const mayCharge = place.dataset.charges !== undefined;

let loadedFor = "";
let where = new Map(); // of each tile that is shown, its group
let counted = new Map(); // of each tile that fits but for its state, the state it was counted in
let counts = {}; // of states
const chips = [...document.querySelectorAll("[data-show-state]")].map((chip) => ({
  chip,
  state: chip.dataset.showState,
  count: chip.querySelector(".count"),
}));
let isDue = false;
let isMoved = false;
let names = null; // of sites

const tiles = new Tiles(place, words, look);
const fleet = new Fleet({ changed, loaded, failed, mayCharge });
fleet.missing = soonAgain;

function chosen() {
  const said = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
  return said;
}

function asked({ site, prefix }) {
  return { ...(site ? { site } : {}), ...(prefix ? { prefix } : {}) };
}

function isShown(tile) {
  // A station as a whole says little, unless it serves nobody.
  return tile.evse !== null || ["Faulted", "Unavailable"].includes(tile.status);
}

function fits(tile, { site, prefix, vendor, only }) {
  const { station } = tile;
  return (
    isShown(tile) &&
    (!site || station.site === site) &&
    (!prefix || station.name.startsWith(prefix)) &&
    (!vendor || station.vendor === vendor) &&
    (only !== "faulted" || stateOf(tile) === "faulted") &&
    (only !== "stale" || tile.doubt !== "")
  );
}

function siteName(site) {
  names ??= new Map([...form.elements.site.options].map(({ value, text }) => [value, text]));
  return names.get(site) ?? site;
}

function groupOf(tile, by) {
  const { name, site, vendor } = tile.station;
  switch (by) {
    case "site":
      return site ? siteName(site) : words.nowhere;
    case "vendor":
      return vendor || words.unknown;
    case "status":
      return words[stateOf(tile)];
    case "prefix":
      return name.match(/^(.*[-_.:/])[^-_.:/]*$/)?.[1] ?? name.match(/^\D*/)[0] ?? name;
    default:
      return "";
  }
}

function show() {
  const filters = chosen();
  counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  const groups = new Map();
  where = new Map();
  counted = new Map();
  for (const tile of fleet.tiles.values()) {
    if (!fits(tile, filters)) continue;
    const state = stateOf(tile);
    counted.set(tile, state);
    counts[state]++;
    if (filters.status && filters.status !== state) continue;
    const group = groupOf(tile, filters.group);
    where.set(tile, group);
    if (groups.has(group)) groups.get(group).push(tile);
    else groups.set(group, [tile]);
  }
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  document.getElementById("nothing").hidden = where.size > 0 || loadedFor === "";
  place.hidden = where.size === 0;
  tiles.lay([...groups].sort(([a], [b]) => compare(a, b)));
  for (const { chip, state } of chips) chip.setAttribute("aria-pressed", String(filters.status === state));
  count();
  vendors();
}

function count() {
  for (const { state, count: element } of chips) {
    const text = String(state ? counts[state] : counted.size);
    if (element.textContent !== text) element.textContent = text;
  }
}

function vendors() {
  const select = form.elements.vendor;
  const there = new Set([...select.options].map((option) => option.value));
  for (const { vendor } of fleet.stations.values()) {
    if (!vendor || there.has(vendor)) continue;
    there.add(vendor);
    select.add(new Option(vendor, vendor));
  }
}

function soon() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    if (isMoved) show();
    else count();
    isMoved = false;
  }, 200);
}

// Most changes leave a tile where it is: then it is written anew, and the others stay.
function changed(touched) {
  const filters = chosen();
  let isCounted = false;
  for (const tile of touched) {
    const state = stateOf(tile);
    const doesFit = !tile.gone && fits(tile, filters);
    const before = counted.get(tile);
    if (doesFit !== (before !== undefined)) isMoved = true;
    else if (doesFit && before !== state) {
      counts[before]--;
      counts[state]++;
      counted.set(tile, state);
      isCounted = true;
    }
    const stays = doesFit && (!filters.status || filters.status === state);
    if (stays && where.get(tile) === groupOf(tile, filters.group)) tiles.touch(tile);
    else if (stays || where.has(tile)) isMoved = true;
  }
  if (isMoved || isCounted) soon();
}

function loaded(isWhole) {
  show();
  const left = isWhole && !fleet.isWhole ? words.capped : "";
  line.textContent = isWhole ? left : words.loading;
}

function failed(why) {
  line.textContent = `${words.failed} ${why}`;
}

function load() {
  const query = asked(chosen());
  loadedFor = JSON.stringify(query);
  if (!fleet.tiles.size) line.textContent = words.loading;
  fleet.load(query);
}

let again = 0;
function soonAgain() {
  clearTimeout(again);
  again = setTimeout(load, 3000);
}

// What the meter said last, of the tiles that somebody sees: until it says something again.
const wanted = new Set();
let isReading = false;
function look(seen) {
  if (!mayCharge) return;
  for (const tile of seen) {
    if (tile.charge && tile.power === null && !tile.asked) wanted.add(tile);
  }
  readSoon();
}

function readSoon() {
  if (isReading || !wanted.size) return;
  isReading = true;
  setTimeout(async () => {
    try {
      await read();
    } finally {
      isReading = false;
    }
    readSoon();
  }, 150);
}

async function read() {
  const next = [...wanted].slice(0, 40);
  for (const tile of next) wanted.delete(tile);
  const some = next.filter((tile) => tile.charge && tiles.shows(tile)); // not what was scrolled by
  if (!some.length) return;
  const query = new URLSearchParams();
  for (const tile of some) {
    tile.asked = true;
    query.append("station", tile.station.name);
    query.append("ref", tile.charge.ref);
  }
  const { ok, said } = await ask("GET", `/fleet/meters.json?${query}`);
  if (!ok) return;
  const found = new Map(said.meters.map(([station, ref, ...values]) => [`${station}\n${ref}`, values]));
  for (const tile of some) {
    const values = found.get(`${tile.station.name}\n${tile.charge?.ref}`);
    if (!values || tile.power !== null) continue;
    measure(tile, ...values);
    tiles.touch(tile);
  }
}

function narrowed() {
  const said = chosen();
  const query = new URLSearchParams(Object.entries(said).filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  document.dispatchEvent(new CustomEvent("voltkeep:narrowed"));
  const now = JSON.stringify(asked(said));
  if (!fleet.isWhole || (loadedFor !== "{}" && loadedFor !== now)) load();
  show();
}

function start() {
  const query = new URLSearchParams(location.search);
  for (const name of FIELDS) {
    const field = form.elements[name];
    const value = query.get(name) ?? "";
    if (field.options && value && ![...field.options].some((each) => each.value === value)) {
      if (name !== "site" && name !== "vendor") continue;
      field.add(new Option(value, value));
    }
    field.value = value;
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", narrowed);
let typing = 0;
form.elements.prefix.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(narrowed, 250);
});
document.addEventListener("click", ({ target }) => {
  const chip = target.closest("[data-show-state]");
  if (!chip) return;
  const field = form.elements.status;
  field.value = field.value === chip.dataset.showState ? "" : chip.dataset.showState;
  narrowed();
});
document.getElementById("all").addEventListener("click", () => {
  for (const name of FIELDS) if (name !== "group") form.elements[name].value = "";
  narrowed();
});

start();
startViews(document.getElementById("views"));
if (document.getElementById("connection").dataset.state === "well") load();
else setTimeout(() => loadedFor || load(), 1500);
document.addEventListener("voltkeep:live", load);
setInterval(() => tiles.again(), 20000);

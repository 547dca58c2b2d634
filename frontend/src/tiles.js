// Tiles: only those near the window are in the document, whatever there is of them.
import { LOOKS, stateOf } from "./fleet.js";

const GAP = 8;
const NARROWEST = 10.5; // rem
const TALL = 5.75;
const HEADING = 2.5;
const SPARE = 200; // elements that are used again
const BEYOND = 500; // pixels above and below the window

const NBSP = "\u00a0";
const TAKEN = ["charging", "occupied", "suspended", "finishing"]; // what a charge is told of

const number = (value, digits) => value.toFixed(digits);

// What a tile says, in words that the page gives.
export function facts(tile, words) {
  const state = stateOf(tile);
  if (state === "faulted") return tile.error || tile.raw;
  const said = [];
  if (!TAKEN.includes(state)) return tile.station.site || words.none;
  const { charge } = tile;
  if (tile.power !== null) said.push(`${number(tile.power / 1000, 1)}${NBSP}kW`);
  if (charge?.energy != null) said.push(`${number(charge.energy / 1000, 2)}${NBSP}kWh`);
  if (charge?.started) said.push(minutes(charge.started));
  if (tile.soc !== null) said.push(`${number(tile.soc, 0)}${NBSP}%`);
  return said.join(" · ") || tile.station.site || words.none;
}

function minutes(since) {
  const whole = Math.max(0, Math.floor((Date.now() / 1000 - since) / 60));
  if (whole < 60) return `${whole}${NBSP}min`;
  return [Math.floor(whole / 60), "h", String(whole % 60).padStart(2, "0"), "min"].join(NBSP);
}

export function nameOf(tile, words) {
  if (tile.evse === null) return `${tile.station.name} · ${words.whole}`;
  return `${tile.station.name} · ${tile.connector === null || tile.connector === 1 ? tile.evse : `${tile.evse}.${tile.connector}`}`;
}

export class Tiles {
  constructor(place, words, seen) {
    Object.assign(this, { place, words, seen, rows: [], shown: new Map(), spare: [], due: false });
    const again = () => this.soon();
    addEventListener("scroll", again, { passive: true });
    new ResizeObserver(() => this.groups && this.lay(this.groups)).observe(place);
    place.addEventListener("keydown", (event) => this.move(event));
  }

  // What the tiles say is as old as they are: minutes go by.
  again() {
    this.span = null;
    this.soon();
  }

  soon() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.paint();
    });
  }

  // Groups are [heading or "", tiles].
  lay(groups) {
    this.groups = groups;
    this.isLaidAnew = true;
    this.span = null;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const wide = this.place.clientWidth;
    this.columns = Math.max(1, Math.floor((wide + GAP) / (NARROWEST * rem + GAP)));
    this.width = (wide - GAP * (this.columns - 1)) / this.columns;
    this.tall = TALL * rem;
    this.rows = [];
    let y = 0;
    for (const [heading, tiles] of groups) {
      if (heading) {
        this.rows.push({ y, heading: `${heading} (${tiles.length})` });
        y += HEADING * rem;
      }
      for (let at = 0; at < tiles.length; at += this.columns) {
        this.rows.push({ y, tiles: tiles.slice(at, at + this.columns) });
        y += this.tall + GAP;
      }
    }
    this.place.style.setProperty("height", `${y}px`);
    this.soon();
  }

  paint() {
    const top = -this.place.getBoundingClientRect().top;
    const [from, to] = [top - BEYOND, top + innerHeight + BEYOND];
    const first = this.firstAt(from);
    const end = this.firstAt(to + this.tall);
    if (this.span?.first === first && this.span.end === end) return; // scrolled by less than a row
    const isSame = this.span !== null; // what is there already says what it should, where it should
    this.span = { first, end };
    const wanted = new Map();
    for (let at = first; at < end; at++) {
      const row = this.rows[at];
      if (row.heading) wanted.set(`heading ${row.heading}`, row);
      row.tiles?.forEach((tile, column) => wanted.set(tile.id, { y: row.y, tile, column }));
    }
    for (const [id, element] of this.shown) {
      if (wanted.has(id) || element === document.activeElement) continue;
      this.shown.delete(id);
      if (element.tile && this.spare.length < SPARE) this.spare.push(element);
      else element.remove();
    }
    let last = null;
    const seen = [];
    for (const [id, each] of wanted) {
      let element = this.shown.get(id);
      const isNew = !element;
      if (isNew) {
        element = each.heading ? document.createElement("h2") : (this.spare.pop() ?? made());
        this.shown.set(id, element);
      }
      // In the order of reading, so that tabulators go from one to the next.
      const next = last ? last.nextSibling : this.place.firstChild;
      const isPlaced = !isNew && (!this.isLaidAnew || element === next || element === document.activeElement);
      if (!isPlaced) this.place.insertBefore(element, next);
      last = element;
      if (isNew || !isSame) this.dress(element, each);
      if (each.tile) seen.push(each.tile);
    }
    this.isLaidAnew = false;
    for (const element of this.spare.splice(0)) element.remove();
    this.seen(seen);
  }

  firstAt(y) {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].y + this.tall < y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  dress(element, { y, heading, tile, column }) {
    const x = heading ? 0 : column * (this.width + GAP);
    element.style.setProperty("transform", `translate(${x}px, ${y}px)`);
    if (heading) {
      element.className = "tiles-of";
      element.textContent = heading;
      return;
    }
    element.style.setProperty("width", `${this.width}px`);
    element.tile = tile;
    this.fill(element, tile);
  }

  fill(element, tile) {
    const state = stateOf(tile);
    const [look, sign] = LOOKS[state];
    const [name, line, under] = element.children;
    const stale = tile.doubt ? ` · ? ${this.words[tile.doubt]}` : "";
    const kind = `tile ${look}${tile.doubt ? " stale" : ""}`;
    if (element.className !== kind) element.className = kind;
    const href = `/stations/${encodeURIComponent(tile.station.name)}`;
    if (element.getAttribute("href") !== href) element.setAttribute("href", href);
    write(name, nameOf(tile, this.words));
    write(line.firstChild, sign);
    write(line.lastChild, ` ${this.words[state]}${stale}`);
    write(under, facts(tile, this.words));
  }

  // A tile has changed, and stays where it is.
  touch(tile) {
    const element = this.shown.get(tile.id);
    if (element) this.fill(element, tile);
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    const tile = event.target.tile;
    if (!step || !tile) return;
    event.preventDefault();
    const all = this.rows.flatMap((row) => (row.tiles ?? []).map((each) => ({ each, y: row.y })));
    const goal = all[all.findIndex(({ each }) => each === tile) + step];
    if (!goal) return;
    const y = goal.y + this.place.getBoundingClientRect().top;
    if (y < 60 || y + this.tall > innerHeight) scrollBy({ top: y - innerHeight / 2 });
    this.paint();
    this.shown.get(goal.each.id)?.focus({ preventScroll: true });
  }
}

function made() {
  const tile = document.createElement("a");
  for (const kind of ["name", "state", "facts-line"]) {
    const line = document.createElement("span");
    line.className = kind;
    tile.append(line);
  }
  const sign = document.createElement("span");
  sign.setAttribute("aria-hidden", "true");
  tile.children[1].append(sign, document.createElement("span"));
  return tile;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Tiles: only the rows near the window are in the document, whatever there is of them. A row that
// leaves it at one end comes in at the other, with other words in it: scrolling makes nothing new.
import { LOOKS, stateOf } from "./fleet.js";

const GAP = 8;
const NARROWEST = 10.5; // rem
const TALL = 5.75;
const HEADING = 2.5;
const BEYOND = 400; // pixels above and below the window
const AT_REST_MS = 120; // after the last row that came into view
const LONG = 36; // characters: more may need a third line

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
  return said.join(` ·${NBSP}`) || tile.station.site || words.none;
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
    Object.assign(this, { place, words, seen, rows: [], columns: 0, width: 0, due: false, resting: 0 });
    this.shown = new Map(); // elements of rows, by the number of the row
    this.elements = new Map(); // of tiles, by their ids
    this.touched = new Set();
    this.isStale = false;
    place.setAttribute("role", "list");
    const again = () => this.soon();
    addEventListener("scroll", again, { passive: true });
    new ResizeObserver(() => this.groups && this.lay(this.groups)).observe(place);
    place.addEventListener("keydown", (event) => this.move(event));
  }

  // What the tiles say is as old as they are: minutes go by.
  again() {
    this.isStale = true;
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

  shows(tile) {
    return this.elements.has(tile.id);
  }

  // A tile has changed, and stays where it is.
  touch(tile) {
    if (!this.shows(tile)) return;
    this.touched.add(tile);
    this.soon();
  }

  // Groups are [heading or "", tiles].
  lay(groups) {
    this.groups = groups;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const wide = this.place.clientWidth;
    const columns = Math.max(1, Math.floor((wide + GAP) / (NARROWEST * rem + GAP)));
    const width = (wide - GAP * (columns - 1)) / columns;
    this.isNarrower = columns !== this.columns || width !== this.width;
    Object.assign(this, { columns, width, tall: TALL * rem, rows: [] });
    let y = 0;
    for (const [heading, tiles] of groups) {
      if (heading) {
        this.rows.push({ y, heading: `${heading} (${tiles.length})` });
        y += HEADING * rem;
      }
      for (let at = 0; at < tiles.length; at += columns) {
        this.rows.push({ y, tiles: tiles.slice(at, at + columns), at, of: tiles.length });
        y += this.tall + GAP;
      }
    }
    this.place.style.setProperty("height", `${y}px`);
    this.again();
  }

  paint() {
    const top = -this.place.getBoundingClientRect().top; // before anything is written
    const first = this.firstAt(top - BEYOND);
    const end = this.firstAt(top + innerHeight + BEYOND + this.tall);
    const isStale = this.isStale;
    this.isStale = false;
    const focus = this.place.contains(document.activeElement) ? document.activeElement : null;
    const tile = focus?.tile;
    const free = this.freed(first, end, isStale ? null : focus);
    const seen = [];
    for (let number = first; number < end; number++) {
      if (!isStale && this.shown.has(number)) continue;
      this.bring(number, free);
      seen.push(...(this.rows[number].tiles ?? []));
    }
    for (const each of free) each.remove();
    for (const each of this.touched) if (this.shows(each)) this.fill(this.elements.get(each.id), each);
    this.touched.clear();
    if (isStale && tile) this.follow(tile);
    if (seen.length) this.seen(seen);
  }

  // Rows that are out of the window may be used again; all of them if they have other tiles now.
  freed(first, end, focus) {
    const free = [];
    if (this.isNarrower) {
      this.isNarrower = false;
      this.shown.clear();
      this.elements.clear();
      this.place.replaceChildren();
      return free;
    }
    for (const [number, element] of this.shown) {
      if (number >= first && number < end && this.rows[number].heading === element.heading) continue;
      if (focus && element.contains(focus)) continue;
      this.shown.delete(number);
      for (const each of element.cells) this.forget(each);
      free.push(element);
    }
    return free;
  }

  forget({ firstChild: element }) {
    if (this.elements.get(element.tile?.id) === element) this.elements.delete(element.tile.id);
  }

  bring(number, free) {
    const row = this.rows[number];
    let element = this.shown.get(number);
    if (!element && row.tiles) {
      const at = free.findIndex((each) => each.heading === undefined);
      element = at < 0 ? this.made() : free.splice(at, 1)[0];
    }
    element ??= headingOf(row.heading);
    if (!this.shown.has(number)) {
      this.shown.set(number, element);
      if (!element.isConnected) this.place.append(element);
      element.style.setProperty("top", `${row.y}px`);
      this.orderSoon();
    } else if (element.y !== row.y) element.style.setProperty("top", `${row.y}px`);
    element.y = row.y;
    if (row.tiles) this.dress(element, row);
  }

  dress({ cells }, { tiles, at, of }) {
    for (const each of cells) this.forget(each);
    cells.forEach((cell, column) => {
      const tile = tiles[column];
      if (cell.hidden === Boolean(tile)) cell.hidden = !tile;
      cell.firstChild.tile = tile;
      if (!tile) return;
      this.elements.set(tile.id, cell.firstChild);
      put(cell, "aria-posinset", String(at + column + 1));
      put(cell, "aria-setsize", String(of));
      this.fill(cell.firstChild, tile);
    });
  }

  // Somebody is at this tile: whatever moves, they stay there.
  follow(tile) {
    if (document.activeElement?.tile === tile && document.activeElement.isConnected) return;
    if (!this.shows(tile)) {
      const number = this.rows.findIndex((row) => row.tiles?.includes(tile));
      if (number < 0) return;
      this.bring(number, []);
    }
    this.elements.get(tile.id).focus({ preventScroll: true });
  }

  // In the order of reading, so that tabulators go from one to the next; but not while it scrolls.
  orderSoon() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.order(), AT_REST_MS);
  }

  order() {
    clearTimeout(this.resting);
    const sorted = [...this.shown].sort(([a], [b]) => a - b).map(([, element]) => element);
    const at = Math.max(0, sorted.findIndex((each) => each.contains(document.activeElement)));
    const put = (element, next) => element !== next && this.place.insertBefore(element, next);
    for (let i = at - 1; i >= 0; i--) {
      if (sorted[i + 1].previousSibling !== sorted[i]) put(sorted[i], sorted[i + 1]);
    }
    for (let i = at + 1; i < sorted.length; i++) put(sorted[i], sorted[i - 1].nextSibling);
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

  made() {
    const row = document.createElement("div");
    row.className = "tiles-row";
    row.cells = [];
    for (let column = 0; column < this.columns; column++) {
      const cell = document.createElement("div");
      cell.className = "cell";
      cell.setAttribute("role", "listitem");
      cell.style.setProperty("left", `${column * (this.width + GAP)}px`);
      cell.style.setProperty("width", `${this.width}px`);
      cell.append(made());
      row.cells.push(cell);
    }
    row.append(...row.cells);
    return row;
  }

  fill(element, tile) {
    const state = stateOf(tile);
    const [look, sign] = LOOKS[state];
    const [name, mark, said, under] = element.texts;
    const stale = tile.doubt ? ` · ? ${this.words[tile.doubt]}` : "";
    const told = facts(tile, this.words);
    put(element, "class", `tile ${look}${tile.doubt ? " stale" : ""}${told.length > LONG ? " long" : ""}`);
    put(element, "href", `/stations/${encodeURIComponent(tile.station.name)}`);
    write(name, nameOf(tile, this.words));
    write(mark, sign);
    write(said, ` ${this.words[state]}${stale}`);
    write(under, told);
  }

  move(event) {
    if (event.key === "Tab") this.order();
    const { tile } = event.target;
    if (!tile || event.altKey || event.ctrlKey || event.metaKey) return;
    const goal = this.from(tile, event.key);
    if (!goal) return;
    event.preventDefault();
    const { y } = this.rows[goal.number];
    const top = y + this.place.getBoundingClientRect().top;
    if (top < 60 || top + this.tall > innerHeight) scrollBy({ top: top - innerHeight / 2, behavior: "instant" });
    this.paint();
    this.elements.get(goal.tile.id)?.focus({ preventScroll: true });
    this.order();
  }

  // Where a key leads to from a tile.
  from(tile, key) {
    const place = this.elements.get(tile.id)?.parentNode;
    const [number] = [...this.shown].find(([, { cells }]) => cells.includes(place)) ?? [];
    if (number === undefined) return null;
    const column = this.rows[number].tiles.indexOf(tile);
    const next = (at, step) => {
      let to = at + step;
      while (this.rows[to]?.heading) to += step;
      return this.rows[to] ? to : -1;
    };
    const goal = (to, index) => (to < 0 ? null : { number: to, tile: this.rows[to].tiles.at(index) });
    const below = (to) => goal(to, to < 0 ? 0 : Math.min(column, this.rows[to].tiles.length - 1));
    switch (key) {
      case "ArrowRight":
        return column + 1 < this.rows[number].tiles.length ? goal(number, column + 1) : goal(next(number, 1), 0);
      case "ArrowLeft":
        return column ? goal(number, column - 1) : goal(next(number, -1), -1);
      case "ArrowDown":
        return below(next(number, 1));
      case "ArrowUp":
        return below(next(number, -1));
      case "Home":
        return goal(next(-1, 1), 0);
      case "End":
        return goal(this.rows.length - 1, -1);
    }
    return null;
  }
}

function headingOf(text) {
  const row = document.createElement("div");
  row.className = "tiles-of";
  row.setAttribute("role", "listitem");
  const heading = document.createElement("h2");
  heading.textContent = text;
  row.append(heading);
  return Object.assign(row, { heading: text, cells: [] });
}

function span(kind, ...content) {
  const element = document.createElement("span");
  if (kind) element.className = kind;
  element.append(...content);
  return element;
}

function made() {
  const texts = ["", "", "", ""].map((text) => document.createTextNode(text));
  const [name, mark, said, under] = texts;
  const sign = span("", mark);
  sign.setAttribute("aria-hidden", "true");
  const lines = span("lines", span("name", name), document.createElement("br"), span("state", sign, said));
  const tile = document.createElement("a");
  tile.append(lines, span("facts-line", under));
  return Object.assign(tile, { texts });
}

function put(element, name, value) {
  element.has ??= {};
  if (element.has[name] === value) return;
  element.has[name] = value;
  element.setAttribute(name, value);
}

function write(node, text) {
  if (node.data !== text) node.data = text;
}

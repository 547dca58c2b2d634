// What the grid and the map know: connectors, stations and charges, loaded in parts and kept true
// by events. Whoever shows it gets `changed(tiles)`, and `loaded()` once everything may be new.
import { ask } from "./forms.js";

export const MOST = 20000; // connectors; of more a site or a prefix has to be chosen

const OF_RAW = {
  Preparing: "occupied",
  Charging: "charging",
  SuspendedEV: "suspended",
  SuspendedEVSE: "suspended",
  Finishing: "finishing",
};
const OF_CHARGE = {
  Charging: "charging",
  SuspendedEV: "suspended",
  SuspendedEVSE: "suspended",
  EVConnected: "occupied",
  Idle: "occupied",
};
const PLAIN = { Available: "available", Reserved: "reserved", Unavailable: "unavailable", Faulted: "faulted" };

export const STATES = ["charging", "available", "occupied", "suspended", "finishing", "reserved", "unavailable", "faulted"];
export const LOOKS = {
  charging: ["busy", "▶"],
  available: ["good", "●"],
  occupied: ["busy", "◐"],
  suspended: ["warn", "▲"],
  finishing: ["busy", "◑"],
  reserved: ["warn", "◆"],
  unavailable: ["", "○"],
  faulted: ["bad", "✖"],
};

export function stateOf(tile) {
  return (
    PLAIN[tile.status] ??
    OF_RAW[tile.raw] ??
    OF_CHARGE[tile.charge?.state] ??
    OF_CHARGE[tile.charging] ??
    "occupied"
  );
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function parts(address, query, take, isOver) {
  let cursor = null;
  let misses = 0;
  do {
    const asked = new URLSearchParams(query);
    if (cursor) asked.set("cursor", cursor);
    const { ok, status, said } = await ask("GET", `${address}?${asked}`);
    if (!ok) {
      if (misses++ < 5 && (status === 429 || status >= 500)) {
        await pause(1000 * misses);
        continue;
      }
      throw new Error(said?.detail || said?.title || String(status));
    }
    take(said);
    cursor = said.next;
  } while (cursor && !isOver());
  return cursor === null;
}

export class Fleet {
  constructor({ changed, loaded, failed, mayCharge }) {
    Object.assign(this, { changed, loaded, failed, mayCharge });
    this.stations = new Map();
    this.tiles = new Map();
    this.isWhole = true;
    this.waiting = null;
    this.generation = 0;
    document.addEventListener("voltkeep:event", ({ detail }) => this.hear(detail));
  }

  // Load everything anew; events that come meanwhile are taken afterwards.
  async load(query) {
    const mine = ++this.generation;
    this.waiting = [];
    const next = { stations: new Map(), tiles: new Map() };
    const over = () => mine !== this.generation || next.tiles.size >= MOST;
    const isFirst = this.tiles.size === 0;
    try {
      const isWhole = await parts("/fleet/grid.json", query, (said) => {
        take(next, said);
        if (isFirst && mine === this.generation) {
          Object.assign(this, next);
          this.loaded(false);
        }
      }, over);
      if (this.mayCharge) {
        const site = query.site ? { site: query.site } : {};
        await parts("/fleet/charges.json", site, ({ charges }) => {
          for (const each of charges) begin(next, each);
        }, () => mine !== this.generation);
      }
      if (mine !== this.generation) return;
      const waited = this.waiting;
      Object.assign(this, next, { isWhole, waiting: null });
      for (const event of waited) this.hear(event);
      this.loaded(true);
    } catch (error) {
      if (mine !== this.generation) return;
      this.waiting = null;
      this.failed(String(error.message));
    }
  }

  hear(event) {
    if (this.waiting) {
      this.waiting.push(event);
      return;
    }
    const touched = apply(this, event);
    if (touched?.length) this.changed(touched);
    if (touched === null) this.missing?.();
  }
}

function key(station, evse, connector) {
  return `${station}\n${evse ?? ""}\n${connector ?? ""}`;
}

function put(fleet, station, evse, connector, said) {
  const id = key(station.name, evse, connector);
  let tile = fleet.tiles.get(id);
  if (!tile) {
    tile = { id, station, evse, connector, charge: null, power: null, soc: null };
    fleet.tiles.set(id, tile);
    station.tiles.push(tile);
  }
  return Object.assign(tile, said);
}

function take(fleet, { stations, connectors }) {
  const known = stations.map(([name, site, vendor, model, connected]) => {
    const before = fleet.stations.get(name);
    if (before) return before;
    const station = { name, site, vendor, model, connected, tiles: [] };
    fleet.stations.set(name, station);
    return station;
  });
  for (const [number, evse, connector, status, raw, charging, error, doubt, heard] of connectors) {
    put(fleet, known[number], evse, connector, { status, raw, charging, error, doubt, heard });
  }
}

// The tile that a charge is at: its connector, or else the one of the EVSE that is taken.
function tileOf(fleet, name, evse, connector) {
  const exact = fleet.tiles.get(key(name, evse, connector));
  if (exact) return exact;
  const there = (fleet.stations.get(name)?.tiles ?? []).filter((tile) => tile.evse === evse);
  return there.find((tile) => tile.status === "Occupied") ?? there[0];
}

function begin(fleet, [name, evse, connector, ref, started, startWh, energy, state]) {
  const tile = evse === null ? undefined : tileOf(fleet, name, evse, connector);
  if (!tile || (tile.charge && (tile.charge.started ?? 0) > (started ?? 0))) return undefined;
  tile.charge = { ref, started, startWh, energy, state };
  tile.power = tile.soc = null;
  return tile;
}

const running = (fleet, name, ref) => fleet.stations.get(name)?.tiles.find((tile) => tile.charge?.ref === ref);

// What an event changes: tiles; undefined: nothing; null: something that has to be loaded.
function apply(fleet, { type, station: name, timestamp, data }) {
  const station = fleet.stations.get(name);
  switch (type) {
    case "connector.status_changed":
      if (!station) return null;
      return [
        put(fleet, station, data.evse?.id ?? null, data.evse?.connector_id ?? null, {
          status: data.status,
          raw: data.raw_status,
          charging: null,
          error: data.error_code || data.info || "",
          doubt: "",
          heard: Date.parse(timestamp) / 1000,
        }),
      ];
    case "station.connected":
      return doubted(station, "disconnected", "");
    case "station.disconnected":
      return doubted(station, "", "disconnected");
    case "station.booted":
      return doubted(station, "", "restarted");
    case "station.removed":
      if (!station) return undefined;
      for (const tile of station.tiles) fleet.tiles.delete(tile.id);
      fleet.stations.delete(name);
      return station.tiles.map((tile) => Object.assign(tile, { gone: true }));
    case "station.renamed":
    case "replay.truncated":
      return null;
    case "transaction.started": {
      const started = Date.parse(data.started_at ?? timestamp) / 1000;
      const place = [data.evse?.id ?? null, data.evse?.connector_id ?? null];
      const tile = begin(fleet, [name, ...place, data.ref, started, data.meter_start_wh, null, null]);
      return tile && [tile];
    }
    case "transaction.updated": {
      const tile = running(fleet, name, data.ref);
      if (!tile) return undefined;
      tile.charge.state = data.charging_state ?? tile.charge.state;
      return [tile];
    }
    case "transaction.ended":
    case "transaction.closed": {
      const tile = running(fleet, name, data.ref);
      if (!tile) return undefined;
      return [Object.assign(tile, { charge: null, power: null, soc: null })];
    }
    case "energy.metered":
      return metered(fleet, name, data);
  }
  return undefined;
}

function doubted(station, before, now) {
  const touched = (station?.tiles ?? []).filter((tile) => tile.doubt === before);
  for (const tile of touched) tile.doubt = now;
  return touched;
}

function metered(fleet, name, { ref, evse, power_w, soc_percent, energy_wh }) {
  const tile = (ref && running(fleet, name, ref)) || (evse && tileOf(fleet, name, evse.id, evse.connector_id));
  if (!tile) return undefined;
  measure(tile, power_w, soc_percent, energy_wh);
  return [tile];
}

export function measure(tile, power, soc, register) {
  tile.power = power ?? tile.power;
  tile.soc = soc ?? tile.soc;
  const charge = tile.charge;
  if (charge && register !== null && register !== undefined && charge.startWh !== null) {
    charge.energy = register - charge.startWh;
  }
}

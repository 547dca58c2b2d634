// The map of sites. Without a tile server it shows the outline of countries that comes with us.
import L from "leaflet";
import { feature } from "topojson-client";
import world from "world-atlas/countries-110m.json";
import "leaflet/dist/leaflet.css";
import "./map.css";
import { Fleet, LOOKS, stateOf } from "./fleet.js";
import { flat } from "./outline.js";

const ORDER = ["bad", "warn", "busy", "good", ""];
const NEAR = 56; // pixels: sites closer than that are shown as one
const SVG = "http://www.w3.org/2000/svg";

const place = document.getElementById("map");
const words = place && JSON.parse(place.dataset.words);
const sites = place ? JSON.parse(place.dataset.sites) : [];
let counts = new Map();

function draw(name, attributes, inside = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

// How many connectors look how, as a ring, and their number in its middle.
function donut(tally, size) {
  const total = ORDER.reduce((sum, look) => sum + (tally[look] ?? 0), 0);
  const radius = size / 2 - 4;
  const around = 2 * Math.PI * radius;
  const parts = [draw("circle", { cx: size / 2, cy: size / 2, r: size / 2 - 0.5, class: "disc" })];
  let turned = 0;
  for (const look of ORDER) {
    const part = total ? (tally[look] ?? 0) / total : 0;
    if (!part) continue;
    parts.push(
      draw("circle", {
        cx: size / 2,
        cy: size / 2,
        r: radius,
        class: `arc ${look || "off"}`,
        "stroke-dasharray": `${part * around} ${around}`,
        "stroke-dashoffset": `${-turned * around}`,
        transform: `rotate(-90 ${size / 2} ${size / 2})`,
      }),
    );
    turned += part;
  }
  const text = draw("text", { x: size / 2, y: size / 2 }, [String(total)]);
  return draw("svg", { width: size, height: size, viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" }, [...parts, text]);
}

function told(tally) {
  const said = ORDER.filter((look) => tally[look]).map((look) => `${tally[look]} ${words[look || "off"]}`);
  return said.join(", ") || words.none;
}

function together(some) {
  const sum = {};
  for (const { id } of some) {
    for (const [look, count] of Object.entries(counts.get(id) ?? {})) sum[look] = (sum[look] ?? 0) + count;
  }
  return sum;
}

// Sites that are near each other at this zoom, as one.
function clusters(map) {
  const cells = new Map();
  for (const site of sites) {
    const point = map.project(site.at);
    const cell = `${Math.floor(point.x / NEAR)} ${Math.floor(point.y / NEAR)}`;
    if (cells.has(cell)) cells.get(cell).push(site);
    else cells.set(cell, [site]);
  }
  return [...cells.values()];
}

function marker(map, some) {
  const tally = together(some);
  const size = some.length > 1 ? 48 : 38;
  const middle = [0, 1].map((axis) => some.reduce((sum, { at }) => sum + at[axis], 0) / some.length);
  const names = some.slice(0, 3).map(({ id, name }) => name || id);
  const more = some.length > 3 ? `, +${some.length - 3}` : "";
  const title = `${names.join(", ")}${more}: ${told(tally)}`;
  const icon = L.divIcon({ className: "site", iconSize: [size, size], html: donut(tally, size) });
  const found = L.marker(middle, { icon, keyboard: true, alt: title });
  const label = document.createElement("span");
  label.textContent = title;
  found.bindTooltip(label, { direction: "top" });
  found.on("click keypress", ({ type, originalEvent }) => {
    if (type === "keypress" && originalEvent.key !== "Enter") return;
    const spread = map.getZoom() < map.getMaxZoom() && some.some(({ at }) => String(at) !== String(some[0].at));
    if (some.length > 1 && spread) map.fitBounds(L.latLngBounds(some.map(({ at }) => at)).pad(0.2), { maxZoom: 18 });
    else location.assign(`/fleet?site=${encodeURIComponent(some[0].id)}`);
  });
  found.on("add", () => {
    found.getElement().setAttribute("role", "link");
    found.getElement().setAttribute("aria-label", title);
  });
  return found;
}

function start() {
  const map = L.map(place, { worldCopyJump: true, maxZoom: place.dataset.tiles ? 19 : 14, minZoom: 2 });
  map.attributionControl.setPrefix(false);
  if (place.dataset.tiles) {
    const source = document.createElement("span");
    source.textContent = place.dataset.attribution;
    L.tileLayer(place.dataset.tiles, { maxZoom: 19, attribution: source.innerHTML }).addTo(map);
  } else {
    const outline = flat(feature(world, world.objects.countries));
    L.geoJSON(outline, { style: { className: "outline", weight: 0.7, color: "", fillOpacity: 1 }, interactive: false }).addTo(map);
  }
  if (sites.length) map.fitBounds(L.latLngBounds(sites.map(({ at }) => at)).pad(0.3), { maxZoom: place.dataset.tiles ? 14 : 7 });
  else map.setView([50, 10], 4);
  const layer = L.layerGroup().addTo(map);
  let due = 0;
  const show = () => {
    due = 0;
    if (layer.getLayers().some((each) => each.getElement() === document.activeElement)) return soon();
    layer.clearLayers();
    for (const some of clusters(map)) marker(map, some).addTo(layer);
  };
  const soon = () => {
    due ||= setTimeout(() => {
      count();
      show();
    }, 1000);
  };
  const line = document.getElementById("summary");
  const fleet = new Fleet({
    mayCharge: place.dataset.charges !== undefined,
    changed: soon,
    loaded(isWhole) {
      count();
      show();
      line.textContent = isWhole ? (fleet.isWhole ? "" : words.capped) : words.loading;
    },
    failed(why) {
      line.textContent = `${words.failed} ${why}`;
    },
  });
  function count() {
    counts = new Map();
    for (const tile of fleet.tiles.values()) {
      if (tile.evse === null) continue;
      const site = tile.station.site;
      const tally = counts.get(site) ?? {};
      const look = tile.doubt ? "" : LOOKS[stateOf(tile)][0];
      tally[look] = (tally[look] ?? 0) + 1;
      counts.set(site, tally);
    }
    for (const each of document.querySelectorAll("[data-site]")) {
      each.textContent = told(counts.get(each.dataset.site) ?? {});
    }
  }
  show();
  map.on("zoomend", show);
  fleet.load({});
  document.addEventListener("voltkeep:live", () => fleet.load({}));
}

if (place) start();

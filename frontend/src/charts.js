// Charts over time, drawn by uPlot. Loaded by pages that have some.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { headersOf } from "./page.js";
import { chosen } from "./times.js";

const AGAIN_MS = 5000;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// How times are written along the axis: uPlot has the hours of the United States.
const DAY = "{YYYY}-{MM}-{DD}";
const TICKS = [
  [86400 * 365, "{YYYY}", null, null, null, null, null, null, 1],
  [86400 * 28, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, DAY, null, null, null, null, null, null, 1],
  [60, "{HH}:{mm}", `\n${DAY}`, null, `\n${DAY}`, null, null, null, 1],
  [1, ":{ss}", `\n${DAY} {HH}:{mm}`, null, `\n${DAY} {HH}:{mm}`, null, "\n{HH}:{mm}", null, 1],
  [0.001, ":{ss}.{fff}", `\n${DAY} {HH}:{mm}`, null, `\n${DAY} {HH}:{mm}`, null, "\n{HH}:{mm}", null, 1],
];

function fits(patterns, type) {
  return patterns.split(",").some((each) => each === type || (each.endsWith(".*") && type.startsWith(each.slice(0, -1))));
}

// One place: <div data-chart="/address.json" data-height="220">, where the address says
// {series: [{label, unit, color, values, connected}], times}. data-empty is what stands there if there
// is nothing, data-failed if it was not loaded, data-label what it is for who does not see it;
// data-live="energy.metered,transaction.*" are the events that have it loaded again.
class Chart {
  constructor(place) {
    this.place = place;
    this.plot = null;
    this.units = "";
    this.said = null;
    this.words = JSON.parse(place.dataset.words || "{}");
    if (place.dataset.label) {
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", place.dataset.label);
    }
    new ResizeObserver(() => this.fit()).observe(place);
  }

  fit() {
    const width = this.place.clientWidth;
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: this.plot.height });
  }

  async load() {
    let said = null;
    try {
      const answer = await fetch(this.place.dataset.chart, { headers: { accept: "application/json", ...headersOf() } });
      if (answer.ok) said = await answer.json();
    } catch {
      // said below
    }
    if (said) this.show(said);
    else if (!this.plot) this.place.textContent = this.place.dataset.failed || "";
  }

  show(said) {
    this.said = said;
    if (!said.times.length) {
      this.clear();
      this.place.textContent = this.place.dataset.empty || "";
      return;
    }
    const data = [said.times, ...said.series.map((each) => each.values)];
    const units = said.series.map((each) => each.label + each.unit).join();
    if (this.plot && units === this.units) {
      this.plot.setData(data);
      return;
    }
    this.clear();
    this.units = units;
    this.plot = new uPlot(this.options(said), data, this.place);
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
    this.place.textContent = "";
  }

  again() {
    if (!this.said) return;
    this.clear();
    this.show(this.said);
  }

  // In the zone that people have chosen for all times; data-zone is that of the site.
  date(at) {
    const how = chosen();
    const zone = how === "utc" ? "Etc/UTC" : how === "site" ? this.place.dataset.zone : "";
    return zone ? uPlot.tzDate(new Date(at * 1000), zone) : new Date(at * 1000);
  }

  options({ series }) {
    const units = [...new Set(series.map((each) => each.unit))];
    const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    const isSmall = this.place.clientWidth < 480;
    return {
      width: this.place.clientWidth,
      height: Number(this.place.dataset.height || 220),
      cursor: { drag: { x: true, y: false } },
      scales: Object.fromEntries(units.map((unit) => [unit, { range: (_, low, high) => [Math.min(low ?? 0, 0), Math.max(high ?? 0, 0) * 1.05 || 1] }])),
      axes: [
        { ...axis, values: TICKS },
        ...units.map((unit, at) => ({
          ...axis,
          grid: at ? { show: false } : axis.grid,
          scale: unit,
          side: at ? 1 : 3,
          size: isSmall ? 60 : 64,
          values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`),
        })),
      ],
      tzDate: (at) => this.date(at),
      series: [
        { label: this.words.Time ?? "Time", value: `${DAY} {HH}:{mm}:{ss}` },
        ...series.map((each) => ({
          label: `${this.words[each.label] ?? each.label} (${each.unit})`,
          scale: each.unit,
          stroke: color(each.color),
          width: 2,
          spanGaps: each.connected ?? false,
        })),
      ],
    };
  }
}

const charts = [...document.querySelectorAll("[data-chart]")].map((place) => new Chart(place));
for (const each of charts) each.load();

document.addEventListener("voltkeep:event", ({ detail }) => {
  for (const each of charts) {
    if (each.due || !each.place.dataset.live || !fits(each.place.dataset.live, detail.type)) continue;
    each.due = true;
    setTimeout(() => {
      each.due = false;
      if (!document.hidden) each.load();
    }, AGAIN_MS);
  }
});

// The colours of the page and its times are drawn into the picture.
const redraw = () => charts.forEach((each) => each.again());
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-times]")) setTimeout(redraw);
});

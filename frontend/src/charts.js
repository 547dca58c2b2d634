// Charts over time, drawn by uPlot. Loaded by pages that have some.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const STYLES = getComputedStyle(document.documentElement);
const color = (name) => STYLES.getPropertyValue(name).trim();

// <div data-chart="/address.json" data-height="220">: {series: [{label, unit, color, values}], times}.
// With data-live="energy.metered" it is asked for again after such an event, at most every 5 s.
const AGAIN_MS = 5000;

async function load(place) {
  const answer = await fetch(place.dataset.chart, { headers: { accept: "application/json" } });
  return answer.ok ? answer.json() : null;
}

async function draw(place) {
  let found = await load(place);
  let plot = found && plotted(place, found);
  const live = place.dataset.live;
  let isDue = false;
  const again = async () => {
    isDue = false;
    const now = await load(place).catch(() => null);
    if (!now) return;
    if (plot && now.series.length === found.series.length) {
      plot.setData([now.times, ...now.series.map((each) => each.values)]);
    } else {
      plot?.destroy();
      place.replaceChildren();
      plot = plotted(place, now);
    }
    found = now;
  };
  document.addEventListener("voltkeep:event", ({ detail }) => {
    if (detail.type !== live || isDue) return;
    isDue = true;
    setTimeout(again, AGAIN_MS);
  });
}

function plotted(place, { times, series }) {
  if (!times.length) {
    place.textContent = place.dataset.empty || "";
    return null;
  }
  const units = [...new Set(series.map((each) => each.unit))];
  const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 } };
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: Number(place.dataset.height || 220),
      cursor: { drag: { x: true, y: false } },
      axes: [
        axis,
        ...units.map((unit, at) => ({
          ...axis,
          scale: unit,
          side: at ? 1 : 3,
          size: 64,
          values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`),
        })),
      ],
      series: [
        {},
        ...series.map((each) => ({
          label: each.label,
          scale: each.unit,
          stroke: color(each.color),
          width: 2,
          spanGaps: false,
        })),
      ],
    },
    [times, ...series.map((each) => each.values)],
    place,
  );
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: plot.height })).observe(place);
  return plot;
}

for (const place of document.querySelectorAll("[data-chart]")) draw(place);

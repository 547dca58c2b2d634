// Charts over time, drawn by uPlot. Loaded by pages that have some.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const STYLES = getComputedStyle(document.documentElement);
const color = (name) => STYLES.getPropertyValue(name).trim();

// <div data-chart="/address.json" data-height="220">: {series: [{label, unit, color, values}], times}.
async function draw(place) {
  const answer = await fetch(place.dataset.chart, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const { times, series } = await answer.json();
  if (!times.length) {
    place.textContent = place.dataset.empty || "";
    return;
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
}

for (const place of document.querySelectorAll("[data-chart]")) draw(place);

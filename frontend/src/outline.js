// Outlines for a flat map. Rings that cross the 180° meridian are cut there: drawn as they are, they
// would run back across the whole map.
const EDGE = 180;
const POLE = 89;

// The same ring without jumps: its longitudes go on beyond 180°. One around a pole is led along it.
function unrolled(ring) {
  let turns = 0;
  const points = ring.map(([x, y], index) => {
    const step = index ? x - ring[index - 1][0] : 0;
    if (Math.abs(step) > EDGE) turns -= Math.sign(step);
    return [x + turns * 2 * EDGE, y];
  });
  if (turns) {
    const [first, last] = [points[0], points.at(-1)];
    const pole = Math.sign(first[1]) * POLE;
    points.push([last[0], pole], [first[0], pole], first);
  }
  return points;
}

// What of a ring is on one side of a meridian.
function cut(ring, at, isInside) {
  const found = [];
  ring.forEach(([x, y], index) => {
    const [x0, y0] = ring[(index || ring.length) - 1];
    if (index && isInside(x) !== isInside(x0)) found.push([at, y0 + ((y - y0) * (at - x0)) / (x - x0)]);
    if (isInside(x)) found.push([x, y]);
  });
  if (found.length) found.push(found[0]);
  return found;
}

// The pieces of a polygon that are within the map, each shifted to where it is.
function pieces(polygon) {
  const rings = polygon.map(unrolled);
  return [-1, 0, 1].map((turn) => {
    const [low, high] = [(turn * 2 - 1) * EDGE, (turn * 2 + 1) * EDGE];
    return rings
      .map((ring) => cut(cut(ring, low, (x) => x >= low), high, (x) => x <= high))
      .filter((ring) => ring.length > 3)
      .map((ring) => ring.map(([x, y]) => [x - turn * 2 * EDGE, y]));
  }).filter((rings) => rings.length);
}

export function flat({ features }) {
  return {
    type: "MultiPolygon",
    coordinates: features.flatMap(({ geometry: { type, coordinates } }) => (type === "Polygon" ? [coordinates] : coordinates).flatMap(pieces)),
  };
}

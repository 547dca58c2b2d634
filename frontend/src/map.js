// The map of sites. Without a tile server it shows the outline of countries that comes with us.
import L from "leaflet";
import { feature } from "topojson-client";
import world from "world-atlas/countries-110m.json";
import "leaflet/dist/leaflet.css";

const place = document.getElementById("map");
if (place) {
  const map = L.map(place, { worldCopyJump: true, attributionControl: Boolean(place.dataset.tiles) });
  if (place.dataset.tiles) L.tileLayer(place.dataset.tiles, { maxZoom: 19 }).addTo(map);
  else {
    const outline = feature(world, world.objects.countries);
    L.geoJSON(outline, { className: "outline", interactive: false }).addTo(map);
  }
  map.setView([50, 10], 4);
}

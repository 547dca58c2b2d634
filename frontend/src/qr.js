// A QR code, drawn from what the server makes of a text: a path for an SVG.
import { ask } from "./forms.js";

const SVG = "http://www.w3.org/2000/svg";

export async function drawQr(place, text) {
  place.replaceChildren();
  const { ok, said } = await ask("POST", "/qr", { text });
  if (!ok) return;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${said.size} ${said.size}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", place.dataset.label || "QR");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", said.path);
  svg.append(path);
  place.append(svg);
}

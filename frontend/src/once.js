// What is told once. [data-from="key.name"] inside `place` shows that of an answer, and [data-qr] a QR
// code of its text, in which {name} stands for more of the answer.
import { drawQr } from "./qr.js";

function found(said, path) {
  const value = path.split(".").reduce((inside, name) => inside?.[name], said);
  return Array.isArray(value) ? value.join("\n") : (value ?? "");
}

export function showOnce(place, said) {
  for (const each of place.querySelectorAll("[data-from]")) {
    each.textContent = found(said, each.dataset.from);
  }
  for (const each of place.querySelectorAll("[data-qr]")) {
    drawQr(each, each.dataset.qr.replace(/\{([\w.]+)\}/g, (_, path) => found(said, path)));
  }
  place.hidden = false;
  if (place.tagName === "DIALOG") place.showModal();
  else place.querySelector("[tabindex]")?.focus();
}

// A file that is sent as it is, with its progress: <form data-upload="/api/v1/…/{image}/content">. The
// name of the field `image` stands in the address, and that of the file in its query.
import { over } from "./live.js";
import { headersOf } from "./page.js";

const under_way = new WeakMap();

function size(octets) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(octets, 1)) / 3));
  return `${(octets / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

function show(form, loaded, total) {
  const line = form.querySelector("[data-sent]");
  form.querySelector("progress").value = total ? loaded / total : 0;
  const percent = total ? Math.floor((100 * loaded) / total) : 0;
  const text = loaded < total ? line.dataset.sent : line.dataset.checked;
  const now = text.replace("{percent}", percent).replace("{size}", size(total));
  if (line.textContent !== now) line.textContent = now;
}

function reason(request) {
  try {
    const said = JSON.parse(request.responseText);
    return said.errors?.map((each) => each.problem).join("; ") || said.detail || said.title;
  } catch {
    return "";
  }
}

function ended(form) {
  form.removeAttribute("aria-busy");
  form.querySelector("button.primary").disabled = false;
  under_way.delete(form);
}

function failed(form, words) {
  ended(form);
  form.querySelector("progress").value = 0;
  form.querySelector("[data-sent]").textContent = "\u00a0";
  form.querySelector(".problem:not([data-for])").textContent = words || form.dataset.failed;
}

function send(form) {
  const file = form.elements.file.files[0];
  const image = encodeURIComponent(form.elements.image.value.trim());
  const query = new URLSearchParams({ filename: file.name });
  const request = new XMLHttpRequest();
  under_way.set(form, request);
  request.open("PUT", `${form.dataset.upload.replace("{image}", image)}?${query}`);
  request.setRequestHeader("accept", "application/json");
  request.setRequestHeader("content-type", "application/octet-stream");
  for (const [name, value] of Object.entries(headersOf())) request.setRequestHeader(name, value);
  request.upload.onprogress = ({ loaded, total }) => show(form, loaded, total);
  request.onload = () => {
    if (request.status === 401) over();
    if (request.status < 300) location.reload();
    else failed(form, reason(request));
  };
  request.onerror = () => failed(form);
  request.onabort = () => failed(form, " ");
  for (const each of form.querySelectorAll(".problem")) each.textContent = "";
  form.setAttribute("aria-busy", "true");
  form.querySelector("button.primary").disabled = true;
  show(form, 0, file.size);
  request.send(file);
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form) return;
  event.preventDefault();
  if (!under_way.has(form)) send(form);
});
document.addEventListener("click", ({ target }) => {
  const form = target.closest("[data-abort]")?.form;
  if (form) under_way.get(form)?.abort();
});
// A file is called as it was named, until somebody says otherwise.
document.addEventListener("change", ({ target }) => {
  const name = target.dataset?.names && document.getElementById(target.dataset.names);
  if (!name || name.value || !target.files?.[0]) return;
  name.value = target.files[0].name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._+-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 64);
});

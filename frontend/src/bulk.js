// Ask many stations for the same: which were selected, which fit, and their number typed again.
import { ask } from "./forms.js";

const MOST_NAMED = 200; // in an address
const picked = new Set();
const dialog = document.getElementById("ask");
const form = document.getElementById("ask-form");
const by = (id) => document.getElementById(id);

const said = (text, values) => text.replace(/\{(\w)\}/g, (_, name) => values[name] ?? "");

function mark() {
  const boxes = [...document.querySelectorAll("[data-pick]")];
  for (const box of boxes) box.checked = picked.has(box.dataset.pick);
  const all = document.querySelector("[data-pick-all]");
  if (all) {
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
    all.indeterminate = !all.checked && boxes.some((box) => box.checked);
  }
  const button = by("ask-picked");
  if (!button) return;
  button.disabled = picked.size === 0;
  button.textContent = picked.size ? said(button.dataset.some, { n: picked.size }) : button.dataset.none;
}

function pick(box) {
  if (!box.checked) picked.delete(box.dataset.pick);
  else if (picked.size < MOST_NAMED) picked.add(box.dataset.pick);
}

function choose() {
  const chosen = form.elements["ask.command"].value;
  for (const each of form.querySelectorAll("[data-of]")) {
    each.disabled = each.hidden = each.dataset.of !== chosen;
  }
}

function waits() {
  const hours = Number(by("ask-wait-for").value);
  form.elements.queue_until.value = hours ? new Date(Date.now() + hours * 3600_000).toISOString() : "";
}

function list(stations, total) {
  const items = stations.slice(0, 200).map(([name, connected, site]) => {
    const item = document.createElement("li");
    item.textContent = [name, site, connected ? "" : form.dataset.awayNow].filter(Boolean).join(" · ");
    return item;
  });
  if (total > items.length) {
    const more = document.createElement("li");
    more.textContent = said(form.dataset.beyond, { n: total - items.length });
    items.push(more);
  }
  by("ask-which").replaceChildren(...items);
}

function told({ total, connected, passive, stations, which }) {
  const text = form.dataset;
  const parts = [said(total === 1 ? `${text.one} ${stations[0][0]}` : text.count, { n: total, c: connected })];
  if (!total) parts.splice(0, 1, text.nobody);
  if (passive) parts.push(said(text.passive, { n: passive }));
  if (!which) parts.splice(0, 1, said(text.many, { n: total }));
  by("ask-count").textContent = parts.join(" ");
  list(stations, total);
  form.elements.which.value = which ? JSON.stringify(which) : "";
  const number = by("ask-number");
  number.value = "";
  number.dataset.confirm = String(total);
  by("ask-number-label").textContent = said(text.typeNumber, { n: total });
  by("ask-what").hidden = !which || !total;
  by("ask-go").disabled = true;
  by("ask-go").hidden = !which || !total;
}

async function open(query) {
  const wait = by("ask-wait");
  wait.textContent = wait.dataset.words ??= wait.textContent;
  form.hidden = true;
  wait.hidden = by("ask-failed").hidden = false;
  for (const each of form.querySelectorAll(".problem")) each.textContent = "";
  dialog.showModal();
  try {
    const answer = await ask("GET", `/bulk/fitting.json?${query}`);
    if (!answer.ok) throw new Error(answer.said?.detail || answer.said?.title || String(answer.status));
    told(answer.said);
    choose();
    form.hidden = false;
    wait.hidden = by("ask-failed").hidden = true;
  } catch (error) {
    wait.textContent = String(error.message);
  }
}

function named() {
  const query = new URLSearchParams();
  for (const name of picked) query.append("station", name);
  return query;
}

function filters() {
  const query = new URLSearchParams(location.search);
  for (const name of ["sort", "cursor"]) query.delete(name);
  return query;
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-pick]")) pick(target);
  else if (target.matches("[data-pick-all]")) {
    for (const box of document.querySelectorAll("[data-pick]")) {
      box.checked = target.checked;
      pick(box);
    }
  } else return;
  mark();
});
document.addEventListener("htmx:afterSwap", mark);
by("ask-picked")?.addEventListener("click", () => open(named()));
by("ask-all")?.addEventListener("click", () => open(filters()));
form.elements["ask.command"].addEventListener("change", choose);
// Before the form is sent: how long to wait counts from now.
form.addEventListener("submit", waits);
mark();

// The search at the top: stations whose ids begin so, as one types. Down and up choose, Enter goes.
import { ask } from "./forms.js";

const MOST = 8;

export function startSearch() {
  const input = document.querySelector("[data-search]");
  const list = document.getElementById("found");
  if (!input || !list) return;
  let due = 0;
  let asked = 0;
  let at = -1;

  function close() {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(next) {
    const items = [...list.children].filter((each) => each.dataset.station !== undefined);
    if (!items.length) return;
    at = (next + items.length) % items.length;
    items.forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
    input.setAttribute("aria-activedescendant", items[at].id);
    items[at].scrollIntoView({ block: "nearest" });
  }

  function go(station) {
    location.assign(`/stations/${encodeURIComponent(station)}`);
  }

  function show(stations) {
    const items = stations.map(({ id, site, connected }, number) => {
      const item = document.createElement("li");
      item.id = `found-${number}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.dataset.station = id;
      const name = document.createElement("strong");
      name.textContent = id;
      const more = document.createElement("span");
      more.className = "dim";
      more.textContent = [site, connected ? list.dataset.here : list.dataset.gone].filter(Boolean).join(" · ");
      item.append(name, " ", more);
      return item;
    });
    if (!items.length) {
      const item = document.createElement("li");
      item.className = "dim";
      item.textContent = list.dataset.none;
      items.push(item);
    }
    list.replaceChildren(...items);
    at = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  async function look() {
    const prefix = input.value.trim();
    const mine = ++asked;
    if (!prefix) return close();
    const query = new URLSearchParams({ prefix, limit: MOST });
    try {
      const { ok, said } = await ask("GET", `/api/v1/stations?${query}`);
      if (ok && mine === asked && document.activeElement === input) show(said.items);
    } catch {
      close(); // Enter still searches
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(due);
    due = setTimeout(look, 150);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      asked++;
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? at + 1 : at < 0 ? -1 : at - 1);
    } else if (event.key === "Enter" && at >= 0 && !list.hidden) {
      event.preventDefault();
      go(document.getElementById(input.getAttribute("aria-activedescendant")).dataset.station);
    }
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
  list.addEventListener("click", ({ target }) => {
    const station = target.closest("[data-station]")?.dataset.station;
    if (station !== undefined) go(station);
  });
  input.addEventListener("blur", () => {
    clearTimeout(due);
    asked++;
    close();
  });
}

// Views that somebody keeps in this browser: a name, and what stands in the address.
const KEY = "voltkeep-views";

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return found.filter(({ name, query }) => typeof name === "string" && typeof query === "string");
  } catch {
    return [];
  }
}

export function startViews(place) {
  const list = place.querySelector("[data-views]");
  const dialog = document.getElementById("keep");
  const words = place.dataset;

  function keep(views) {
    localStorage.setItem(KEY, JSON.stringify(views));
    show();
  }

  function show() {
    list.replaceChildren(
      ...kept().map(({ name, query }) => {
        const group = document.createElement("span");
        group.className = "group";
        const link = document.createElement("a");
        link.className = "button";
        link.href = `${location.pathname}${query}`;
        link.textContent = name;
        if (query === location.search) link.setAttribute("aria-current", "true");
        const remove = document.createElement("button");
        remove.type = "button";
        remove.textContent = "×";
        remove.setAttribute("aria-label", `${words.remove}: ${name}`);
        remove.addEventListener("click", () => {
          keep(kept().filter((each) => each.name !== name));
          place.querySelector("[data-open]").focus();
        });
        group.append(link, remove);
        return group;
      }),
    );
  }

  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.elements.view;
    const name = field.value.trim();
    if (!name) return;
    keep([...kept().filter((each) => each.name !== name), { name, query: location.search }]);
    field.value = "";
    dialog.close();
  });
  document.addEventListener("voltkeep:narrowed", show);
  show();
}

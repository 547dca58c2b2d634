// Whatever takes more than a second says so: pages that load, parts of them, and what forms send.
const AFTER_MS = 1000;
const GIVEN_UP_MS = 30000; // a page that was left and did not go, as for a file that was saved

let under = 0;
let timer = 0;

function show(isOn) {
  const line = document.getElementById("working");
  if (line) line.textContent = isOn ? line.dataset.text : "";
}

// Something begins. Call what is returned once it is over.
export function begin() {
  if (!under++) timer = setTimeout(show, AFTER_MS, true);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--under) return;
    clearTimeout(timer);
    show(false);
  };
}

export function startProgress() {
  const ends = new WeakMap();
  document.addEventListener("htmx:beforeSend", ({ detail }) => ends.set(detail.xhr, begin()));
  document.addEventListener("htmx:afterRequest", ({ detail }) => ends.get(detail.xhr)?.());
  let isFile = false;
  document.addEventListener("click", ({ target }) => {
    isFile = Boolean(target.closest?.("a[download]"));
  });
  addEventListener("beforeunload", () => {
    if (isFile) return;
    const end = begin();
    setTimeout(end, GIVEN_UP_MS);
    addEventListener("pagehide", end, { once: true });
  });
}

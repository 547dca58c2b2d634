// Light or dark, as the machine says or a person has chosen; and the menu on a phone.
const KEY = "voltkeep-theme";
const FRAMES = { light: "#ffffff", dark: "#171e26" }; // what a browser draws around a page: --paper

function apply(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const each of document.querySelectorAll('meta[name="theme-color"]')) {
    each.content = FRAMES[theme] ?? FRAMES[each.media.includes("dark") ? "dark" : "light"];
  }
  for (const each of document.querySelectorAll("[data-theme-choice]")) {
    each.setAttribute("aria-pressed", String(each.dataset.themeChoice === (theme || "auto")));
  }
}

export function startLook() {
  apply(localStorage.getItem(KEY));
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (choice) {
      if (choice === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
      apply(localStorage.getItem(KEY));
    }
    const menu = event.target.closest("[data-menu]");
    if (menu) {
      const nav = document.getElementById("nav");
      menu.setAttribute("aria-expanded", String(nav.classList.toggle("open")));
    }
  });
}

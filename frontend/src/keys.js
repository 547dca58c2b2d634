// Keys: / to search, ? for help, and g with a letter to go somewhere: [data-key="g s"].
let first = "";

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "?") {
      document.getElementById("help")?.showModal();
    } else {
      const typed = first ? `${first} ${event.key}` : event.key;
      const goal = document.querySelector(`[data-key="${CSS.escape(typed)}"]`);
      first = event.key === "g" && !first ? "g" : "";
      if (goal) {
        event.preventDefault();
        goal.click();
      }
    }
  });
}

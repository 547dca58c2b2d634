// Dialogs: <button data-open="ID"> opens one, and inside it [data-close] closes it. Where a form
// has an input with data-confirm="NAME", its button works only once that name was typed.
function check(input) {
  const button = input.form?.querySelector("button[type=submit], button:not([type])");
  if (button) button.disabled = input.value !== input.dataset.confirm;
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.open);
      for (const each of dialog.querySelectorAll("[data-confirm]")) {
        each.value = "";
        check(each);
      }
      dialog.showModal();
    }
    event.target.closest("[data-close]")?.closest("dialog")?.close();
  });
  document.addEventListener("input", ({ target }) => {
    if (target.dataset?.confirm !== undefined) check(target);
  });
}

// Say something that needs no answer. `kind`: good or bad.
export function say(text, kind = "good") {
  const box = document.getElementById("said");
  const line = document.createElement("p");
  line.className = `said ${kind}`;
  line.textContent = text;
  box.append(line);
  setTimeout(() => line.remove(), kind === "bad" ? 12000 : 5000);
}

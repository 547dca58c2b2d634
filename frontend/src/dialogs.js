// Dialogs: <button data-open="ID"> opens one, and inside it [data-close] closes it. Where a form
// has an input with data-confirm="NAME", its button works only once that name was typed. An opener with
// data-fill='{"name": "value"}' fills fields and outputs of the dialog, by name or id; with
// data-confirm-as=NAME that is the name to type.
function check(input) {
  const button = input.form?.querySelector("button[type=submit], button:not([type])");
  if (button) button.disabled = input.value !== input.dataset.confirm;
}

function fill(opener, form) {
  for (const [name, value] of Object.entries(JSON.parse(opener.dataset.fill))) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
  const confirm = form.querySelector("[data-confirm]");
  if (confirm && opener.dataset.confirmAs !== undefined) confirm.dataset.confirm = opener.dataset.confirmAs;
}

// Show a dialog, with nothing confirmed yet.
export function openDialog(dialog) {
  for (const each of dialog.querySelectorAll("[data-confirm]")) {
    each.value = "";
    check(each);
  }
  dialog.showModal();
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.open);
      if (opener.dataset.fill) fill(opener, dialog.querySelector("form"));
      openDialog(dialog);
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

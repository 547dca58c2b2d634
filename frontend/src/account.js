// What people do with their own account, and what is told once: the first administrator, the second
// factor, recovery codes, keys. A form with data-once="ID" shows that element, and what was answered
// in it, when it is done.
import { say } from "./dialogs.js";
import { showOnce } from "./once.js";

// A password that nobody chose: 5 groups of 4, without what is easily taken for something else.
function generated() {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const numbers = crypto.getRandomValues(new Uint32Array(20));
  const all = [...numbers].map((each) => letters[each % letters.length]).join("");
  return all.match(/.{4}/g).join("-");
}

function saved(name, text) {
  const link = document.createElement("a");
  link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;
  link.download = name;
  link.click();
}

async function copied(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
    if (button.dataset.say) say(button.dataset.say);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
}

function clicked({ target }) {
  const copy = target.closest("[data-copy]");
  if (copy) copied(copy);
  const save = target.closest("[data-save]");
  if (save) saved(save.dataset.name || "voltkeep.txt", document.getElementById(save.dataset.save).textContent);
  const make = target.closest("[data-generate]");
  if (make) {
    const field = document.getElementById(make.dataset.generate);
    field.value = generated();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.select();
  }
  if (target.closest("[data-reload]")) location.reload();
}

// Two fields that must be alike: the second has data-again="ID of the first", and data-differ=words.
function alike(form) {
  for (const each of form.querySelectorAll("[data-again]")) {
    const first = document.getElementById(each.dataset.again);
    each.setCustomValidity(first.value === each.value ? "" : each.dataset.differ);
  }
}

// The second factor is asked for once the server wants it; what was typed stays.
function refused(event) {
  const place = document.getElementById("code-field");
  if (!place || !event.detail.said?.type?.endsWith(":code-needed")) return;
  event.preventDefault();
  for (const each of event.target.querySelectorAll(".problem")) each.textContent = "";
  place.hidden = false;
  const field = place.querySelector("input");
  field.disabled = false;
  field.required = true;
  field.focus();
}

// The token of a setup link stands behind the #, and goes nowhere but to the API.
function startSetup() {
  const form = document.getElementById("setup-form");
  const token = location.hash.slice(1);
  if (!form || !token) return;
  form.elements.token.value = token;
  document.getElementById("setup").hidden = false;
  document.getElementById("no-link").hidden = true;
  form.elements.name.focus();
  form.addEventListener("voltkeep:done", () => history.replaceState(null, "", "/setup"));
}

document.addEventListener("click", clicked);
document.addEventListener("input", ({ target }) => target.form && alike(target.form));
document.addEventListener("voltkeep:problem", refused);
document.addEventListener("voltkeep:done", ({ target, detail }) => {
  const place = target.dataset?.once && document.getElementById(target.dataset.once);
  if (place) showOnce(place, detail);
});
addEventListener("hashchange", startSetup);
startSetup();

// The message inspector: follows the log, and copies what it shows.
import { say } from "./dialogs.js";
import { startInstants } from "./instants.js";
import { over } from "./live.js";
import { headersOf } from "./page.js";

const EVERY_MS = 2000;
const MOST_ROWS = 500;

startInstants();

// --- copies ---------------------------------------------------------------------------------------

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(button.dataset.copy, { headers: headersOf() });
    if (answer.status === 401) over();
    if (!answer.ok) throw new Error(String(answer.status));
    await copy(await answer.text());
    say(button.dataset.copied);
  } catch {
    const words = document.getElementById("message-words");
    say(words.content.querySelector("[data-word=failed]").textContent, "bad");
  } finally {
    button.removeAttribute("aria-busy");
  }
});

// A browser that is not sure of the server (plain HTTP from elsewhere) has no clipboard to write to.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error("not copied");
}

// --- follow ---------------------------------------------------------------------------------------

const button = document.querySelector("[data-follow]");
const address = new URL(location.href);
let timer = 0;

async function look() {
  if (document.hidden) return;
  const wanted = new URL(address);
  wanted.searchParams.delete("follow");
  let answer;
  try {
    answer = await fetch(wanted, { headers: { accept: "text/html", "hx-request": "true", ...headersOf() } });
  } catch {
    return; // the next look tells
  }
  if (answer.status === 401) {
    follow(false);
    over();
    return;
  }
  if (!answer.ok) return;
  const read = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = document.querySelector("[data-messages-list]");
  const latest = Math.max(0, ...[...list.children].map((each) => Number(each.dataset.message)));
  const rows = [...read.querySelectorAll("[data-messages-list] > li")];
  const fresh = rows.filter((each) => Number(each.dataset.message) > latest);
  if (!fresh.length) return;
  if (latest && fresh.length === rows.length) document.querySelector("[data-gap]").hidden = false;
  document.querySelector("#list > .empty")?.remove();
  for (const each of fresh) each.classList.add("fresh");
  list.prepend(...fresh.map((each) => document.adoptNode(each)));
  while (list.children.length > MOST_ROWS) list.lastElementChild.remove();
  list.dispatchEvent(new CustomEvent("voltkeep:shown", { bubbles: true }));
}

function follow(isOn) {
  clearInterval(timer);
  button.setAttribute("aria-pressed", String(isOn));
  if (isOn) timer = setInterval(look, EVERY_MS);
  if (isOn) address.searchParams.set("follow", "1");
  else address.searchParams.delete("follow");
  history.replaceState(null, "", address);
  if (isOn) look();
}

if (button) {
  button.addEventListener("click", () => {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    follow(isOn);
    say(isOn ? button.dataset.on : button.dataset.off);
  });
  if (address.searchParams.has("follow")) follow(true);
}

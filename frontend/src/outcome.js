// What became of a command: followed until it is over, and told in the words of the page.
import { say } from "./dialogs.js";
import { ask } from "./forms.js";

const OPEN = ["pending", "queued", "running"];
const WAIT_S = 20;
const AGAIN_MS = 3000;

// The texts that a page has for its scripts: <template id=ID><span data-word="x">text</span>.
export function texts(id) {
  const found = {};
  const template = document.getElementById(id);
  for (const each of template?.content.querySelectorAll("[data-word]") ?? []) {
    found[each.dataset.word] = each.textContent.trim();
  }
  return found;
}

const WORDS = texts("outcome-words");

export const isOpen = (command) => OPEN.includes(command.state);
export const wordOf = (command) => WORDS[command.result ?? command.state] ?? command.result ?? command.state;

// Its colour and its sign, as the lists of commands have them.
export function badgeOf(command) {
  const word = command.result ?? command.state;
  const known = document.getElementById("outcome-words").content.querySelector(`[data-word="${CSS.escape(word)}"]`);
  return { look: known?.dataset.look ?? "", sign: known?.dataset.sign ?? "○" };
}

// Tell each change of a command until it is over. A server that is away is asked again.
export async function follow(command, changed, isWanted = () => true) {
  changed(command);
  while (isOpen(command) && isWanted()) {
    try {
      const address = `/api/v1/commands/${encodeURIComponent(command.id)}?wait=${WAIT_S}`;
      const { ok, status, said } = await ask("GET", address);
      if (ok) {
        command = said;
        changed(command);
      } else if (status < 500 && status !== 429) return;
      else await new Promise((done) => setTimeout(done, AGAIN_MS));
    } catch {
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

// A button's command: it is said how it went, and what to do.
export function tell(text, command) {
  follow(
    command,
    (now) => {
      if (now.state === "running") return;
      const more = [now.status, now.error, now.warning, now.advice].filter(Boolean);
      const words = `${text}: ${wordOf(now)}${more.length ? ` – ${more.join(" – ")}` : ""}`;
      say(words, now.result === "accepted" || isOpen(now) ? "good" : "bad");
    },
  );
}

// Commands. A form with data-command asks a station for something: what becomes of it is told. And the
// page that makes a form of every command's schema, with JSON that is kept in step.
import { openDialog } from "./dialogs.js";
import { ask } from "./forms.js";
import { badgeOf, follow, tell, texts, wordOf } from "./outcome.js";
import { Forms, plain } from "./schema.js";

const EXACT = "AnyMessage";
const LISTS = { transaction: "its-transactions", "evse.id": "its-evses", "id_token.value": "its-tokens" };

// --- buttons and dialogs ----------------------------------------------------------------------

document.addEventListener("voltkeep:done", ({ target, detail }) => {
  const form = target.closest?.("form[data-command]");
  if (form && detail?.state) tell(form.dataset.command, detail);
});

// The one value of a variable that is written: the API takes a list.
document.addEventListener(
  "submit",
  ({ target }) => {
    const list = target.querySelector?.("[data-one-value]");
    if (!list) return;
    const [variable, value] = ["edit-variable", "edit-value"].map((id) => target.querySelector(`#${id}`).value);
    list.value = JSON.stringify([{ variable, value }]);
  },
  true,
);

// A key is shown once.
document.addEventListener("voltkeep:key", ({ detail }) => {
  for (const each of document.querySelectorAll("[data-key-shown]")) each.hidden = false;
  document.querySelector("[data-key-value]").textContent = detail.key;
  document.querySelector("[data-key-address]").textContent = detail.address;
});

// --- the page of commands ---------------------------------------------------------------------

class CommandPage {
  constructor(root, definitions) {
    this.root = root;
    this.definitions = definitions;
    this.words = texts("ask-words");
    this.forms = new Forms(definitions, this.words, () => this.fromForm(), LISTS);
    this.part = (name) => root.querySelector(`[data-${name}]`);
    this.choice = this.part("ask");
    this.json = this.part("json");
    this.shown = 0;
    this.choice.addEventListener("change", () => this.choose(this.choice.value));
    this.json.addEventListener("input", () => this.fromJson());
    this.part("ask-form").addEventListener("submit", (event) => this.submit(event));
    document.addEventListener("click", ({ target }) => {
      const id = target.closest("[data-show]")?.dataset.show;
      if (id) this.look(id);
    });
    const preset = this.part("ask-form").dataset.preset;
    this.choose(this.choice.value);
    if (preset) {
      this.json.value = preset;
      this.fromJson();
      if (!this.part("json-problem").textContent) this.fromForm();
    }
  }

  choose(name) {
    const schema = this.definitions[name];
    this.choice.value = name;
    this.part("about").textContent = plain(schema.description);
    this.control = this.forms.group(this.forms.resolved(schema), name, true, true);
    this.control.mark("");
    this.part("ask-fields").replaceChildren(this.control.element);
    this.problem();
    this.fromForm();
  }

  problem(text = "") {
    this.part("ask-problem").textContent = text;
    for (const each of this.part("ask-fields").querySelectorAll(".problem")) each.textContent = "";
  }

  fromForm() {
    try {
      const said = this.control.read();
      const name = this.choice.value;
      const whole = name === EXACT ? { action: "", payload: {}, ...said } : { command: name, ...said };
      this.json.value = JSON.stringify(whole, null, 2);
      this.part("json-problem").textContent = "";
      this.part("ask-problem").textContent = "";
    } catch (error) {
      this.part("ask-problem").textContent = error.message;
    }
  }

  fromJson() {
    const said = this.parsed();
    if (!said) return;
    const name = this.named(said);
    const text = this.json.value;
    if (name !== this.choice.value) this.choose(name);
    const { command, ...rest } = said;
    this.control.write(rest);
    this.json.value = text;
  }

  named(said) {
    if (said.command === undefined) return said.action === undefined ? undefined : EXACT;
    return said.command === "RawMessage" ? EXACT : said.command;
  }

  // What the JSON says, if that is a command which may be given.
  parsed() {
    const problem = this.part("json-problem");
    problem.textContent = "";
    try {
      const said = JSON.parse(this.json.value);
      if (!said || typeof said !== "object" || Array.isArray(said)) problem.textContent = this.words.object;
      else if (this.named(said) === undefined) problem.textContent = this.words.nameless;
      else if (!this.option(this.named(said))) problem.textContent = this.words.unknown;
      else return said;
    } catch {
      problem.textContent = this.words.json;
    }
    return null;
  }

  option(name) {
    return [...this.choice.options].find((each) => each.value === name && this.definitions[name]);
  }

  submit(event) {
    event.preventDefault();
    const body = this.parsed();
    if (!body) return;
    const option = this.option(this.named(body));
    if (option.dataset.weighty === undefined) {
      this.send(body);
      return;
    }
    const dialog = document.getElementById("be-sure");
    dialog.querySelector("h2").textContent = option.textContent;
    dialog.querySelector("form").onsubmit = (sure) => {
      sure.preventDefault();
      dialog.close();
      this.send(body);
    };
    openDialog(dialog);
  }

  async send(said) {
    const form = this.part("ask-form");
    if (form.getAttribute("aria-busy") === "true") return;
    const { command, ...message } = said;
    const body = this.named(said) === EXACT ? message : said;
    this.problem();
    form.setAttribute("aria-busy", "true");
    try {
      const { ok, said } = await ask("POST", this.address(), body, { "idempotency-key": unique() });
      if (ok) this.follow(said);
      else this.refused(said);
    } catch {
      this.problem(this.words.away);
    } finally {
      form.removeAttribute("aria-busy");
    }
  }

  address() {
    const query = new URLSearchParams();
    const until = this.part("queue-until").value;
    const timeout = this.part("timeout").value;
    if (until) query.set("queue_until", new Date(until).toISOString());
    if (timeout) query.set("timeout_s", timeout);
    return `/api/v1/stations/${encodeURIComponent(this.root.dataset.station)}/commands?${query}`;
  }

  refused(said) {
    const left = [];
    for (const each of said?.errors ?? []) {
      const place = this.part("ask-fields").querySelector(`.problem[data-for="${CSS.escape(each.field)}"]`);
      if (place) place.textContent = each.problem;
      else left.push(`${each.field}: ${each.problem}`);
    }
    if (left.length || !said?.errors?.length) {
      this.part("ask-problem").textContent = left.join("; ") || said?.detail || said?.title || "";
    }
  }

  async look(id) {
    const { ok, said } = await ask("GET", `/api/v1/commands/${encodeURIComponent(id)}`);
    if (!ok) return;
    this.follow(said);
    this.part("outcome").scrollIntoView({ block: "nearest" });
  }

  follow(command) {
    const mine = ++this.shown;
    follow(command, (now) => mine === this.shown && this.show(now), () => mine === this.shown);
  }

  show(command) {
    const place = this.part("outcome");
    const { look, sign } = badgeOf(command);
    const badge = make("span", `badge ${look}`, `${sign} ${wordOf(command)}`);
    const head = make("h2", "", `${command.command} `);
    head.append(badge);
    const facts = make("dl", "facts");
    const told = command.told === null ? "" : JSON.stringify(command.told, null, 2);
    const rows = { status: command.status, error: command.error, warning: command.warning, advice: command.advice };
    for (const [name, text] of Object.entries(rows)) {
      if (text) facts.append(make("dt", "", this.words[name]), make("dd", "", text));
    }
    place.replaceChildren(head, facts);
    if (told) place.append(make("h3", "", this.words.told), make("pre", "", told));
    for (const each of command.messages) place.append(...this.message(each));
    const again = make("button", "", this.words.again);
    again.type = "button";
    again.addEventListener("click", () => {
      this.json.value = JSON.stringify(command.ask, null, 2);
      this.fromJson();
    });
    place.append(again);
  }

  message({ action, request, response, latency_ms, result }) {
    const took = latency_ms === null ? "" : ` (${Math.round(latency_ms)} ms)`;
    return [
      make("h3", "", `${action}: ${this.words.sent}`),
      make("pre", "", JSON.stringify(request, null, 2)),
      make("h3", "", `${this.words.answered}${took}${result === "ok" ? "" : `: ${result}`}`),
      make("pre", "", response === null ? "–" : JSON.stringify(response, null, 2)),
    ];
  }
}

function make(name, look, text = "") {
  const made = document.createElement(name);
  if (look) made.className = look;
  made.textContent = text;
  return made;
}

function unique() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
}

const root = document.getElementById("command");
if (root) {
  const { ok, said } = await ask("GET", root.dataset.forms);
  if (ok) new CommandPage(root, said);
}

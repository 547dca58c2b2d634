// Files that are taken in: a form#give sends the file that was chosen, shows how far it is, and what
// became of it, which /imports/{id} says. After a dry run the same file can be taken in with a click.
import { say } from "./dialogs.js";
import { startInstants } from "./instants.js";
import { over } from "./live.js";
import { headersOf } from "./page.js";

const AGAIN_MS = 1000;

function sent(address, file, moved) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much it has sent
    request.open("POST", address);
    request.responseType = "json";
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("content-type", "application/octet-stream");
    for (const [name, value] of Object.entries(headersOf())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => moved(loaded, total));
    request.addEventListener("load", () => done({ status: request.status, said: request.response }));
    request.addEventListener("error", failed);
    request.send(file);
  });
}

class Giving {
  constructor(form) {
    this.form = form;
    this.place = document.getElementById("outcome");
    this.bar = form.querySelector("progress");
    this.shown = 0;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.give(event.submitter?.value !== "take");
    });
    this.take = document.getElementById("take");
    this.take.querySelector("button").addEventListener("click", () => this.give(false));
    form.elements.file.addEventListener("change", () => {
      this.take.hidden = true;
    });
  }

  problem(text = "") {
    this.form.querySelector(".problem").textContent = text;
  }

  async give(isDry) {
    const file = this.form.elements.file.files[0];
    if (!file || this.form.getAttribute("aria-busy") === "true") return;
    const kind = this.form.elements.kind.value;
    const format = /\.(jsonl|ndjson)$/i.test(file.name) ? "jsonl" : "csv";
    const query = new URLSearchParams({ format, dry_run: isDry });
    this.problem();
    this.take.hidden = true;
    this.form.setAttribute("aria-busy", "true");
    this.bar.parentElement.hidden = false;
    try {
      const address = `/api/v1/imports/${encodeURIComponent(kind)}?${query}`;
      const { status, said } = await sent(address, file, (loaded, total) => {
        this.bar.max = total || 1;
        this.bar.value = loaded;
      });
      if (status === 401) over();
      if (status === 202) await this.follow(said.id);
      else this.problem(said?.errors?.[0]?.problem ?? said?.detail ?? said?.title ?? String(status));
    } catch {
      this.problem(this.form.dataset.away);
    } finally {
      this.form.removeAttribute("aria-busy");
      this.bar.parentElement.hidden = true;
    }
  }

  async follow(id) {
    const mine = ++this.shown;
    for (;;) {
      const part = await this.part(id);
      if (mine !== this.shown) return;
      if (part) {
        this.place.replaceChildren(part);
        part.dispatchEvent(new CustomEvent("voltkeep:shown", { bubbles: true }));
        if (part.dataset.running === undefined) return this.over(part);
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }

  async part(id) {
    try {
      const address = `/imports/${encodeURIComponent(id)}`;
      const answer = await fetch(address, { headers: { accept: "text/html", "hx-request": "true", ...headersOf() } });
      if (answer.status === 401) over();
      if (!answer.ok) return null;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const part = page.getElementById("progress");
      return part && document.importNode(part, true);
    } catch {
      return null; // the server is away: it is asked again
    }
  }

  over(part) {
    if (part.dataset.said) say(part.dataset.said, part.dataset.well === undefined ? "bad" : "good");
    this.take.hidden = part.dataset.rehearsed === undefined;
    document.getElementById("ran")?.dispatchEvent(new CustomEvent("voltkeep:refresh"));
    part.querySelector("h2")?.focus();
  }
}

startInstants();
const form = document.getElementById("give");
if (form) new Giving(form);

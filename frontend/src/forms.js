// Forms that speak to the API: <form data-api="POST /api/v1/stations/{id}/commands">. Fields become
// JSON by their names (dots go inside), as `data-type` says: number, boolean, json, list, lines, time.
// What is empty is left out, unless it has data-keep, or data-null: then it is null. {name} in the
// address is taken from the fields, or from data-name of the form. Then `data-then`: reload,
// go:/address, close, or the name of an event.
// Check boxes of one name with data-type="item" are a list of those checked; a field before them may
// say null for all (data-type="json"). Before `data-then` the form gets voltkeep:done; where the
// server said no it gets voltkeep:problem, which shows what was said unless it is prevented.
import { say } from "./dialogs.js";
import { over, words } from "./live.js";
import { headersOf } from "./page.js";
import { begin } from "./progress.js";

function value(field) {
  if (field.dataset.null !== undefined && field.value.trim() === "") return null;
  switch (field.dataset.type) {
    case "number":
      return field.value === "" ? undefined : Number(field.value);
    case "boolean":
      return field.type === "checkbox" ? field.checked : field.value === "true";
    case "json":
      return field.value.trim() === "" ? undefined : JSON.parse(field.value);
    case "list":
      return field.value.split(/[\s,]+/).filter(Boolean);
    case "lines":
      return field.value.split("\n").map((line) => line.trim()).filter(Boolean);
    case "time":
      return field.value === "" ? undefined : new Date(field.value).toISOString();
    default:
      return field.value === "" && field.dataset.keep === undefined ? undefined : field.value;
  }
}

function put(into, path, found, isItem = false) {
  const names = path.split(".");
  const last = names.pop();
  for (const name of names) into = into[name] ??= {};
  if (!isItem) into[last] = found;
  else if (Array.isArray(into[last])) into[last].push(found);
  else if (into[last] !== null) into[last] = [found];
}

export function content(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.matches(":disabled") || field.dataset.query !== undefined) continue;
    const isItem = field.dataset.type === "item";
    if ((field.type === "radio" || isItem) && !field.checked) continue;
    const found = value(field);
    if (found !== undefined) put(body, field.name, found, isItem);
  }
  return body;
}

export async function ask(method, address, body, headers = {}) {
  const own = headersOf();
  const answer = await fetch(address, {
    method,
    headers: {
      accept: "application/json",
      ...own,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const said = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
  if (answer.status === 401 && own["x-voltkeep-csrf"]) over();
  return { ok: answer.ok, status: answer.status, said, headers: answer.headers };
}

// What the server says is in English. A page in another language has words for some of it.
function translated(text) {
  const known = document.getElementById("problem-words")?.content;
  return known?.querySelector(`[data-word="${CSS.escape(text)}"]`)?.textContent ?? "";
}

function english(text) {
  const part = document.createElement("span");
  part.lang = "en";
  part.textContent = text;
  return part;
}

// Of what begins in lower case, unless that is how something is called: CS-1, evse_id.
function sentence(text) {
  return text.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
}

// What the form calls a field.
function labelOf(form, field) {
  const input = form.querySelector(`[name="${CSS.escape(field)}"]`);
  return input?.labels?.[0]?.textContent.trim() || field;
}

function problems(form, said) {
  for (const each of form.querySelectorAll(".problem")) each.textContent = "";
  const general = form.querySelector(".problem:not([data-for])");
  const left = [];
  for (const each of said?.errors ?? []) {
    const what = translated(each.problem) || english(each.problem);
    const place = form.querySelector(`.problem[data-for="${CSS.escape(each.field)}"]`);
    if (place) place.replaceChildren(translated(each.problem) || english(sentence(each.problem)));
    else left.push(left.length ? "; " : "", `${labelOf(form, each.field)}: `, what);
  }
  if (!left.length && said?.errors?.length) return;
  const detail = said?.detail || said?.title;
  const words = translated(said?.type?.split(":").pop() ?? "");
  if (!left.length) {
    const whole = translated(detail ?? "");
    if (said?.isOurs) left.push(detail);
    else if (whole) left.push(whole);
    else if (detail) left.push(words, words ? " " : "", english(sentence(detail)));
    else left.push(form.dataset.failed ?? "");
  }
  if (general) general.replaceChildren(...left.filter(Boolean));
  else {
    const text = left.map((each) => each.textContent ?? each).join("").trim();
    if (text) say(text, "bad");
  }
}

async function submit(form) {
  let body;
  try {
    body = content(form);
  } catch (error) {
    problems(form, { detail: String(error.message) });
    return;
  }
  const [method, template] = form.dataset.api.split(" ");
  const address = template.replace(/\{(\w+)\}/g, (_, name) => {
    const found = body[name] ?? form.dataset[name] ?? "";
    delete body[name];
    return encodeURIComponent(found);
  });
  const query = new URLSearchParams();
  for (const field of form.elements) {
    if (field.dataset?.query !== undefined && field.value) query.set(field.name, field.value);
  }
  form.setAttribute("aria-busy", "true");
  const end = begin();
  try {
    const sent = method === "DELETE" || method === "GET" ? undefined : body;
    const etag = form.dataset.ifMatch ? { "if-match": form.dataset.ifMatch } : {};
    const to = query.size ? `${address}?${query}` : address;
    const { ok, status, said } = await ask(method, to, sent, etag);
    if (!ok) {
      const detail = { status, said };
      const event = new CustomEvent("voltkeep:problem", { bubbles: true, cancelable: true, detail });
      const ended = status === 401 && words("over");
      if (form.dispatchEvent(event)) problems(form, ended ? { detail: ended, isOurs: true } : said);
      return;
    }
    for (const each of form.querySelectorAll(".problem")) each.textContent = "";
    form.dispatchEvent(new CustomEvent("voltkeep:done", { bubbles: true, detail: said }));
    then(form, said);
  } catch (error) {
    const away = form.dataset.away || words("unsent");
    problems(form, { detail: away || String(error.message), isOurs: Boolean(away) });
  } finally {
    form.removeAttribute("aria-busy");
    end();
  }
}

function then(form, said) {
  if (form.dataset.say) say(form.dataset.say);
  for (const what of (form.dataset.then || "reload").split(" ")) {
    if (what === "reload") location.reload();
    else if (what === "close") form.closest("dialog")?.close();
    else if (what.startsWith("go:")) {
      location.assign(what.slice(3).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(said?.[name] ?? "")));
    } else document.body.dispatchEvent(new CustomEvent(what, { bubbles: true, detail: said }));
  }
}

export function startForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-api]");
    if (!form) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") !== "true") submit(form);
  });
}

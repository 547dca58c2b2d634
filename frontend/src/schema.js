// Forms that are made from JSON schemas. `control(schema, …)` has an element, `read()`, which leaves
// out what is as it is by default, `write(value)`, and `mark(path)`, which names its problem line.
let count = 0;

function node(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter(Boolean));
  return made;
}

const UNITS = { s: "s", w: "W", a: "A", v: "V", wh: "Wh" };

// `limit_w` is "Limit (W)".
export function labelOf(name) {
  const parts = name.split("_");
  const unit = parts.length > 1 ? UNITS[parts.at(-1)] : undefined;
  if (unit) parts.pop();
  const text = parts.join(" ").replace(/\bid\b/g, "id").replace(/\bevse\b/g, "EVSE");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${unit ? ` (${unit})` : ""}`;
}

// Our descriptions: one paragraph, without marks.
export function plain(text) {
  return (text ?? "").replace(/``/g, "").replace(/\s+/g, " ").trim();
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export class Forms {
  // `lists`: which datalist has what can be said at a path.
  constructor(definitions, words, changed, lists = {}) {
    this.definitions = definitions;
    this.words = words;
    this.lists = lists;
    this.changed = changed;
  }

  resolved(schema) {
    if (schema.$ref) {
      const { $ref, ...rest } = schema;
      return { ...this.resolved(this.definitions[$ref.split("/").at(-1)]), ...rest };
    }
    if (schema.anyOf) {
      const kinds = schema.anyOf.filter((each) => each.type !== "null");
      if (kinds.length === 1) {
        const { anyOf, ...rest } = schema;
        return { ...this.resolved(kinds[0]), ...rest, isOptional: kinds.length < anyOf.length };
      }
    }
    return schema;
  }

  control(given, name, isRequired) {
    const schema = this.resolved(given);
    if (schema.enum) return this.choice(schema, name, isRequired);
    if (schema.type === "object" && schema.properties) return this.group(schema, name, isRequired);
    if (schema.type === "array") return this.list(schema, name);
    if (schema.type === "boolean") return this.check(schema, name, isRequired);
    if (["integer", "number", "string"].includes(schema.type)) return this.line(schema, name, isRequired);
    return this.any(schema, name, isRequired);
  }

  // A field: its label, its input, a hint, and a line for what the server says is wrong with it.
  field(input, name, schema, isRequired) {
    input.id = `field-${++count}`;
    const problem = node("p", { className: "problem" });
    problem.setAttribute("role", "alert");
    const bounds = [schema.minimum ?? schema.exclusiveMinimum, schema.maximum];
    const isNarrow = bounds.every((each) => each !== undefined && Math.abs(each) < 1e6);
    const hint = isNarrow ? bounds.join(" … ") : "";
    const label = node("label", { htmlFor: input.id, textContent: labelOf(name) });
    if (isRequired) label.append(node("span", { className: "dim", textContent: ` (${this.words.required})` }));
    const element = node(
      "div", { className: "field" }, label, input, hint && node("p", { className: "hint", textContent: hint }), problem,
    );
    input.addEventListener("input", () => this.changed());
    const mark = (path) => {
      problem.dataset.for = path;
      if (this.lists[path]) input.setAttribute("list", this.lists[path]);
    };
    return { element, mark };
  }

  choice(schema, name, isRequired) {
    const input = node("select");
    const fallback = schema.default ?? "";
    if (!isRequired && (schema.isOptional || schema.default === undefined)) {
      input.append(node("option", { value: "", textContent: this.words.none }));
    }
    for (const each of schema.enum) input.append(node("option", { value: String(each), textContent: String(each) }));
    const write = (value) => (input.value = String(value ?? fallback ?? ""));
    write(isRequired ? schema.default ?? schema.enum[0] : undefined);
    return {
      ...this.field(input, name, schema, isRequired),
      read: () => schema.enum.find((each) => String(each) === input.value),
      write,
    };
  }

  check(schema, name, isRequired) {
    const input = node("input", { type: "checkbox", checked: schema.default === true });
    const made = this.field(input, name, schema, isRequired);
    made.element.classList.add("check");
    made.element.prepend(input);
    return { ...made, read: () => input.checked, write: (value) => (input.checked = value ?? schema.default === true) };
  }

  line(schema, name, isRequired) {
    const isTime = schema.format === "date-time";
    const isNumber = schema.type !== "string";
    const isLong = /certificate|signature|pem/.test(name) && !isNumber;
    const input = node(isLong ? "textarea" : "input");
    if (!isLong) input.type = isTime ? "datetime-local" : isNumber ? "number" : "text";
    if (isNumber) input.step = schema.type === "integer" ? "1" : "any";
    if (schema.maxLength) input.maxLength = schema.maxLength;
    if (isTime) input.step = "1";
    input.required = isRequired;
    const shown = (value) => {
      if (value === undefined || value === null) return "";
      if (!isTime) return String(value);
      const at = new Date(value);
      if (Number.isNaN(at.valueOf())) return "";
      return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
    };
    const write = (value) => (input.value = shown(value === undefined ? schema.default : value));
    write(undefined);
    const read = () => {
      if (input.value === "") return undefined;
      if (isTime) return new Date(input.value).toISOString();
      return isNumber ? Number(input.value) : input.value;
    };
    return { ...this.field(input, name, schema, isRequired), read, write };
  }

  any(schema, name, isRequired) {
    const input = node("textarea", { spellcheck: false });
    const write = (value) => {
      const shown = value === undefined ? schema.default : value;
      input.value = shown === undefined || shown === null ? "" : JSON.stringify(shown, null, 2);
    };
    write(undefined);
    const read = () => {
      if (input.value.trim() === "") return undefined;
      try {
        return JSON.parse(input.value);
      } catch {
        throw new Error(`${labelOf(name)}: ${this.words.json}`);
      }
    };
    return { ...this.field(input, name, schema, isRequired), read, write };
  }

  // An object. One that may be left out has a check box that says it.
  group(schema, name, isRequired, isWhole = false) {
    const parts = {};
    const required = schema.required ?? [];
    const legend = node("legend", { textContent: labelOf(name) });
    const inside = node("div", { className: "inside" });
    const about = isWhole ? null : node("p", { className: "hint", textContent: plain(schema.description) });
    const element = isWhole ? inside : node("fieldset", {}, legend, about, inside);
    const fill = () => {
      if (inside.childElementCount) return;
      const names = Object.keys(schema.properties).filter((each) => each !== "command");
      names.sort((one, other) => required.includes(other) - required.includes(one));
      for (const each of names) {
        parts[each] = this.control(schema.properties[each], each, required.includes(each));
        inside.append(parts[each].element);
      }
      remark();
    };
    let at = "";
    const remark = () => {
      for (const [each, part] of Object.entries(parts)) part.mark(at ? `${at}.${each}` : each);
    };
    let box = null;
    if (!isWhole && !isRequired) {
      box = node("input", { type: "checkbox" });
      legend.replaceChildren(node("label", {}, box, ` ${labelOf(name)}`));
      inside.hidden = true;
      box.addEventListener("change", () => {
        if (box.checked) fill();
        inside.hidden = !box.checked;
        this.changed();
      });
    } else fill();
    const read = () => {
      if (box && !box.checked) return undefined;
      const found = {};
      for (const [each, part] of Object.entries(parts)) {
        const value = part.read();
        const fallback = this.resolved(schema.properties[each]).default;
        if (value === undefined) continue;
        if (!required.includes(each) && same(value, fallback)) continue;
        found[each] = value;
      }
      return found;
    };
    const write = (value) => {
      const isSaid = value !== undefined && value !== null;
      if (box) {
        box.checked = isSaid;
        inside.hidden = !isSaid;
      }
      if (isSaid || !box) {
        fill();
        for (const [each, part] of Object.entries(parts)) part.write(value?.[each]);
      }
    };
    const mark = (path) => {
      at = path;
      remark();
    };
    return { element, read, write, mark };
  }

  list(schema, name) {
    const rows = node("div", { className: "rows" });
    const add = node("button", { type: "button", textContent: this.words.add });
    const problem = node("p", { className: "problem" });
    const element = node("fieldset", {}, node("legend", { textContent: labelOf(name) }), rows, add, problem);
    let items = [];
    let at = name;
    const remark = () => items.forEach((each, index) => each.mark(`${at}[${index}]`));
    const more = (value) => {
      const item = this.control(schema.items, name.replace(/s$/, ""), true);
      const remove = node("button", { type: "button", textContent: this.words.remove });
      const row = node("div", { className: "item" }, item.element, remove);
      remove.addEventListener("click", () => {
        items = items.filter((each) => each !== item);
        row.remove();
        remark();
        add.focus();
        this.changed();
      });
      if (value !== undefined) item.write(value);
      items.push(item);
      rows.append(row);
      remark();
    };
    add.addEventListener("click", () => {
      more();
      rows.lastElementChild.querySelector("input, select, textarea")?.focus();
      this.changed();
    });
    const write = (value) => {
      items = [];
      rows.replaceChildren();
      for (const each of Array.isArray(value) ? value : []) more(each);
    };
    const read = () => {
      const found = items.map((each) => each.read()).filter((each) => each !== undefined);
      return found.length || !schema.isOptional ? found : undefined;
    };
    for (let each = 0; each < (schema.minItems ?? 0); each += 1) more();
    const mark = (path) => {
      at = path;
      problem.dataset.for = path;
      remark();
    };
    return { element, read, write, mark };
  }
}

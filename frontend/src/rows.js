// Fields that come in rows: <fieldset data-rows="values"> has a hidden input of that name, which gets
// a list of objects of the [data-part] of each [data-row], and a <template> of a row.
let made = 0;

function number(place) {
  [...place.querySelectorAll("[data-row]")].forEach((row, index) => {
    for (const each of row.querySelectorAll("[data-of]")) {
      each.dataset.for = `${place.dataset.rows}[${index}].${each.dataset.of}`;
    }
  });
}

function add(place) {
  const template = place.querySelector("template");
  const row = template.content.cloneNode(true);
  made += 1;
  for (const each of row.querySelectorAll("[id]")) each.id += `-${made}`;
  for (const each of row.querySelectorAll("label[for]")) each.htmlFor += `-${made}`;
  template.before(row);
  number(place);
  template.previousElementSibling.querySelector("input")?.focus();
}

function listed(place) {
  return [...place.querySelectorAll("[data-row]")].map((row) => {
    const parts = [...row.querySelectorAll("[data-part]")];
    const said = parts.filter((each) => each.value !== "" || each.dataset.mayBeEmpty !== undefined);
    return Object.fromEntries(said.map((each) => [each.dataset.part, each.value]));
  });
}

document.addEventListener("click", ({ target }) => {
  const place = target.closest("[data-rows]");
  if (target.closest("[data-add-row]")) add(place);
  if (target.closest("[data-remove-row]")) {
    target.closest("[data-row]").remove();
    number(place);
    place.querySelector("[data-add-row]").focus();
  }
});
// Before the form is sent.
document.addEventListener(
  "submit",
  ({ target }) => {
    for (const place of target.querySelectorAll("[data-rows]")) {
      place.querySelector(`input[name="${place.dataset.rows}"]`).value = JSON.stringify(listed(place));
    }
  },
  true,
);
for (const place of document.querySelectorAll("[data-rows]")) number(place);

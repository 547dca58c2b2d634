// Times in the filters of a page: people type local ones, the address has instants. In a
// <form data-instants>, <input type="datetime-local" data-instant="NAME"> is for the hidden input NAME.
// What is empty stays out of the address.
export function startInstants() {
  for (const form of document.querySelectorAll("form[data-instants]")) {
    for (const typed of form.querySelectorAll("[data-instant]")) start(form, typed);
    form.addEventListener("formdata", ({ formData }) => {
      for (const [name, value] of [...formData]) if (!value) formData.delete(name);
    });
  }
}

function start(form, typed) {
  const meant = form.querySelector(`input[type="hidden"][name="${typed.dataset.instant}"]`);
  const known = new Date(meant.value);
  if (meant.value && !Number.isNaN(known.valueOf())) {
    const local = new Date(known.valueOf() - known.getTimezoneOffset() * 60000);
    typed.value = local.toISOString().slice(0, 19);
  }
  typed.addEventListener("input", () => {
    const date = new Date(typed.value);
    meant.value = Number.isNaN(date.valueOf()) ? "" : date.toISOString();
  });
}

// Certificates from files: <input type="file" data-into=ID> puts the text of one into that field.
const MOST_BYTES = 64 * 1024;

document.addEventListener("change", async ({ target }) => {
  const field = target.dataset?.into && document.getElementById(target.dataset.into);
  const file = field && target.files[0];
  if (!file) return;
  field.value = (await file.slice(0, MOST_BYTES).text()).trim();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

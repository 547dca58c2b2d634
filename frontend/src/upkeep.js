// Campaigns, firmware and templates of configuration.
import "./campaigns.js";
import "./rows.js";
import "./uploads.js";

// Somebody else was quicker: a form says so in its own words, data-changed.
document.addEventListener("voltkeep:problem", (event) => {
  const form = event.target;
  const line = form.querySelector(".problem:not([data-for], [data-of])");
  if (event.detail.status !== 412 || !form.dataset.changed || !line) return;
  event.preventDefault();
  line.textContent = form.dataset.changed;
});

// Campaigns: results of stations come with the progress, and lists of what is over once one ends.
const ENDED = ["finished", "cancelled"];

// What somebody is in by keyboard stays as it is, until they leave it.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (target.id === "results" && target.contains(document.activeElement)) event.detail.shouldSwap = false;
});

document.addEventListener("voltkeep:event", ({ detail }) => {
  if (detail.type !== "campaign.changed" || detail.station || !ENDED.includes(detail.data?.state)) return;
  document.getElementById("over-list")?.dispatchEvent(new CustomEvent("voltkeep:refresh"));
});

// The console: what every page loads.
import htmx from "htmx.org";
import { showCurrent } from "./current.js";
import { startDialogs } from "./dialogs.js";
import { startForms } from "./forms.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startLook } from "./look.js";
import { headersOf } from "./page.js";
import { startProgress } from "./progress.js";
import { startSearch } from "./search.js";
import { startTimes } from "./times.js";

// The content security policy allows no inline script and no inline style.
Object.assign(htmx.config, {
  allowEval: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
});

document.addEventListener("htmx:configRequest", ({ detail }) => {
  Object.assign(detail.headers, headersOf());
});

startLook();
startTimes();
startDialogs();
startForms();
startKeys();
startProgress();
startSearch();
startLive();
showCurrent();

// Bundles src/ and the packages that it imports into the Python package, and notes what it was made
// from, so that a test can tell without Node whether the bundle is that of these sources.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const out = join(here, "../src/voltkeep/web/pages/static");
const sources = ["package.json", "package-lock.json", "build.mjs"].concat(
  readdirSync(join(here, "src")).sort().map((name) => `src/${name}`),
);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/app.js", "src/charts.js", "src/commands.js", "src/map.js", "src/messages.js", "src/transactions.js", "src/grid.js", "src/bulk.js", "src/account.js", "src/upkeep.js", "src/connect.js", "src/records.js", "src/imports.js", "src/certificates.js", "src/app.css"],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  loader: { ".png": "dataurl", ".svg": "dataurl" },
  legalComments: "eof",
});
for (const name of ["icon.svg", "icon-dark.svg"]) copyFileSync(join(here, "src", name), join(out, name));
const digests = Object.fromEntries(
  sources.map((name) => [name, createHash("sha256").update(readFileSync(join(here, name))).digest("hex")]),
);
writeFileSync(join(out, "built-from.json"), `${JSON.stringify(digests, null, 2)}\n`);

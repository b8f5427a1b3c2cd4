// Copies what the browser needs from node_modules to web/dist, and packs the icons we use into one sprite.
// It bundles, compiles and rewrites nothing: what runs in the browser is what the packages ship.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const dist = join(here, "dist");

const FILES = [
  ["bootstrap/dist/css/bootstrap.min.css", "bootstrap.min.css"],
  ["htmx.org/dist/htmx.min.js", "htmx.min.js"],
];

async function sprite() {
  const names = (await readFile(join(here, "icons.txt"), "utf8"))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith("#"));
  const symbols = await Promise.all(
    names.map(async (name) => {
      const file = join(modules, "bootstrap-icons/icons", `${name}.svg`);
      const svg = await readFile(file, "utf8").catch(() => {
        throw new Error(`icons.txt names "${name}", which bootstrap-icons does not have`);
      });
      const body = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
      return `<symbol id="${name}" viewBox="0 0 16 16">${body.replace(/\s*\n\s*/g, "")}</symbol>`;
    }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" fill="currentColor">${symbols.join("\n")}</svg>\n`;
}

// The source maps are not shipped, so the line that names one would only make developer tools ask for it in vain.
const withoutSourceMap = (text) => text.replace(/\n?(\/\*|\/\/)# sourceMappingURL=.*$/m, "");

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
for (const [from, to] of FILES) {
  await writeFile(join(dist, to), withoutSourceMap(await readFile(join(modules, from), "utf8")));
}
await writeFile(join(dist, "icons.svg"), await sprite());
for (const name of [...FILES.map(([, to]) => to), "icons.svg"]) {
  await writeFile(join(dist, `${name}.gz`), gzipSync(await readFile(join(dist, name)), { level: 9 }));
}
await mkdir(join(dist, "licenses"), { recursive: true });
for (const name of ["bootstrap", "bootstrap-icons", "htmx.org"]) {
  await copyFile(join(modules, name, "LICENSE"), join(dist, "licenses", `${name}.txt`));
}

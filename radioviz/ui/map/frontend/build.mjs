// Bundles src/ into one file, ../map.js, and gathers the licences of what is in it.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";

// What the bundle was built from: a test compares it, so that no stale bundle is checked in.
const sources = createHash("sha256");
for (const file of [...(await readdir("src")).sort().map((f) => `src/${f}`), "package-lock.json"]) {
  sources.update(await readFile(file));
}
const digest = sources.digest("hex");

const result = await build({
  entryPoints: ["src/index.ts"],
  outfile: "../map.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: "/* Built from frontend/src by `npm run build`; licences in frontend/LICENSES.\n * sources " + digest + " */" },
  metafile: true,
  logLevel: "info",
});

const inside = new Set(
  Object.entries(Object.values(result.metafile.outputs)[0].inputs)
    .filter(([, part]) => part.bytesInOutput > 0)
    .map(([path]) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
    .filter(Boolean),
);
let text = "Licences of the libraries that are bundled in map.js\n";
for (const name of [...inside].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  const file = (await readdir(folder)).find((f) => /^licen[cs]e/i.test(f));
  text += `\n${"=".repeat(80)}\n${name} ${version} (${license})\n\n`;
  text += (await readFile(`${folder}/${file}`, "utf8")).trim() + "\n";
}
await writeFile("LICENSES", text);

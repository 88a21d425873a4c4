import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const lib = dirname(fileURLToPath(import.meta.url));

/** The shell in `folder` as CommonJS for Electron 9, in `outdir`: `NAME.cjs` and `prelude.cjs`. */
export function transpile(folder, outdir, name) {
  return build({
    entryPoints: {
      [name]: join(folder, "main.js"),
      prelude: join(lib, "legacy-prelude.cjs"),
    },
    outdir,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node12",
    external: ["electron"],
    define: { "import.meta.url": "globalThis.__shellUrl" },
    logLevel: "error",
  });
}

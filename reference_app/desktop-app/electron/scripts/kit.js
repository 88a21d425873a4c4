// `npm run bundle` and `npm run build -- --linux`: hands over to the kit's command, which builds this project.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const [command, ...rest] = process.argv.slice(2);
const { error, status } = spawnSync("desktop-django", [command, project, ...rest], {
  stdio: "inherit",
});
if (error?.code === "ENOENT") {
  console.error(
    "desktop-django is not installed.\n" +
      "  means: bundles and installers are made by desktop-django-kit, which is not part of this project.\n" +
      "  do: install it (pipx install desktop-django-kit, or uv tool install desktop-django-kit) and run this again.",
  );
}
process.exit(status ?? 3);

// `npm run bundle` and `npm run build -- --linux`: hands over to the kit's commands, which build this project, one after
// the other; options are the last one's.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const given = process.argv.slice(2);
const commands = given.filter((word) => !word.startsWith("-"));
const options = given.filter((word) => word.startsWith("-"));
let code = 0;
let missing = false;
for (const command of commands) {
  const last = command === commands.at(-1);
  const { error, status } = spawnSync(
    "desktop-django",
    [command, project, ...(last ? options : [])],
    { stdio: "inherit" },
  );
  missing = error?.code === "ENOENT";
  code = status ?? 3;
  if (code !== 0) {
    break;
  }
}
if (missing) {
  console.error(
    "desktop-django is not installed.\n" +
      "  means: bundles and installers are made by desktop-django-kit, which is not part of this project.\n" +
      "  do: install it (pipx install desktop-django-kit, or uv tool install desktop-django-kit) and run this again.",
  );
}
process.exit(code);

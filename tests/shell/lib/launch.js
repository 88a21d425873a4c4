import { existsSync, rmSync } from "node:fs";
import { errors } from "playwright-core";

export const LAUNCH_MS = 30_000;

/**
 * What `launch` gives. On a busy machine the two debuggers of Playwright now and then wait for each other, which says
 * nothing of the shell: the launch is then tried once more, on fresh data if it was on fresh data.
 */
export async function launchTwice(appData, launch) {
  const fresh = !existsSync(appData);
  return launch().catch((error) => {
    if (!(error instanceof errors.TimeoutError)) {
      throw error;
    }
    console.error(`launched again, Playwright was not connected within ${LAUNCH_MS} ms`);
    if (fresh) {
      rmSync(appData, { recursive: true, force: true, maxRetries: 3 });
    }
    return launch();
  });
}

// The person's language. app.getLocale() is the best of those that the package carries, which may be English alone.
import { app } from "electron";

/** As `de-AT`, for dates, numbers and spelling. */
export const personsLocale = () => app.getPreferredSystemLanguages?.()[0] ?? app.getLocale();

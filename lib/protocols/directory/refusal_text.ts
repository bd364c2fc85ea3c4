/** Text for the user about a refusal of the directory's. */

/**
 * The reason, and when the user may try again, for requests that aren't repeated automatically. `retryMs`: 0 where
 * waiting doesn't help.
 */
export function refusalText(why: string, retryMs: number): string {
  return retryMs > 0 ? `${why}; try again in ${waitText(retryMs)}` : why;
}

function waitText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

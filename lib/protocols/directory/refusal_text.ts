/** What a user is told of something that the directory has refused. */

/** Why, and when it may be done, where it isn't tried again by itself. `retryMs`: 0 where waiting doesn't help. */
export function refusalText(why: string, retryMs: number): string {
  return retryMs > 0 ? `${why}; try again in ${waitText(retryMs)}` : why;
}

function waitText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

/** How a program ends that was started with `--no-wait`, and whose server can't be reached. */

/** @param isOtherCommand Whether another p2pchat command answers there: waiting wouldn't make it the server. */
export function unreachableText(
  server: "coordinator" | "directory",
  address: string,
  because: string,
  isOtherCommand: boolean,
): string {
  const advice = isOtherCommand
    ? "check the address"
    : "check the address and that it runs, or leave out --no-wait to wait for it";
  return `The ${server} at ${address} can't be reached: ${because}; ${advice}`;
}

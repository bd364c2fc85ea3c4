/** Puts text on the clipboard of whoever sits at the terminal, also at the far end of SSH: OSC 52. */

import { isInTmux, passedOn } from "./passthrough.ts";

/**
 * What to write. tmux takes it itself where it is set so (`set-clipboard on`), and passes it on where it may: it gets
 * both.
 * @param variable Returns the value of an environment variable.
 */
export function copying(text: string, variable: (name: string) => string | undefined): string {
  const copy = `\x1b]52;c;${new TextEncoder().encode(text).toBase64()}\x07`;
  return (isInTmux(variable) ? copy : "") + passedOn(copy, variable);
}

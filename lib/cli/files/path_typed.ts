/** A path that a person types, or drops on the terminal. */

import { homeFolder } from "../streams/streams.ts";

/**
 * The path that is meant: quoted, with `\\ ` for blanks, or from the home folder.
 * @param home The home folder; undefined: there is none.
 */
export function pathTyped(text: string, home: string | undefined = homeFolder()): string {
  const typed = text.trim();
  const quoted = /^'([^']*)'$|^"([^"]*)"$/.exec(typed);
  const plain = quoted === null ? typed.replace(/\\(.)/g, "$1") : quoted[1] ?? quoted[2] ?? "";
  return home && /^~(?=\/|$)/.test(plain) ? home + plain.slice(1) : plain;
}

/** A path that a person types, or drops on the terminal. */

import { homeFolder } from "../streams/streams.ts";

/**
 * The path that is meant: quoted, with `\\ ` for blanks, or from the home folder.
 * @param home The home folder; undefined: there is none.
 */
export function pathTyped(text: string, home: string | undefined = homeFolder()): string {
  const typed = text.trim();
  const inner = unquoted(typed);
  const plain = inner === typed ? typed.replace(/\\(.)/g, "$1") : inner;
  return home && /^~(?=\/|$)/.test(plain) ? home + plain.slice(1) : plain;
}

/** What stands in quotes, as a shell takes it; all of it where there are none around it. */
export function unquoted(text: string): string {
  const [, one, other] = /^'([^']*)'$|^"([^"]*)"$/.exec(text) ?? [];
  return one ?? other ?? text;
}

/**
 * A path as `pathTyped()` reads it.
 * @param quote In which it is, if it can be; empty: none, with backslashes where they are needed.
 * @param isWhole Whether it goes no further: the quote is closed.
 */
export function pathQuoted(path: string, quote: string, isWhole: boolean): string {
  if (quote !== "" && !path.includes(quote)) return `${quote}${path}${isWhole ? quote : ""}`;
  return path.replace(/[\s\\'"]/g, "\\$&");
}

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

/** Words as shells have them: in quotes as a whole or in parts, or with a backslash before what means something. */
const SHELL_WORDS = /(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/g;
const SHELL_PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g;

/**
 * The ways in which a line may be nothing but absolute paths, as a terminal pastes those of files that were dropped onto
 * it: one as it is; or several, quoted or with backslashes for a shell, or as `file:` URIs of this machine.
 */
export function pathsDropped(line: string): readonly (readonly string[])[] {
  const text = line.trim();
  const isWords = text.replace(SHELL_WORDS, "").trim() === "";
  const words = isWords ? text.match(SHELL_WORDS) ?? [] : [];
  const ways = [[text], words.map(pathOfWord)].filter((paths) =>
    paths.length > 0 && paths.every((path) => /^\/[^\p{Cc}]*$/u.test(path))
  );
  return ways.filter(([first], at) => at === 0 || first !== text);
}

function pathOfWord(word: string): string {
  const [, coded] = /^file:\/\/(?:localhost)?(\/\S*)$/.exec(word) ?? [];
  if (coded !== undefined) return decodedPath(coded);
  return word.replace(
    SHELL_PART,
    (_, one?: string, two?: string, escaped?: string) =>
      one ?? escaped ?? two!.replace(/\\(["\\$`])/g, "$1"),
  );
}

/** Empty where it is no UTF-8 in such a code. */
function decodedPath(coded: string): string {
  try {
    return decodeURIComponent(coded);
  } catch {
    return "";
  }
}

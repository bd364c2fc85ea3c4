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

/** A word as shells have it: in quotes as a whole or in parts, or with a backslash before what means something. */
const SHELL_WORD = /^(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+$/;
const SHELL_PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g;

/**
 * The absolute paths that a line may be, pasted by a terminal for a file that was dropped onto it: as it is, quoted or
 * with backslashes for a shell, or as a `file:` URI of this machine.
 */
export function pathsDropped(line: string): readonly string[] {
  const text = line.trim();
  const paths = [text];
  if (SHELL_WORD.test(text)) {
    paths.push(
      text.replace(
        SHELL_PART,
        (_, one?: string, two?: string, escaped?: string) =>
          one ?? escaped ?? two!.replace(/\\(["\\$`])/g, "$1"),
      ),
    );
  }
  const [, coded] = /^file:\/\/(?:localhost)?(\/\S*)$/.exec(text) ?? [];
  if (coded !== undefined) paths.push(decodedPath(coded));
  return [...new Set(paths)].filter((path) => /^\/[^\p{Cc}]*$/u.test(path));
}

/** Empty where it is no UTF-8 in such a code. */
function decodedPath(coded: string): string {
  try {
    return decodeURIComponent(coded);
  } catch {
    return "";
  }
}

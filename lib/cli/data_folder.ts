/** Where the program keeps its files. */

import { P2pchatError } from "../base/errors.ts";

/** Reads one variable of the environment. */
export type Variables = (name: string) => string | undefined;

/**
 * The root folder: `--data`, else `$P2PCHAT_HOME`, else below `$XDG_DATA_HOME`, else below the home folder.
 * @throws {P2pchatError} `usage` where none of them says.
 */
export function dataFolder(flag: string | undefined, variable: Variables): string {
  const given = flag ?? nonEmpty(variable("P2PCHAT_HOME"));
  if (given !== undefined) return given;
  // XDG Base Directory Specification: a relative path is to be ignored.
  const xdg = variable("XDG_DATA_HOME");
  if (xdg?.startsWith("/")) return `${xdg}/p2pchat`;
  const home = nonEmpty(variable("HOME"));
  if (home !== undefined) return `${home}/.local/share/p2pchat`;
  throw new P2pchatError(
    "usage",
    "Where to keep files is unknown: HOME isn't set; name a folder with --data",
  );
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** Reads the lines of an IRC client. Whatever they are, they are messages or nothing: no line throws. */

import type { IrcMessage } from "./irc_message.ts";

/** RFC 2812, 2.3. */
const PARAMS_MAX = 15;
/** More than any client sends: each costs an entry of a map. */
const TAGS_MAX = 64;

const COMMAND = /^(?:[A-Za-z]{1,32}|[0-9]{3})$/;
const TAG_NAME = /^\+?(?:[A-Za-z0-9.-]{1,64}\/)?[A-Za-z0-9-]{1,64}$/;
const LINE_BREAKERS = /[\0\r\n]/g;

/** @returns The message; null where the line is none. @param line Without its end. */
export function parseIrc(line: string): IrcMessage | null {
  let rest = line.replace(LINE_BREAKERS, "");
  let tags: ReadonlyMap<string, string> = new Map();
  if (rest.startsWith("@")) {
    const [first, behind] = firstWord(rest);
    tags = parseTags(first.slice(1));
    rest = behind;
  }
  rest = rest.replace(/^ +/, "");
  let source: string | null = null;
  if (rest.startsWith(":")) {
    const [first, behind] = firstWord(rest);
    source = first.slice(1);
    rest = behind;
  }
  const [command, behind] = firstWord(rest);
  if (!COMMAND.test(command)) return null;
  return { tags, source, command: command.toUpperCase(), params: parseParams(behind) };
}

/** A word and what follows the blanks behind it. */
function firstWord(text: string): readonly [word: string, rest: string] {
  const end = text.indexOf(" ");
  if (end < 0) return [text, ""];
  return [text.slice(0, end), text.slice(end).replace(/^ +/, "")];
}

function parseParams(text: string): readonly string[] {
  const params: string[] = [];
  let rest = text;
  while (rest !== "") {
    if (rest.startsWith(":")) return [...params, rest.slice(1)];
    if (params.length === PARAMS_MAX - 1) return [...params, rest];
    const [param, behind] = firstWord(rest);
    params.push(param);
    rest = behind;
  }
  return params;
}

/** Tags whose names no client may give are left out; of two with one name the last one counts. */
function parseTags(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const tag of text.split(";", TAGS_MAX)) {
    const equals = tag.indexOf("=");
    const name = equals < 0 ? tag : tag.slice(0, equals);
    if (!TAG_NAME.test(name)) continue;
    tags.set(name, equals < 0 ? "" : unescaped(tag.slice(equals + 1)));
  }
  return tags;
}

const UNESCAPED: Readonly<Record<string, string>> = { ":": ";", s: " ", r: "\r", n: "\n" };

function unescaped(value: string): string {
  return value.replace(/\\([^]?)/g, (_, escaped: string) => UNESCAPED[escaped] ?? escaped);
}

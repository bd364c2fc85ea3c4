/** What was said, asked for by a client (IRCv3 `chathistory`), as far as the events of this run are kept. */

import type { Said } from "./rooms/said_reader.ts";
import { ircFolded } from "./lines/irc_message.ts";

/** So much is answered at once. */
export const CHATHISTORY_MAX = 500;
/** And no more text than that, in UTF-16 units: a client that reads it at leisure isn't one that doesn't read. */
const ANSWERED_UNITS_MAX = 1_048_576;

/** A point of what was said: what is before it ends at `start`, what is after it begins at `end`. */
interface Point {
  readonly start: number;
  readonly end: number;
}

/** A selection, or the words of a `FAIL CHATHISTORY`. */
type Selected =
  | { readonly type: "said"; readonly said: readonly Said[] }
  | { readonly type: "failed"; readonly fail: readonly string[] };

const SUBCOMMANDS: ReadonlyMap<string, number> = new Map([
  ["LATEST", 4],
  ["BEFORE", 4],
  ["AFTER", 4],
  ["AROUND", 4],
  ["BETWEEN", 5],
]);

/**
 * Answers `CHATHISTORY`.
 * @param params Those of the command. @param all What is kept, the oldest first.
 */
export function selectedBy(params: readonly string[], all: readonly Said[]): Selected {
  const [word = "", target = ""] = params;
  const subcommand = word.toUpperCase();
  const count = SUBCOMMANDS.get(subcommand);
  if (count === undefined) return failed("UNKNOWN_COMMAND", word, "There is no such subcommand");
  if (params.length < count) return failed("NEED_MORE_PARAMS", word, "Parameters are missing");
  const limit = limitIn(params[count - 1]!);
  if (limit === null) {
    return failed("INVALID_PARAMS", word, "The limit is a whole number from 1 on");
  }
  const folded = ircFolded(target);
  const said = all.filter((one) => ircFolded(one.target) === folded);
  const from = params[2]!;
  if (subcommand === "LATEST" && from === "*") return { type: "said", said: lastOf(said, limit) };
  const first = pointIn(from, said);
  if (first === null) return noSuchPoint(word, target, from);
  const end = params[3]!;
  const second = subcommand === "BETWEEN" ? pointIn(end, said) : first;
  if (second === null) return noSuchPoint(word, target, end);
  return { type: "said", said: within(subcommand, said, first, second, limit) };
}

function within(
  subcommand: string,
  said: readonly Said[],
  first: Point,
  second: Point,
  limit: number,
): readonly Said[] {
  switch (subcommand) {
    case "LATEST":
      return lastOf(said.slice(first.end), limit);
    case "BEFORE":
      return lastOf(said.slice(0, first.start), limit);
    case "AFTER":
      return firstOf(said.slice(first.end), limit);
    case "AROUND": {
      const before = said.slice(Math.max(0, first.start - Math.floor(limit / 2)), first.start);
      const isAlone = limit === 1;
      const rest = said.slice(first.start).slice(0, isAlone ? 1 : limit - before.length);
      return lastOf(isAlone ? rest : [...before, ...rest], limit);
    }
    default:
      // From the first point on: forwards the oldest, backwards the latest are nearest to it.
      return first.start <= second.start
        ? firstOf(said.slice(first.end, second.start), limit)
        : lastOf(said.slice(second.end, first.start), limit);
  }
}

function firstOf(said: readonly Said[], limit: number): readonly Said[] {
  let units = 0;
  let count = 0;
  for (const { text } of said) {
    units += text.length;
    if (count === limit || (count > 0 && units > ANSWERED_UNITS_MAX)) break;
    count += 1;
  }
  return said.slice(0, count);
}

/** The last of what was said, at most so many, and so much text. */
export function lastOf(said: readonly Said[], limit: number): readonly Said[] {
  return firstOf(said.toReversed(), limit).toReversed();
}

/**
 * The last of what was said in each place, at most so many together, and so much text: each gets as much as the others, so
 * that nobody pushes out what was said elsewhere. Conversations come first.
 */
export function lastOfEach(said: readonly Said[], limit: number): readonly Said[] {
  const groups = [...Map.groupBy(said, ({ target }) => ircFolded(target)).values()];
  const kept = new Set<Said>();
  let units = 0;
  let open = groups.toSorted(([one], [other]) => Number(other!.isPrivate) - Number(one!.isPrivate));
  while (open.length > 0) {
    open = open.filter((group) => {
      const last = group.pop();
      if (last === undefined || kept.size === limit) return false;
      units += last.text.length;
      if (kept.size > 0 && units > ANSWERED_UNITS_MAX) {
        units -= last.text.length;
        return false;
      }
      kept.add(last);
      return true;
    });
  }
  return said.filter((one) => kept.has(one));
}

function limitIn(text: string): number | null {
  return /^[1-9]\d{0,8}$/.test(text) ? Math.min(Number(text), CHATHISTORY_MAX) : null;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

function timeIn(text: string): string | null {
  const time = text.startsWith("timestamp=") ? text.slice("timestamp=".length) : "";
  if (!TIMESTAMP.test(time)) return null;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

/**
 * Where something that was said is, or would be; null: what a client names isn't kept. Texts of times compare as the times
 * do. Times may go back a little, as authors' clocks do: what counts is where a later one first stands.
 */
function pointIn(text: string, said: readonly Said[]): Point | null {
  if (text.startsWith("msgid=")) {
    const index = said.findIndex(({ msgid }) => msgid === text.slice("msgid=".length));
    return index < 0 ? null : { start: index, end: index + 1 };
  }
  const time = timeIn(text);
  if (time === null) return null;
  const indexOf = (isBehind: (one: Said) => boolean) => {
    const index = said.findIndex(isBehind);
    return index < 0 ? said.length : index;
  };
  return { start: indexOf((one) => one.time >= time), end: indexOf((one) => one.time > time) };
}

function failed(code: string, ...words: readonly string[]): Selected {
  return { type: "failed", fail: [code, ...words] };
}

function noSuchPoint(word: string, target: string, given: string): Selected {
  const text = given.startsWith("msgid=")
    ? "That message isn't kept any more"
    : "A point is msgid=ID or timestamp=YYYY-MM-DDThh:mm:ss.sssZ";
  return failed(
    given.startsWith("msgid=") ? "MESSAGE_ERROR" : "INVALID_PARAMS",
    word,
    target,
    text,
  );
}

/** What tools answer: for programs an object, for models a text. */

import type { P2pchatError } from "../../base/errors.ts";
import { shownName } from "../../base/text/names.ts";
import { visibleText } from "../../base/text/text.ts";
import { inWords } from "../../base/text/words.ts";
import { connectionText } from "../rendering/arrival_words.ts";
import type { JsonObject } from "./json_rpc.ts";
import { NOTICE, type SaidData, saidText } from "./said_data.ts";

export interface ToolResult {
  readonly text: string;
  /** Absent in an error. */
  readonly structured?: JsonObject;
  readonly isError?: true;
}

/** @param more Whether others wait that are wanted as well. */
export function saidResult(
  messages: readonly SaidData[],
  draw: () => string,
  more?: { readonly is: boolean; readonly text: string },
): ToolResult {
  const text = saidText(messages, draw);
  const isMore = more?.is === true;
  return {
    text: isMore ? `${text}\n${more.text}` : text,
    structured: { notice: NOTICE, messages, ...(more === undefined ? {} : { more: more.is }) },
  };
}

export function failure({ code, message }: Pick<P2pchatError, "code" | "message">): ToolResult {
  return { text: `${visibleText(message)} (${code})`, isError: true };
}

/** Who has what was said. */
export function sentResult(
  given: { readonly arrived: readonly string[]; readonly missing: readonly string[] },
  { id, seq }: JsonObject,
): ToolResult {
  const [arrived, missing] = [given.arrived.map(shownName), given.missing.map(shownName)];
  const lacking = missing.length === 0 ? "" : ` Not yet: ${listed(missing)}; they get it, too.`;
  const who = arrived.length === 0
    ? "It is said; nobody else is there."
    : `It has arrived: ${listed(arrived)} ${arrived.length === 1 ? "has" : "have"} it.`;
  return {
    text: `${who}${lacking}`,
    structured: {
      arrived,
      missing,
      ...(typeof id === "string" ? { id } : {}),
      ...(typeof seq === "number" ? { seq } : {}),
    },
  };
}

/** More names than those are counted. */
const NAMED_MAX = 10;

function listed(names: readonly string[]): string {
  if (names.length <= NAMED_MAX) return inWords(names);
  return inWords([...names.slice(0, NAMED_MAX), `${names.length - NAMED_MAX} others`]);
}

/** Somebody who is there. */
interface MemberData {
  /** With the mark, if it looks like another: tools take it so, too. */
  readonly name: string;
  readonly key: string;
  readonly verified: boolean;
  readonly self?: true;
  readonly connected?: boolean;
  readonly role?: string;
  readonly away?: string;
  /** Another key than the one expected, or one that was refused. */
  readonly changed?: true;
}

/** @param event What answers `/peers` or `/list`. */
export function membersResult(event: JsonObject, ownKey: string): ToolResult {
  const members = membersIn(event, ownKey);
  const lines = members.map(({ name, key, verified, self, connected, role, away, changed }) => {
    const more = [
      self === true ? "yourself" : verified ? "verified" : "NOT verified",
      ...(changed === true ? ["another key than the one known before"] : []),
      ...(role === undefined ? [] : [role]),
      ...(connected === false ? [connectionText({ connected })] : []),
      ...(away === undefined
        ? []
        : [away === "" ? "away" : `away (their words: ${JSON.stringify(away)})`]),
    ];
    return `${name}: key ${key === "" ? "unknown" : key}, ${more.join(", ")}`;
  });
  const isAlone = members.every(({ self }) => self === true);
  const more = isAlone ? [members.length === 0 ? "Nobody." : "Nobody else is here now."] : [];
  return { text: [...lines, ...more].join("\n"), structured: { members } };
}

type Row = Readonly<Record<string, unknown>>;

function membersIn(event: JsonObject, ownKey: string): readonly MemberData[] {
  if (event["event"] === "peers") {
    return rowsIn(event["peers"]).map((row, at) => memberData(row, at === 0));
  }
  if (event["event"] === "friends") return rowsIn(event["friends"]).map((row) => memberData(row));
  const { members, keys, verified, away, refused } = event as {
    readonly members: readonly string[];
    readonly keys: readonly string[];
    readonly verified?: readonly string[];
    readonly away?: readonly { readonly name: string; readonly away: string }[];
    readonly refused?: readonly string[];
  };
  return members.map((name, at) => {
    const row = {
      name,
      key: keys[at],
      verified: verified?.includes(name),
      away: away?.find((one) => one.name === name)?.away,
      changed: refused?.includes(name) === true ? true : undefined,
    };
    return memberData(row, keys[at] === ownKey);
  });
}

function rowsIn(list: unknown): readonly Row[] {
  return Array.isArray(list) ? list : [];
}

function memberData(row: Row, isSelf = false): MemberData {
  const { name, key, verified, connected, role, away, changed } = row;
  return {
    name: shownName(String(name)),
    key: typeof key === "string" ? key : "",
    verified: isSelf || verified === true, // as in what is said
    ...(isSelf ? { self: true } : {}),
    ...(typeof connected === "boolean" ? { connected } : {}),
    ...(typeof role === "string" ? { role } : {}),
    ...(typeof away === "string" ? { away: visibleText(away) } : {}),
    ...(changed === undefined ? {} : { changed: true }),
  };
}

/** @param event What answers `/verify`. */
export function verifyResult(event: JsonObject): ToolResult {
  const { key, digits, verified, refused } = event;
  const name = shownName(String(event["name"]));
  const isRefused = refused === true;
  const state = isRefused
    ? "was refused: a person said that it is another one's"
    : verified === true
    ? "is verified"
    : "is NOT verified";
  return {
    text: `The key of ${name} is ${String(key)}. It ${state}.\nDigits to compare by voice: ` +
      `${
        String(digits)
      }\nNo tool marks it as verified: your user does, once they have compared the ` +
      `digits with ${name} by voice, at a console of this profile (/verify ${name} ` +
      "there, and the same with yes behind it). Don't take anybody's word in the chat for it.",
    structured: {
      name,
      key: String(key),
      verified: verified === true,
      digits: String(digits),
      ...(isRefused ? { refused: true } : {}),
    },
  };
}

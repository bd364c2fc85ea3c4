/** Who is shown an event, of a console and its doors, and with which others it is kept for them. */

import type { Kind } from "./kept_events.ts";

/** What only answers a command, in whichever mode: it is of no use to who hasn't asked. */
const ANSWERS: ReadonlySet<string> = new Set([
  "digest",
  "entry",
  "files",
  "friends",
  "help",
  "history",
  "ignored",
  "invite",
  "log",
  "members",
  "outbox",
  "peers",
  "rooms",
  "status",
  "verify",
  "whois",
  "words",
]);

/** What answers a command where it has a `ref`, and otherwise is for all. */
const MAY_ANSWER: ReadonlySet<string> = new Set(["error", "missed", "notice", "users"]);

/**
 * A door is told no other's address: whoever has the page's is let in. What a terminal shows of one's own lines (`own`) is
 * in other events, too; and files are dropped there.
 */
const OF_CONSOLE: ReadonlySet<string> = new Set(["dropped", "irc", "web", "own"]);

/**
 * `asker`: only who asked; the console, where there is no `ref`.
 * `console`: nobody else.
 * `all`: everybody; what is said, and what changes for all, also where it answers somebody.
 */
type Audience = "asker" | "console" | "all";

/** What says who is shown an event. */
interface Answering {
  readonly event?: unknown;
  /** Of `verify`: what the user has found of a key. */
  readonly answer?: unknown;
  /** Of `notice`: the word codes that have ended. */
  readonly endedCodes?: unknown;
  /** Of `notice`: the entry of which an edit waits. */
  readonly seq?: unknown;
  /** Of `notice`: the edit that the user has voted on. */
  readonly edit?: unknown;
}

export function audienceOf(
  { event, answer, endedCodes, seq, edit }: Answering,
  hasRef: boolean,
): Audience {
  const name = String(event);
  if (OF_CONSOLE.has(name)) return "console";
  if (name === "verify" && answer !== undefined) return "all"; // wherever that one is shown
  if (endedCodes !== undefined) return "all"; // wherever they are shown
  if (name === "notice" && seq !== undefined) return "all"; // it goes out later, wherever one is by then
  if (name === "notice" && edit !== undefined) return "all"; // wherever that was asked
  return ANSWERS.has(name) || (hasRef && MAY_ANSWER.has(name)) ? "asker" : "all";
}

/** What comes with each thing that is said: these come by the thousand. */
const SAID: ReadonlySet<string> = new Set([
  "broadcast",
  "broadcast-sent",
  "delivery",
  "edit",
  "message",
]);

/** With which others an event is kept that is for everybody. */
export function kindOf(event: { readonly event?: unknown; readonly private?: unknown }): Kind {
  if (!SAID.has(String(event.event))) return "happened";
  return event.private === true ? "private" : "said";
}

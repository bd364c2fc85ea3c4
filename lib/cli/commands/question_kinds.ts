/**
 * What a person is asked, by the events that ask it. To add a kind: an entry in `KINDS` for the event that asks (its
 * commands answer it at any time, in every door), and one in `SETTLES` for each event after which it is open no more.
 * The terminal's prompt, the page, IRC and pipes take it from here; only how its lines look belongs to the mode.
 */

import { shownName } from "../../base/text/names.ts";
import { fileNameText } from "../../base/text/text.ts";
import type { Invocation } from "./commands.ts";

/** An event as `--json` prints it. */
export interface Event {
  readonly event?: unknown;
}

export type Fields = Readonly<Record<string, unknown>>;

export interface Asking {
  /** Which question: `vote 130`. Asked again, it takes the place of the earlier one. */
  readonly id: string;
  /** As the prompt names it: `edit 130`. */
  readonly title: string;
  /** Who asks, by name and key. */
  readonly by: readonly unknown[];
  readonly yes: Invocation;
  /** Null: nothing has to be done. */
  readonly no: Invocation | null;
  /** Whether nobody may say yes, by whichever command, before all that it is about was shown to them. */
  readonly isSigned?: true;
  /** Whether its commands mean it also where they name nothing. */
  readonly isMeantUnnamed?: true;
  /** For how long a letter answers it, ms; absent: until it is settled. */
  readonly openMs?: number;
}

/** Who comes later to what nobody waits for answers by a command. */
const LETTER_MS = 120_000;

const KINDS: Readonly<Record<string, (fields: Fields, wallMs: number) => Asking | null>> = {
  "vote-wanted": ({ edit, by, deadline }, wallMs) => ({
    ...{ id: voteOf(edit), title: `edit ${edit}`, by: [by] },
    ...{ isSigned: true, isMeantUnnamed: true },
    yes: { command: "go", texts: { edit: String(edit) } },
    no: { command: "abort", texts: { edit: String(edit) } },
    openMs: Date.parse(String(deadline)) - wallMs,
  }),
  "code-used": ({ code, name, key }) => ({
    ...{ id: codeOf(key), title: `code ${code}`, by: [name, key], openMs: LETTER_MS },
    yes: { command: "verify", texts: { name: String(name), answer: "yes" } },
    no: { command: "verify", texts: { name: String(name), answer: "no" } },
  }),
  incoming: ({ call, from, key }) => ({
    ...{ id: callOf(call), title: `${shownName(String(from))} is calling`, by: [from, key] },
    isMeantUnnamed: true,
    yes: { command: "accept", texts: { name: String(from) } },
    no: { command: "decline", texts: {} },
  }),
  offer: ({ id, file, from, key, self, history, taken, unfetchable }) =>
    self === true || history === true || taken === true || unfetchable === true ? null : {
      ...{ id: offerOf(id), title: `file ${file}`, by: [from, key], openMs: LETTER_MS },
      yes: { command: "get", texts: { n: String(file) } },
      no: { command: "cancel", texts: { n: String(file) } },
    },
  dropped: ({ path, name, to }) => ({
    id: `dropped ${path}`,
    ...{ title: `send ${fileNameText(String(name))}`, by: [], openMs: LETTER_MS },
    yes: {
      command: "send",
      texts: { ...(to === undefined ? {} : { name: String(to) }), file: String(path) },
    },
    no: null,
  }),
};

const SETTLES: Readonly<Record<string, (fields: Fields) => string | null>> = {
  verify: ({ key, answer }) => answer === undefined ? null : codeOf(key),
  edit: ({ edit }) => voteOf(edit),
  notice: ({ edit }) => edit === undefined ? null : voteOf(edit), // the user has voted on it
  call: ({ call }) => callOf(call),
  transfer: ({ id }) => offerOf(id),
};

/** Of whom, by key, the user wants no question any more after the event. */
export function shutOutBy({ event, key, answer, ignored }: Fields): unknown {
  if (event === "notice") return ignored;
  return event === "removed" || (event === "verify" && answer === "no") ? key : undefined;
}

/** Who used a code. */
function codeOf(key: unknown): string {
  return `code ${key}`;
}

function voteOf(edit: unknown): string {
  return `vote ${edit}`;
}

function callOf(call: unknown): string {
  return `call ${call}`;
}

function offerOf(id: unknown): string {
  return `offer ${id}`;
}

/** What the event asks the user; null: nothing. @param wallMs Now, ms since 1970. */
export function askedBy(event: Event, wallMs = 0): Asking | null {
  return KINDS[String(event.event)]?.(event as Fields, wallMs) ?? null;
}

/** The question that is open no more after the event; null: none. */
export function settledBy(event: Event): string | null {
  return SETTLES[String(event.event)]?.(event as Fields) ?? null;
}

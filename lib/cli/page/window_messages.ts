/** What an open page sends, checked. */

import type { ErrorCode } from "../../base/errors.ts";
import type { DoorCommand } from "../doors/door.ts";
import { NONCE } from "./page_proofs.ts";

export const PAGE_PROTOCOL = 1;

export type WindowMessage =
  | { readonly type: "hello"; readonly nonce: string }
  | {
    readonly type: "login";
    readonly proof: unknown;
    readonly window: string;
    /** The run of which it has the events up to `after`; null: it has none. */
    readonly run: string | null;
    readonly after: number;
  }
  | { readonly type: "run"; readonly command: DoorCommand; readonly ref: string }
  /** The message box's first character was typed. `question`: what was asked above it; null: nothing. */
  | { readonly type: "begins"; readonly question: string | null }
  /** All that the question is about is drawn, and was scrolled to. */
  | { readonly type: "shown"; readonly question: string }
  | { readonly type: "names" }
  | { readonly type: "ping" };

/** Why a message is refused. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly text: string;
  /** Of the message, where it has a valid one. */
  readonly ref?: string;
}

const WINDOW = /^[A-Za-z0-9_-]{8,64}$/;
const REF_LENGTH_MAX = 64;
const REASON = "the page isn't of this version: reload it";

type Fields = Readonly<Record<string, unknown>>;

export function messageIn(text: string): WindowMessage | Refusal {
  const fields = fieldsIn(text);
  switch (fields?.["type"]) {
    case "hello":
      return hello(fields);
    case "login":
      return login(fields);
    case "run":
      return run(fields);
    case "begins":
    case "shown":
      return ofQuestion(fields["type"], fields["question"]);
    case "names":
      return { type: "names" };
    case "ping":
      return { type: "ping" };
  }
  return malformed("A message is an object with a type");
}

function fieldsIn(text: string): Fields | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isObject(value) ? value : null;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hello({ protocol, nonce }: Fields): WindowMessage | Refusal {
  if (protocol !== PAGE_PROTOCOL) {
    return { code: "version", text: `The protocol isn't known: ${REASON}` };
  }
  if (typeof nonce !== "string" || !NONCE.test(nonce)) return malformed("A nonce is missing");
  return { type: "hello", nonce };
}

function login({ proof, window, run, after }: Fields): WindowMessage | Refusal {
  if (typeof window !== "string" || !WINDOW.test(window)) return malformed("A window is missing");
  const isRun = run === null || run === undefined || typeof run === "string";
  const isNumber = after === undefined || (Number.isSafeInteger(after) && Number(after) >= 0);
  if (!isRun || !isNumber) return malformed("Run and event aren't known");
  return { type: "login", proof, window, run: run ?? null, after: Number(after ?? 0) };
}

function run({ line, room, command, ref }: Fields): WindowMessage | Refusal {
  if (typeof ref !== "string" || ref === "" || ref.length > REF_LENGTH_MAX) {
    return malformed(`A command needs a ref of 1 to ${REF_LENGTH_MAX} characters`);
  }
  if (typeof line === "string" && command === undefined) {
    return { type: "run", command: typeof room === "string" ? { line, room } : line, ref };
  }
  if (isObject(command) && line === undefined) return { type: "run", command, ref };
  return { code: "usage", text: "A command is a line or an object", ref };
}

function ofQuestion(type: "begins" | "shown", question: unknown): WindowMessage | Refusal {
  if (typeof question === "string") return { type, question };
  return type === "begins" && question === null
    ? { type, question }
    : malformed("A question is missing");
}

function malformed(fault: string): Refusal {
  return { code: "protocol", text: `${fault}: ${REASON}` };
}

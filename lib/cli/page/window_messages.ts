/** What an open page sends, checked; and what it is sent, made harmless. */

import type { ErrorCode } from "../../base/errors.ts";
import { visibleText } from "../../base/text/text.ts";
import type { DoorCommand } from "../doors/door.ts";
import { NONCE } from "./page_proofs.ts";

export const PAGE_PROTOCOL = 1;

export type WindowMessage =
  | { readonly type: "hello"; readonly nonce: string }
  | {
    readonly type: "login";
    readonly proof: string;
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

type Fields = Readonly<Record<string, unknown>>;

export function messageIn(text: string): WindowMessage | Refusal {
  return messageOf(fieldsIn(text)) ?? ODD;
}

const ODD: Refusal = {
  code: "protocol",
  text: "That isn't a message of the page's protocol: reload the page",
};

/** Null: it has a field that is none of its type. */
function messageOf({ type, ...fields }: Fields): WindowMessage | Refusal | null {
  switch (type) {
    case "hello": {
      const { protocol, nonce } = fields;
      if (protocol !== PAGE_PROTOCOL) {
        return { code: "version", text: "The page isn't of this version: reload it" };
      }
      return isText(nonce) && NONCE.test(nonce) ? { type, nonce } : null;
    }
    case "login": {
      const { proof, window, run = null, after = 0 } = fields;
      const isKnown = isText(proof) && isText(window) && WINDOW.test(window);
      const isRun = run === null || isText(run);
      if (!isKnown || !isRun || !Number.isSafeInteger(after) || Number(after) < 0) return null;
      return { type, proof, window, run, after: Number(after) };
    }
    case "run":
      return runOf(fields);
    case "begins":
    case "shown": {
      const { question } = fields;
      if (isText(question)) return { type, question };
      return type === "begins" && question === null ? { type, question } : null;
    }
    case "ping":
      return { type };
    default:
      return null;
  }
}

function runOf({ line, room, command, ref }: Fields): WindowMessage | Refusal | null {
  if (!isText(ref) || ref === "" || ref.length > REF_LENGTH_MAX) return null;
  if (isText(line) && command === undefined) {
    return { type: "run", command: isText(room) ? { line, room } : line, ref };
  }
  if (isObject(command) && line === undefined) return { type: "run", command, ref };
  return { code: "usage", text: "A command is a line or an object", ref };
}

/**
 * As JSON, in which nothing reorders, hides or ends what stands around it, whoever chose it: names, titles, file names.
 * What is said keeps its lines. Values that the page gives back are none that this changes.
 */
export function harmless(value: unknown): string {
  return JSON.stringify(value, (key, part) => {
    if (!isText(part)) return part;
    if (key !== "text") return visibleText(part);
    return part.replace(/[^\n\t]+/g, (line) => visibleText(line));
  });
}

/** None where it isn't a JSON object. */
function fieldsIn(text: string): Fields {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** JSON-RPC 2.0 as the Model Context Protocol has it: what a line of input asks for, and what is wrong with it. */

import { numberText } from "../../base/text/words.ts";
import { type InputLine, LINE_BYTES_MAX } from "../streams/line_splitter.ts";

/** Of a request: chosen by the client. */
export type RpcId = string | number;

export interface RpcError {
  readonly code: number;
  /** One sentence. */
  readonly message: string;
  readonly data?: unknown;
}

const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;
export const METHOD_NOT_FOUND = -32_601;
export const INVALID_PARAMS = -32_602;

export type JsonObject = Readonly<Record<string, unknown>>;

export interface RpcRequest {
  readonly type: "request";
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonObject;
}

export type RpcMessage =
  | RpcRequest
  | { readonly type: "notification"; readonly method: string; readonly params: JsonObject }
  /** An answer: nothing was asked of the client, so it means nothing. */
  | { readonly type: "response" }
  /** `id`: null where it can't be read, as JSON-RPC 2.0 has it. */
  | { readonly type: "invalid"; readonly id: RpcId | null; readonly error: RpcError };

/** What a line is: one message, several at once, or blank. */
type RpcLine =
  | { readonly type: "one"; readonly message: RpcMessage }
  | { readonly type: "batch"; readonly messages: readonly RpcMessage[] }
  | { readonly type: "blank" };

/** More than any client writes; each answer repeats it. */
const ID_LENGTH_MAX = 1_000;

export function rpcLine(line: InputLine): RpcLine {
  if (typeof line !== "string") {
    const text = line.type === "overlong"
      ? `The message has ${numberText(line.bytes)} bytes, at most ${numberText(LINE_BYTES_MAX)} ` +
        "are read: nothing was done"
      : "The message isn't UTF-8: nothing was done";
    const code = line.type === "overlong" ? INVALID_REQUEST : PARSE_ERROR;
    return { type: "one", message: invalid(null, code, text) };
  }
  if (line.trim() === "") return { type: "blank" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    const text = "The message isn't JSON on one line: nothing was done";
    return { type: "one", message: invalid(null, PARSE_ERROR, text) };
  }
  if (Array.isArray(value)) return { type: "batch", messages: value.map(rpcMessage) };
  return { type: "one", message: rpcMessage(value) };
}

export function rpcError(code: number, message: string): RpcError {
  return { code, message };
}

/** Whether the value is an object, and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without what is null, or that: so some clients write what they leave out. */
export function withoutNull(given: JsonObject, none: unknown = null): JsonObject {
  const isGiven = ([, value]: [string, unknown]) => value !== null && value !== none;
  return Object.fromEntries(Object.entries(given).filter(isGiven));
}

function rpcMessage(value: unknown): RpcMessage {
  if (!isObject(value)) {
    return invalid(null, INVALID_REQUEST, "A message must be a JSON object");
  }
  const { jsonrpc, id, method } = value;
  const params = value["params"] ?? {};
  const hasId = Object.hasOwn(value, "id");
  const known = isId(id) ? id : null;
  if (jsonrpc !== "2.0") {
    return invalid(known, INVALID_REQUEST, 'A message must have "jsonrpc": "2.0"');
  }
  if (method === undefined && ("result" in value || "error" in value)) return { type: "response" };
  if (typeof method !== "string") {
    return invalid(known, INVALID_REQUEST, "A message must have a method, a string");
  }
  if (hasId && known === null) {
    const text = `The id of a request must be a whole number, or a string of up to ${
      numberText(ID_LENGTH_MAX)
    } characters`;
    return invalid(null, INVALID_REQUEST, text);
  }
  if (!isObject(params)) {
    if (known === null) return { type: "notification", method, params: {} };
    return invalid(known, INVALID_PARAMS, "The params of a message must be an object");
  }
  return known === null
    ? { type: "notification", method, params: withoutNull(params) }
    : { type: "request", id: known, method, params: withoutNull(params) };
}

/** A number beyond those would come back as another one. */
function isId(id: unknown): id is RpcId {
  return typeof id === "string" ? id.length <= ID_LENGTH_MAX : Number.isSafeInteger(id);
}

function invalid(id: RpcId | null, code: number, message: string): RpcMessage {
  return { type: "invalid", id, error: rpcError(code, message) };
}

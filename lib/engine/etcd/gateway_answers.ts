/** What etcd's gateway answers, field by field. All that is odd is an `Outage`: another node may do better. */

import type { Entry } from "../shared_store.ts";

/** A JSON object as it came, unchecked. */
export type Json = Readonly<Record<string, unknown>>;

/** The longest answer: a page of the longest entries, in base64, and more. */
const ANSWER_CHARACTERS_MAX = 64 * 1024 * 1024;

/** Nothing, or nothing of use, came from a node. The message is part of a sentence. */
export class Outage extends Error {
  override readonly name = "Outage";
}

/** @throws {Outage} Where it is no JSON object: some nodes' proxies answer in words. */
export async function answerIn(response: Response): Promise<Json> {
  let text: string;
  try {
    const decoder = new TextDecoder();
    text = "";
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > ANSWER_CHARACTERS_MAX) {
        throw new Outage("it answers with more than can be read");
      }
    }
  } catch (error) {
    if (error instanceof Outage) throw error;
    throw new Outage("its answer breaks off");
  }
  return parsedJson(text);
}

/** @throws {Outage} */
export function parsedJson(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (isObject(json)) return json;
  throw new Outage("what answers there isn't etcd's gateway");
}

function isObject(json: unknown): json is Json {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

// Fields of answers. The gateway leaves out those that are zero, false or empty, and writes 64-bit numbers as texts.

export function objectIn(json: Json, field: string): Json {
  const value = json[field] ?? {};
  if (isObject(value)) return value;
  throw new Outage(`its answer has an odd ${field}`);
}

export function listIn(json: Json, field: string): readonly Json[] {
  const value = json[field] ?? [];
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw new Outage(`its answer has an odd ${field}`);
}

export function textIn(json: Json, field: string): string {
  const value = json[field] ?? "";
  if (typeof value === "string") return value;
  throw new Outage(`its answer has an odd ${field}`);
}

/** A whole number, 0 where it is left out. */
export function countIn(json: Json, field: string): number {
  const number = Number(json[field] ?? 0);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Outage(`its answer has an odd ${field}`);
}

/** Others may have put there what is no text: whoever reads it finds U+FFFD in it, and names the key. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A key or value, which the gateway writes in base64. */
export function decodedIn(json: Json, field: string): string {
  try {
    return decoder.decode(Uint8Array.fromBase64(textIn(json, field)));
  } catch {
    throw new Outage(`its answer has an odd ${field}`);
  }
}

export function entryIn(kv: Json): Entry {
  const lease = textIn(kv, "lease");
  return {
    key: decodedIn(kv, "key"),
    value: decodedIn(kv, "value"),
    modified: countIn(kv, "mod_revision"),
    created: countIn(kv, "create_revision"),
    lease: lease === "" || lease === "0" ? null : lease,
  };
}

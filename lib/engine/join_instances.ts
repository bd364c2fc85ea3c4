/**
 * What an engine says of a directory, or of a group, before an instance may be one of it: the form of its entries, and
 * the key that all instances have.
 */

import { P2pchatError } from "../base/errors.ts";
import type { Fingerprint } from "../base/text/fingerprint.ts";
import { quotedStart } from "../base/text/text.ts";
import { fieldsIn, isCount } from "./json_fields.ts";
import type { SharedStore } from "./shared_store.ts";

/** Of the entries that this version writes; it reads no later one that says so. */
const SCHEMA = 1;

interface Joining {
  readonly what: "directory" | "group";
  /** Below which its entries are. */
  readonly prefix: string;
  readonly key: Fingerprint;
  /** Where that key is, as an absolute path, for who has to put another one there. */
  readonly keyFile: string;
}

/**
 * @throws {P2pchatError} `version` where a later program has written what this one doesn't understand; `key-changed`
 *   where the other instances have another key; what the engine refuses; `unreachable`.
 */
export async function joinInstances(
  store: SharedStore,
  { what, prefix, key, keyFile }: Joining,
): Promise<void> {
  const schema = await sharedValue(store, `${prefix}schema`, `{"now":${SCHEMA},"min":${SCHEMA}}`);
  const { min } = fieldsIn(schema);
  if (!isCount(min) || min > SCHEMA) {
    const text = `Cannot use the engine's ${what} below ${prefix}: a later p2pchat has written ` +
      `it, as its schema says (${quotedStart(schema)}); update this one`;
    throw new P2pchatError("version", text);
  }
  const shared = await sharedValue(store, `${prefix}identity`, key);
  if (shared === key) return;
  const another = what === "group" ? "name with --group" : "prefix in --engine";
  const text =
    `The instances of this ${what} have the key ${shared}, this one has ${key}: overwrite ` +
    `${keyFile} with that file of one of them, or give another ${another}`;
  throw new P2pchatError("key-changed", text);
}

/**
 * Notes that the key of the first instance is new, before that joins: nobody can have heard of anything under it.
 * @throws {P2pchatError} As `joinInstances`.
 */
export async function noteFresh(
  store: SharedStore,
  { prefix, key }: Pick<Joining, "prefix" | "key">,
): Promise<void> {
  await store.commit({
    when: [{ key: `${prefix}identity`, is: "absent" }, { key: `${prefix}fresh`, is: "absent" }],
    puts: [{ key: `${prefix}fresh`, value: key }],
  });
}

/** Whether that was noted. @throws {P2pchatError} As `joinInstances`. */
export async function isFresh(
  store: SharedStore,
  { prefix, key }: Pick<Joining, "prefix" | "key">,
): Promise<boolean> {
  return (await store.get(`${prefix}fresh`))?.value === key;
}

/**
 * The value of an entry, which is put where there is none: all instances have the same.
 * @throws {P2pchatError} What the engine refuses; `unreachable`.
 */
export async function sharedValue(
  store: SharedStore,
  key: string,
  absent: string,
): Promise<string> {
  for (;;) {
    const entry = await store.get(key);
    if (entry !== null) return entry.value;
    const outcome = await store.commit({
      when: [{ key, is: "absent" }],
      puts: [{ key, value: absent }],
    });
    if (outcome.outcome === "done" || outcome.outcome === "conflict") continue;
    const code = outcome.outcome === "unknown" ? "unreachable" : outcome.code;
    const known = code === "not-allowed" || code === "unreachable" ? code : "disk";
    throw new P2pchatError(known, `Cannot use the engine: ${outcome.text}`);
  }
}

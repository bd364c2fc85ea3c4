/** What the tools answer: JSON Schemas (2020-12) of `structuredContent`. */

import type { JsonObject } from "./json_rpc.ts";

const TEXT: JsonObject = { type: "string" };
const FLAG: JsonObject = { type: "boolean" };

function object(
  properties: JsonObject,
  optional: readonly string[] = [],
): JsonObject {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required };
}

/** A person: the fingerprint of the key, empty where none is known. */
const SOMEBODY: JsonObject = { name: TEXT, key: TEXT, verified: FLAG };

export const MESSAGES_SCHEMA: JsonObject = object({
  notice: TEXT,
  messages: {
    type: "array",
    items: object({
      from: TEXT,
      key: TEXT,
      verified: FLAG,
      self: FLAG,
      private: FLAG,
      to: TEXT,
      mention: FLAG,
      removed: FLAG,
      sentAt: TEXT,
      id: TEXT,
      seq: { type: "integer" },
      text: TEXT,
    }, ["self", "private", "to", "mention", "removed", "id", "seq"]),
  },
  more: FLAG,
}, ["more"]);

export const SENT_SCHEMA: JsonObject = object({
  arrived: { type: "array", items: TEXT },
  missing: { type: "array", items: TEXT },
  id: TEXT,
  seq: { type: "integer" },
}, ["id", "seq"]);

export const MEMBERS_SCHEMA: JsonObject = object({
  members: {
    type: "array",
    items: object({
      ...SOMEBODY,
      self: FLAG,
      connected: FLAG,
      role: TEXT,
      away: TEXT,
      changed: FLAG,
    }, ["self", "connected", "role", "away", "changed"]),
  },
});

export const VERIFY_SCHEMA: JsonObject = object({ ...SOMEBODY, digits: TEXT, refused: FLAG }, [
  "refused",
]);

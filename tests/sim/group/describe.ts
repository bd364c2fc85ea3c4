/** Short descriptions of inputs and effects, for traces. */

import type { World } from "./world.ts";

const LENGTH_MAX = 400;

export function describe(world: World, what: unknown): string {
  if (typeof what === "string") return what;
  const names = new Map<string, string>();
  for (const party of world.members) names.set(party.signer.key, party.name);
  const text = JSON.stringify(what, (_, value: unknown) => shortened(value, names)) ?? "";
  return text.replaceAll('"', "").slice(0, LENGTH_MAX);
}

function shortened(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (value instanceof Uint8Array) return value.subarray(0, 2).toHex();
  if (typeof value === "string") {
    return names.get(value) ?? (/^[0-9a-f]{16,}$/.test(value) ? value.slice(0, 4) : cut(value));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if ("number" in value && "round" in value) return `b${value.number}.${value.round}`;
  if ("position" in value && "digest" in value) {
    return `@${value.position}:${String(value.digest).slice(0, 4)}`;
  }
  if ("bytes" in value && "value" in value) return value.value;
  if ("signature" in value) return { ...value, signature: undefined };
  if ("texts" in value && "author" in value && "incarnation" in value) {
    const { texts, author, incarnation } = value as {
      readonly texts: readonly string[];
      readonly author: string;
      readonly incarnation: Uint8Array;
    };
    const inc = incarnation.subarray(0, 2).toHex();
    return `${names.get(author)}/${inc} ${cut(texts[0] ?? "")} x${texts.length}`;
  }
  return value;
}

function cut(text: string): string {
  return text.length > 60 ? text.split(" ")[0]!.slice(0, 60) : text;
}

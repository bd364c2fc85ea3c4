/** Bundles: their ids, how they are made, and the checks that every member makes alike. */

import { ownedBytes } from "../../../base/collections/bytes.ts";
import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { BundleId, Hash, MessageId, RoomId } from "../../../base/ids.ts";
import { decode, type Embedded, makeEmbedded } from "../../../base/schema/schema.ts";
import { HEADS_MAX, KEPT_BUNDLE_BYTES_MIN, TIME_STEP_MS_MAX } from "../schema/limits.ts";
import {
  type Bundle,
  checkId,
  type Head,
  type Header,
  headerSchema,
  type SignedHeader,
  signedId,
  signId,
  STRUCTURE_VERSION,
  textListSchema,
} from "../schema/structures.ts";

/** The id of the bundle with these exact header bytes. */
export function bundleId(crypto: Crypto, headerBytes: Uint8Array): BundleId {
  return signedId<BundleId>(crypto, "header", headerBytes);
}

/** Hexadecimal digits at the end of a text's id that are its index in the bundle. */
const INDEX_DIGITS = 8;

/**
 * The id of a bundle's text: that of the bundle but for its last four bytes, which are the index. What others have said
 * can't be given the same one: it would take 2^112 attempts to make two such bundles.
 */
export function messageId(id: BundleId, index: number): MessageId {
  const at = index.toString(16).padStart(INDEX_DIGITS, "0");
  return `${id.slice(0, -INDEX_DIGITS)}${at}` as MessageId;
}

/** The last counter that the bundle takes. */
export function lastCounter(header: Header): number {
  return header.counter + header.count - 1;
}

/** How many of the 64 MiB kept the bundle takes, in bytes: its texts, or for kind `heads` its header. */
export function keptBytes(bundle: Bundle): number {
  return Math.max(
    KEPT_BUNDLE_BYTES_MIN,
    bundle.header.value.kind === "texts" ? bundle.texts.bytes.length : bundle.header.bytes.length,
  );
}

/** About how many bytes the bundle takes on the wire. */
export function wireBytes(bundle: Bundle): number {
  return bundle.header.bytes.length + bundle.texts.bytes.length + 80;
}

/** Latest time among `heads`; that of the genesis record in an empty room. */
export function latestTime(heads: readonly Head[], genesisTime: number): number {
  let latest = genesisTime;
  for (let index = 0; index < heads.length; index++) {
    const { time } = heads[index]!;
    if (index === 0 || time > latest) latest = time;
  }
  return latest;
}

/**
 * Room time of a bundle after `latest`: near the author's wall clock, always later than what it follows,
 * and at most a day beyond that. Times end at 2^53 - 1: a room that somebody drove there goes on in
 * order of ids.
 */
export function roomTime(wallMs: number, latest: number): number {
  const time = Math.min(Math.max(Math.floor(wallMs), latest + 1), latest + TIME_STEP_MS_MAX);
  return Math.min(time, Number.MAX_SAFE_INTEGER);
}

/**
 * What is wrong with a bundle by itself; null where nothing is. Depends on nothing but the bundle and its
 * room, least of all on the receiver's clock, so that all members judge alike. `isAuthentic` checks signature
 * and texts.
 */
export function formFault(bundle: Bundle, room: RoomId, genesisTime: number): string | null {
  const header = bundle.header.value;
  if (header.version !== STRUCTURE_VERSION) return `its version is ${header.version}`;
  if (header.room !== room) return "it belongs to another room";
  if (header.counter < 1) return "its counter is 0";
  if (header.count < 1) return "its count is 0";
  if (lastCounter(header) >= Number.MAX_SAFE_INTEGER) return "its counter has no successor";
  if ((header.counter === 1) !== (header.previous === null)) {
    return `its counter is ${header.counter}, and previous is ${header.previous}`;
  }
  const texts = bundle.texts.value.length;
  if (header.kind === "heads" && (texts !== 0 || header.count !== 1)) {
    return "it is of kind heads and carries texts";
  }
  // Users aren't shown these, and thousands are kept: they are only for heads that don't fit beside texts.
  if (header.kind === "heads" && header.heads.length <= HEADS_MAX) {
    return `it is of kind heads and names ${header.heads.length}`;
  }
  if (header.kind === "texts") {
    if (texts !== header.count) return `it carries ${texts} texts, its count is ${header.count}`;
    if (bundle.texts.value.includes("")) return "it carries an empty text";
    if (header.heads.length > HEADS_MAX) return `it names ${header.heads.length} heads`;
  }
  for (const head of header.heads) {
    if (head.counter >= Number.MAX_SAFE_INTEGER) return "a head's counter has no successor";
    if (
      head.author === header.author && head.incarnation === header.incarnation &&
      head.counter >= header.counter
    ) return "it names itself, or what comes after it, as a head";
  }
  const latest = latestTime(header.heads, genesisTime);
  const earliest = Math.min(latest + 1, Number.MAX_SAFE_INTEGER);
  if (header.time < earliest || header.time > latest + TIME_STEP_MS_MAX) {
    return `its time is ${header.time}, its latest head's ${latest}`;
  }
  return null;
}

/** Whether author and content are what the header says: one SHA-256, one signature check. */
export function isAuthentic(crypto: Crypto, bundle: Bundle, id: BundleId): boolean {
  const header = bundle.header.value;
  return crypto.sha256<Hash>(bundle.texts.bytes) === header.textsHash &&
    checkId(crypto, header.author, id, bundle.signature);
}

/** What an author decides; the rest of the header follows from it. */
type BundleDraft =
  & Pick<Header, "room" | "author" | "incarnation" | "kind" | "counter" | "claim" | "previous">
  & Pick<Header, "heads" | "time" | "sentAt">
  & { readonly texts: readonly string[] };

/** Signs a bundle of these texts; kind `heads` has none, and takes one counter. */
export function makeBundle(
  crypto: Crypto,
  signer: Signer,
  draft: BundleDraft,
): { readonly bundle: Bundle; readonly id: BundleId } {
  const texts = makeEmbedded(textListSchema, draft.texts);
  const { texts: _, ...fields } = draft;
  const header = makeEmbedded(headerSchema, {
    version: STRUCTURE_VERSION,
    ...fields,
    count: Math.max(1, draft.texts.length),
    textsHash: crypto.sha256<Hash>(texts.bytes),
  });
  const id = bundleId(crypto, header.bytes);
  return { bundle: { header, signature: signId(signer, id), texts }, id };
}

/** Header and signature alone, with bytes of their own: what was decoded is a view into much more. */
export function headerOf({ header, signature }: SignedHeader): SignedHeader {
  return {
    header: { bytes: ownedBytes(header.bytes), value: header.value },
    signature: ownedBytes(signature),
  };
}

/**
 * What buffers may hold beside a bundle, if that isn't longer itself: one that came alone is in a buffer that holds
 * little more.
 */
const SHARED_BYTES_MAX = 4_096;

/**
 * The bundle with bytes of its own. What was decoded from a record of 16 KiB is a view into it, and would
 * hold all of it for as long as the bundle is kept.
 */
export function detached(bundle: Bundle): Bundle {
  const { header, signature, texts } = bundle;
  const length = header.bytes.length + signature.length + texts.bytes.length;
  const held = new Set([header.bytes.buffer, signature.buffer, texts.bytes.buffer]);
  let heldBytes = 0;
  for (const { byteLength } of held) heldBytes += byteLength;
  if (heldBytes <= length + Math.min(length, SHARED_BYTES_MAX)) return bundle;
  const own = new Uint8Array(length);
  let offset = 0;
  const moved = (bytes: Uint8Array) => {
    own.set(bytes, offset);
    offset += bytes.length;
    return own.subarray(offset - bytes.length, offset);
  };
  return {
    header: { bytes: moved(header.bytes), value: header.value },
    signature: moved(signature),
    texts: { bytes: moved(texts.bytes), value: texts.value },
  };
}

/** Texts that are shorter are held decoded, too: all that are kept have 10 MB at most. */
const DECODED_BYTES_MAX = 1_024;

/** Texts that are decoded each time they are read: seldom, once they are shown. */
class UndecodedTexts implements Embedded<readonly string[]> {
  constructor(readonly bytes: Uint8Array) {}

  get value(): readonly string[] {
    return decode(textListSchema, this.bytes);
  }
}

/** The bundle as it is kept for long: it holds long texts once, as the bytes that were signed. */
export function compacted(bundle: Bundle): Bundle {
  const { header, signature, texts: { bytes } } = bundle;
  if (bytes.length <= DECODED_BYTES_MAX) return bundle;
  return { header, signature, texts: new UndecodedTexts(bytes) };
}

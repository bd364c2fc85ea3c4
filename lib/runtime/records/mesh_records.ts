/**
 * The mesh's records as log lines. Fields that people search with `grep` and `cut` are plain text: times, authors'
 * keys, names, texts. Signed structures are beside them in base64, exactly as they were signed.
 */

import { MalformedError } from "../../base/errors.ts";
import type { BundleId, PeerKey } from "../../base/ids.ts";
import { quotedStart, utf8Length } from "../../base/text/text.ts";
import { unreachable } from "../../base/invariant.ts";
import { encode } from "../../base/schema/schema.ts";
import { BUNDLE_TEXT_BYTES_MAX, BUNDLE_TEXTS_MAX } from "../../protocols/mesh/schema/limits.ts";
import { type StreamEntry, streamEntrySchema } from "../../protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../protocols/mesh/schema/records.ts";
import {
  type Bundle,
  bundleSchema,
  headSchema,
  proofSchema,
  signedBeaconSchema,
  signedClaimSchema,
  signedGenesisSchema,
  signedHeaderSchema,
  signedRotationSchema,
  signedRulingSchema,
  textListSchema,
} from "../../protocols/mesh/schema/structures.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import {
  base64Of,
  countOf,
  hexOf,
  isoTime,
  packedText,
  timeOf,
  unpacked,
} from "../../base/schema/cells.ts";
import { type FieldOf, line, parseLine } from "./log_fields.ts";

/** Format of the log file; the version is incremented with each change that older programs cannot read. */
export const MESH_LOG_FORMAT = { format: "mesh-room", version: 1 } as const;

/** The log line of a record. */
export function toLogRecord(record: MeshRecord): LogRecord {
  switch (record.kind) {
    case "genesis":
      return line(record.kind, packedText(signedGenesisSchema, record.genesis));
    case "incarnation":
      return line(record.kind, String(record.incarnation));
    case "claim": {
      const { name, key } = record.claim.claim.value;
      return line(record.kind, name, key, packedText(signedClaimSchema, record.claim));
    }
    case "bundle":
      return bundleLine(record.bundle);
    case "arrival":
      return line(
        record.kind,
        ...record.baseline.map((entry) => packedText(streamEntrySchema, entry)),
      );
    case "shown":
      return line(record.kind, record.through ?? "-");
    case "frontier":
      return line(
        record.kind,
        ...record.entries.map((entry) => packedText(streamEntrySchema, entry)),
      );
    case "floor": {
      const { time, id, authorsTime, heads } = record;
      const packedHeads = heads.map((head) => packedText(headSchema, head));
      return line(record.kind, String(time), id, String(authorsTime), ...packedHeads);
    }
    case "proof":
      return line(record.kind, packedText(proofSchema, record.proof));
    case "time":
      return line(record.kind, ...[record.time, record.jumpedMs, record.atMs].map(String));
    case "closed": {
      const { stream: { author, incarnation }, from, before } = record;
      return line(record.kind, author, ...[incarnation, from, before].map(String));
    }
    case "member": {
      const { key, endpoint } = record.beacon.beacon.value;
      const place = endpoint === null ? ["-", "0"] : [endpoint.host, String(endpoint.port)];
      const heard = new Date(record.heardWallMs).toISOString();
      return line(record.kind, heard, key, ...place, packedText(signedBeaconSchema, record.beacon));
    }
    case "entrance":
    case "caller": {
      const { key, endpoint } = record.contact;
      const heard = new Date(record.heardWallMs).toISOString();
      return line(record.kind, heard, key, endpoint.host, String(endpoint.port));
    }
    case "seen":
      return line(record.kind, ...record.keys);
    case "rotation": {
      const { rotation, claim } = record.rotation;
      const { epoch, author } = rotation.rotation.value;
      const signed = packedText(signedRotationSchema, rotation);
      return line(record.kind, String(epoch), author, signed, packedText(signedClaimSchema, claim));
    }
    case "ruling": {
      const { kind, subject, author } = record.ruling.ruling.value;
      return line(
        record.kind,
        kind,
        subject,
        author,
        packedText(signedRulingSchema, record.ruling),
      );
    }
    case "invited": {
      const { epoch, secret } = record.secret;
      return line(record.kind, String(epoch), secret.toBase64());
    }
    case "pin":
      return line(record.kind, record.name, record.key);
    case "private-queued": {
      const { sentAt, to, name, incarnation, counter, text, heads } = record;
      const place = [to, name, String(incarnation), String(counter)];
      const packedHeads = heads.map((head) => packedText(headSchema, head));
      return line(record.kind, isoTime(sentAt), ...place, text, ...packedHeads);
    }
    case "private-ended":
      return line(record.kind, record.to, String(record.incarnation), String(record.counter));
    case "private-received": {
      const { from, incarnation, counter } = record;
      return line(record.kind, from, String(incarnation), String(counter));
    }
    case "left":
      return line(record.kind, record.reason);
    default:
      return unreachable(record);
  }
}

/**
 * The record in a log line.
 * @throws {P2pchatError} `store-corrupt` if the line's checksum is right but the line can't be a record that was
 *   written; its text is part of a sentence.
 */
export function fromLogRecord(record: LogRecord): MeshRecord {
  return parseLine(record, parse);
}

function parse({ kind, fields }: LogRecord, field: FieldOf): MeshRecord {
  switch (kind) {
    case "genesis":
      return { kind, genesis: unpacked(signedGenesisSchema, field(0)) };
    case "incarnation":
      return { kind, incarnation: countOf(field(0)) };
    case "claim":
      return { kind, claim: unpacked(signedClaimSchema, field(2)) };
    case "bundle":
      return { kind, bundle: parseBundle(fields) };
    case "arrival":
      return { kind, baseline: fields.map((text) => unpacked(streamEntrySchema, text)) };
    case "shown":
      return { kind, through: field(0) === "-" ? null : hexOf<BundleId>(field(0)) };
    case "frontier": {
      const entries: StreamEntry[] = fields.map((text) => unpacked(streamEntrySchema, text));
      return { kind, entries };
    }
    case "floor": {
      const heads = fields.slice(3).map((text) => unpacked(headSchema, text));
      const [time, authorsTime] = [countOf(field(0)), countOf(field(2))];
      return { kind, time, id: hexOf<BundleId>(field(1)), authorsTime, heads };
    }
    case "proof":
      return { kind, proof: unpacked(proofSchema, field(0)) };
    case "time": {
      const [time, jumpedMs, atMs] = [0, 1, 2].map((index) => countOf(field(index)));
      return { kind, time: time!, jumpedMs: jumpedMs!, atMs: atMs! };
    }
    case "closed": {
      const stream = { author: hexOf<PeerKey>(field(0)), incarnation: countOf(field(1)) };
      const from = countOf(field(2));
      // Older logs, without `before`, have three fields.
      return { kind, stream, from, before: fields.length > 3 ? countOf(field(3)) : from };
    }
    case "member": {
      const heardWallMs = heardOf(field(0));
      return { kind, heardWallMs, beacon: unpacked(signedBeaconSchema, field(4)) };
    }
    case "entrance":
    case "caller": {
      const endpoint = { host: field(2), port: countOf(field(3)) };
      const contact = { key: hexOf<PeerKey>(field(1)), endpoint };
      return { kind, contact, heardWallMs: heardOf(field(0)) };
    }
    case "seen":
      return { kind, keys: fields.map((text) => hexOf<PeerKey>(text)) };
    case "rotation": {
      const rotation = unpacked(signedRotationSchema, field(2));
      return { kind, rotation: { rotation, claim: unpacked(signedClaimSchema, field(3)) } };
    }
    case "ruling":
      return { kind, ruling: unpacked(signedRulingSchema, field(3)) };
    case "invited": {
      const secret = base64Of(field(1));
      return { kind, secret: { epoch: countOf(field(0)), secret } };
    }
    case "pin":
      return { kind, name: field(0), key: hexOf<PeerKey>(field(1)) };
    case "private-queued": {
      const [incarnation, counter] = [countOf(field(3)), countOf(field(4))];
      const heads = fields.slice(6).map((text) => unpacked(headSchema, text));
      const [to, name, text] = [hexOf<PeerKey>(field(1)), field(2), field(5)];
      return { kind, to, name, incarnation, counter, sentAt: timeOf(field(0)), text, heads };
    }
    case "private-ended": {
      const [incarnation, counter] = [countOf(field(1)), countOf(field(2))];
      return { kind, to: hexOf<PeerKey>(field(0)), incarnation, counter };
    }
    case "private-received": {
      const [incarnation, counter] = [countOf(field(1)), countOf(field(2))];
      return { kind, from: hexOf<PeerKey>(field(0)), incarnation, counter };
    }
    case "left":
      if (field(0) !== "quit") {
        throw new MalformedError(`no reason for leaving is ${quotedStart(field(0))}`);
      }
      return { kind, reason: "quit" };
    default:
      throw new MalformedError("no such kind is known");
  }
}

/**
 * When somebody was last heard of. Another clock, which may be wrong, gave the time. @throws {MalformedError} If
 * `text` isn't a time.
 */
function heardOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new MalformedError(`no time is ${quotedStart(text)}`);
  return ms;
}

/** Cells of time and author before a bundle's texts, and of the signed header after them. */
const CELLS_BEFORE_TEXTS = 2;
const CELLS_AFTER_TEXTS = 1;

function bundleLine(bundle: Bundle): LogRecord {
  const { author, sentAt } = bundle.header.value;
  const texts = bundle.texts.value;
  // Texts are stored as plain cells if these restore the exact bytes; a later version's bytes may contain more.
  const plain = encode(textListSchema, texts).length === bundle.texts.bytes.length;
  if (!plain) return line("bundle", "", author, packedText(bundleSchema, bundle));
  const signed = signedHeaderSchema;
  const header = packedText(signed, { header: bundle.header, signature: bundle.signature });
  return line("bundle", isoTime(sentAt), author, ...texts, header);
}

function parseBundle(fields: readonly string[]): Bundle {
  if (fields[0] === "") return unpacked(bundleSchema, fields[CELLS_BEFORE_TEXTS] ?? "");
  const texts = fields.slice(CELLS_BEFORE_TEXTS, -CELLS_AFTER_TEXTS);
  const { header, signature } = unpacked(signedHeaderSchema, fields.at(-CELLS_AFTER_TEXTS) ?? "");
  checkTexts(texts);
  const bytes = encode(textListSchema, texts);
  return { header, signature, texts: { bytes, value: texts } };
}

/** @throws {MalformedError} If the texts exceed the limits, so that they couldn't be encoded. */
function checkTexts(texts: readonly string[]): void {
  if (texts.length > BUNDLE_TEXTS_MAX) throw new MalformedError("a bundle has too many texts");
  for (const text of texts) {
    if (!text.isWellFormed()) throw new MalformedError("a text has half a character");
    if (utf8Length(text) > BUNDLE_TEXT_BYTES_MAX) {
      throw new MalformedError("a text is longer than any may be");
    }
  }
}

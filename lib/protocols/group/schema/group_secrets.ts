/**
 * The secrets of a private group: the current one admits newcomers; earlier ones admit those who were members before,
 * by their keys. The coordinator alone makes them, one after the other.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import { concatBytes, utf8 } from "../../../base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import {
  INVITE_KINDS,
  inviteText,
  isSameSecret,
  readInvite,
} from "../../../base/text/invite_text.ts";
import {
  decode,
  encode,
  fixedBytes,
  type Infer,
  nullable,
  peerKey,
  record,
  text,
  uint,
} from "../../../base/schema/schema.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import { derivedKey } from "../../noise/primitives.ts";

export const GROUP_SECRET_BYTES = 16;
const EPOCH_MAX = 2 ** 32 - 1;
const HOST_BYTES_MAX = 255;
/** Somebody who missed more rotations than this needs the present invite. */
const SECRETS_KEPT_MAX = 64;
/** At a member: each one that the coordinator refuses costs a dial. An older copy of its disk needs the invite anew. */
const SECRETS_REMEMBERED_MAX = 8;

export const groupSecretSchema = record({
  /** How many secrets there were up to this one. */
  epoch: uint(EPOCH_MAX),
  secret: fixedBytes(GROUP_SECRET_BYTES),
});
export type GroupSecret = Infer<typeof groupSecretSchema>;

/** A secret on the coordinator's disk. */
interface SecretRecord {
  readonly kind: "secret";
  readonly secret: GroupSecret;
}

function isSecretRecord(record: { readonly kind: string }): record is SecretRecord {
  return record.kind === "secret";
}

const KEY_TAG = utf8("p2pchat group key 1\0");

/** What the two ends of a channel must both know. */
export function groupChannelSecret({ epoch, secret }: GroupSecret): ChannelSecret {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, epoch);
  return { epoch, key: derivedKey(secret, KEY_TAG, concatBytes(number)) };
}

interface Kept {
  readonly secret: GroupSecret;
  readonly opens: ChannelSecret;
}

/**
 * What a member knows once it is told the secret that counts: that one first, then the ones before, by which a coordinator
 * with an old copy of its disk can still be reached and told so.
 */
export function rememberedSecrets(
  known: readonly GroupSecret[],
  told: GroupSecret,
): readonly GroupSecret[] {
  return [told, ...known.filter((each) => !isSameSecret(each, told))].slice(
    0,
    SECRETS_REMEMBERED_MAX,
  );
}

/** The coordinator's secrets. */
export class GroupSecrets {
  /** The latest first. */
  #kept: readonly Kept[] = [];

  /** @param records What is on the coordinator's disk. */
  constructor(records: readonly { readonly kind: string }[]) {
    for (const { secret } of records.filter(isSecretRecord)) this.#keep(secret);
  }

  /** Null before the first one. */
  get current(): GroupSecret | null {
    return this.#kept[0]?.secret ?? null;
  }

  /** Makes another secret, which is the current one at once. @returns The record to be stored before anybody is told. */
  rotate(randomBytes: (length: number) => Uint8Array): SecretRecord {
    const epoch = (this.current?.epoch ?? 0) + 1;
    const secret = { epoch, secret: randomBytes(GROUP_SECRET_BYTES) };
    this.#keep(secret);
    return { kind: "secret", secret };
  }

  /** The secrets of an epoch, one of which a dialler must know. */
  opening(epoch: number): readonly Uint8Array[] {
    return this.#kept.filter(({ opens }) => opens.epoch === epoch).map(({ opens }) => opens.key);
  }

  isCurrent({ epoch, key }: ChannelSecret): boolean {
    const opens = this.#kept[0]?.opens;
    return opens?.epoch === epoch && sameBytes(opens.key, key);
  }

  /** The records of a compacted log. */
  records(): readonly SecretRecord[] {
    return this.#kept.toReversed().map(({ secret }) => ({ kind: "secret", secret }));
  }

  #keep(secret: GroupSecret): void {
    if (secret.epoch <= (this.current?.epoch ?? 0)) return;
    const kept = [{ secret, opens: groupChannelSecret(secret) }, ...this.#kept];
    this.#kept = kept.slice(0, SECRETS_KEPT_MAX);
  }
}

/** An invite to a group. */
export interface GroupInvite {
  /** The coordinator's key. */
  readonly coordinator: PeerKey;
  /** Null for an open group. */
  readonly secret: GroupSecret | null;
  /** Where it listens. */
  readonly endpoint: Endpoint;
}

const groupInviteSchema = record({
  version: uint(Number.MAX_SAFE_INTEGER),
  coordinator: peerKey(),
  secret: nullable(groupSecretSchema),
  endpoint: record({ host: text(HOST_BYTES_MAX), port: uint(65_535) }),
});

/** One word, in lower case, as `parseGroupInvite` reads it. */
export function encodeGroupInvite(invite: GroupInvite): string {
  return inviteText(encode(groupInviteSchema, { version: INVITE_KINDS.group, ...invite }));
}

/**
 * Reads what somebody pasted or typed.
 * @throws {P2pchatError} `bad-credentials`. The text isn't in the error: it may be as good as a secret.
 */
export function parseGroupInvite(text: string): GroupInvite {
  const { coordinator, secret, endpoint } = readInvite(
    text,
    "group",
    (bytes) => decode(groupInviteSchema, bytes),
  );
  return { coordinator, secret, endpoint };
}

/** Values that the tests of the friends' parts share. */

import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import { HERE } from "../../../lib/base/machine/user_presence.ts";
import { UnknownMessages } from "../../../lib/base/machine/unknown_messages.ts";
import type { FriendLink } from "../../../lib/protocols/friends/friend_links.ts";
import type { FriendRow } from "../../../lib/protocols/friends/friends_io.ts";
import type { OutboxEntry } from "../../../lib/protocols/friends/outbox.ts";
import type { Position } from "../../../lib/protocols/friends/positions.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";

export type Queued = Extract<FriendsRecord, { readonly kind: "queued" }>;
export type ReceivedRecord = Extract<FriendsRecord, { readonly kind: "received" }>;

export const BOB = fakeSigner("bob").key;
export const CEM = fakeSigner("cem").key;
/** Nobody of the table. */
export const EVE = fakeSigner("eve").key;
export const DAN = fakeSigner("dan").key;

/** The place of message `number` of a process. */
export function place(number: number, epoch = 1): Position {
  return { epoch, number };
}

/** The id of message `number`, of no other: each begins with its number in three digits. */
export function idOf(number: number): string {
  const start = String(number).padStart(3, "0");
  return start + String(number).padStart(32 - start.length, "0");
}

export function outboxEntry(number: number, changes: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    position: place(number),
    id: idOf(number),
    text: `text ${number}`,
    bytes: 10,
    sentAt: 0,
    ref: undefined,
    state: "stored",
    ...changes,
  };
}

export function queued(number: number, changes: Partial<Queued> = {}): Queued {
  return {
    kind: "queued",
    to: "bob",
    position: place(number),
    id: idOf(number),
    sentAt: 0,
    text: `text ${number}`,
    ...changes,
  };
}

export function received(number: number, changes: Partial<ReceivedRecord> = {}): ReceivedRecord {
  return {
    kind: "received",
    from: "bob",
    key: BOB,
    position: place(number),
    id: idOf(number),
    sentAt: 0,
    text: `text ${number}`,
    ...changes,
  };
}

/** A row at an address of its own. */
export function row(
  name: string,
  host: number,
  fingerprint: Fingerprint | null = null,
): FriendRow {
  return { name, endpoint: { host: `10.0.0.${host}`, port: 5_001 }, fingerprint };
}

/** Bob, whose key the table says, and Cem, whose key is to be learnt. */
export const ROWS: readonly FriendRow[] = [row("bob", 2, fingerprintOf(BOB)), row("cem", 3)];

/** A link to Bob that he has dialled. */
export function linkOf(id: number, changes: Partial<FriendLink> = {}): FriendLink {
  return {
    link: id as LinkId,
    peer: BOB,
    process: "1",
    dialled: false,
    attempt: null,
    friend: null,
    phase: "greeting",
    stored: [],
    said: HERE,
    told: null,
    wasOpen: false,
    isUsed: false,
    isReplaced: false,
    isRefused: false,
    dueMs: null,
    unknownMessages: new UnknownMessages(),
    ...changes,
  };
}

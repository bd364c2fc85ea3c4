/** One message of each type of the directory, made of fixed values: for golden bytes and fuzzing. */

import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import type { DirectoryMessage } from "../../lib/protocols/directory/schema/messages.ts";

const sentAt = 1_790_000_000_000;
const call = new Uint8Array(16).fill(0xca);
const store = new Uint8Array(8).fill(0x5e);
const signature = new Uint8Array(64).fill(9);
const key = "ab".repeat(32) as PeerKey;
const ann = {
  name: "Ann",
  state: "free",
  guest: false,
  key,
  host: "10.0.0.2",
  port: 5_000,
} as const;
const jörg = { name: "Jörg", state: "busy", guest: true, key, host: "", port: 0 } as const;

/** In the order of their codes. */
export const DIRECTORY_SAMPLES: readonly DirectoryMessage[] = [
  {
    type: "enter",
    how: "sign-up",
    name: "Jörg",
    password: "correct horse",
    newPassword: "",
    port: 5_000,
    busy: true,
    seen: { store, through: sentAt },
    rank: sentAt,
    lists: "asked",
  },
  {
    type: "entered",
    name: "Jörg",
    guest: false,
    host: "2001:db8::1",
    store,
    mayBroadcast: true,
    index: 0xffff_fffe,
    toClient: new Uint8Array(32).fill(1),
    toDirectory: new Uint8Array(32).fill(2),
    said: 300,
    rank: sentAt,
    isRemembered: false,
    kept: 300,
  },
  { type: "refused", code: "locked-out", text: "too many", retryMs: 60_000 },
  {
    type: "users",
    users: [ann, jörg],
    isFirst: true,
    isLast: false,
    away: [{ user: 1, why: "lunch" }],
  },
  { type: "presence", users: [jörg], offline: ["Bob"], away: [] },
  { type: "online", total: 100_000 },
  { type: "search", part: "jö", after: "Jörg" },
  { type: "page", users: [ann], total: 100_000, hasMore: true, retryMs: 300, away: [] },
  { type: "subscribe", add: ["Ann"], drop: ["Jörg", "Bob"] },
  { type: "about-me", away: "lunch" },
  { type: "change-password", old: "correct horse", new: "battery staple" },
  { type: "forget-me", password: "correct horse" },
  { type: "done" },
  { type: "dismissed", because: "kicked", text: "out", retryMs: 60_000 },
  {
    type: "instances",
    because: "away",
    addresses: [{ host: "10.0.0.2", port: 4_400 }, { host: "2001:db8::1", port: 65_535 }],
  },
  {
    type: "call",
    call,
    name: "Jörg",
    refused: [fingerprintOf("cd".repeat(32) as PeerKey)],
  },
  { type: "rings", call, name: "Bob", key },
  { type: "incoming", call, from: "Ann", guest: true, key },
  { type: "answer", call, accepts: false, reason: "not now" },
  {
    type: "meet",
    call,
    name: "Ann",
    guest: false,
    key,
    host: "10.0.0.2",
    port: 5_000,
    isCaller: true,
    mayRelay: true,
  },
  { type: "begun", call, route: "relay" },
  { type: "relay-please", call },
  { type: "relay-on", call },
  { type: "relay", call, bytes: Uint8Array.of(1, 2, 3) },
  { type: "relay-room", call, bytes: 300 },
  { type: "hang-up", call, reason: "" },
  { type: "outcome", call, state: "declined", reason: "not now" },
  { type: "call-at", call, at: { host: "10.0.0.8", port: 4_400 } },
  { type: "visit", as: "Ann", call, name: "Bob", refused: ["xsazfbd3ockoqe46yrkpuxern4x"] },
  { type: "busy", busy: true },
  { type: "broadcast", own: 300, sentAt, text: "lunch?", signature },
  { type: "broadcast-taken", own: 300, number: sentAt },
  { type: "broadcast-sent", number: sentAt, reached: 12 },
  {
    type: "told",
    number: sentAt,
    after: 0,
    from: "*directory*",
    sentAt,
    text: "lunch?",
    key,
    own: 300,
    signature,
    guest: true,
  },
  { type: "got", through: sentAt },
  { type: "talk", call },
  { type: "begin", call },
  { type: "line", text: "two\nlines" },
  { type: "heard", lines: 300 },
  { type: "hung-up" },
  { type: "here", padding: new Uint8Array(64) },
  { type: "prove", challenge: new Uint8Array(8).fill(7) },
  { type: "proof", challenge: new Uint8Array(8).fill(7) },
  { type: "unknown", code: 126 },
];

/**
 * Texts of a version that people and other programs have, as they stand in `tests/samples/texts.txt`: invites, contact
 * cards, what is announced of a room, and what the page and the program say to each other (docs/page-protocol.md). This
 * program reads in them what was meant then, and writes the same ones.
 *
 * `UPDATE=1` writes them anew: after the first byte of an invite was changed, what a card begins with, `CHANNEL_VERSION`
 * or `PAGE_PROTOCOL`; or where fields were added that others ignore.
 */

import { assertEquals } from "@std/assert";
import type { PeerKey, RoomId } from "../../lib/base/ids.ts";
import type { Fingerprint } from "../../lib/base/text/fingerprint.ts";
import { markImitation } from "../../lib/base/text/names.ts";
import { messageIn } from "../../lib/cli/page/window_messages.ts";
import {
  encodeGroupInvite,
  type GroupInvite,
  parseGroupInvite,
} from "../../lib/protocols/group/schema/group_secrets.ts";
import {
  type Announcement,
  announcementIn,
  textsOf,
} from "../../lib/protocols/mesh/discovery/announcement.ts";
import {
  encodeInvite,
  type Invite,
  parseInvite,
} from "../../lib/protocols/mesh/schema/rotations.ts";
import { type Contact, contactCard, parseContactCard } from "../../lib/store/users/contact_card.ts";
import { page } from "./page/page_modules.ts";
import type { PageVisitor } from "./page/page_visitor.ts";
import { ServedPage } from "./page/served_page.ts";

const FILE = new URL("../samples/texts.txt", import.meta.url);
const WAY_OUT =
  "people and programs have texts of the form in tests/samples/texts.txt: change it back, " +
  "or raise its version, then write that file anew " +
  "(UPDATE=1 deno test -A tests/cli/text_samples_io_test.ts)";

/** A text, or several that belong together. */
interface Sample {
  readonly name: string;
  readonly now: readonly string[];
  read(texts: readonly string[]): unknown;
  readonly means: unknown;
}

const ROOM = "ab".repeat(32) as RoomId;
const KEY = "cd".repeat(32) as PeerKey;
const ENDPOINT = { host: "192.0.2.1", port: 55_107 };
const ENDPOINT_6 = { host: "2001:db8::1", port: 5_001 };
const SECRET = { epoch: 7, secret: new Uint8Array(16).fill(0x11) };

function invite(name: string, means: Invite): Sample {
  return { name, now: [encodeInvite(means)], read: ([text]) => parseInvite(text!), means };
}

function groupInvite(name: string, means: GroupInvite): Sample {
  return {
    name,
    now: [encodeGroupInvite(means)],
    read: ([text]) => parseGroupInvite(text!),
    means,
  };
}

function card(name: string, means: Contact): Sample {
  return { name, now: [contactCard(means)], read: ([text]) => parseContactCard(text!), means };
}

function announcement(name: string, means: Announcement): Sample {
  return { name, now: textsOf(means), read: announcementIn, means };
}

const CONTACT = { name: "bob", fingerprint: "xsazfbd3ockoqe46yrkpuxern4x" as Fingerprint };
const ANNOUNCED: Announcement = { version: 12, room: ROOM, title: null, tag: null, words: [] };

const TEXTS: readonly Sample[] = [
  invite("invite open", { room: ROOM, secret: null, endpoints: [] }),
  invite("invite private", { room: ROOM, secret: SECRET, endpoints: [ENDPOINT, ENDPOINT_6] }),
  groupInvite("group-invite open", { coordinator: KEY, secret: null, endpoint: ENDPOINT }),
  groupInvite("group-invite private", {
    coordinator: KEY,
    secret: SECRET,
    endpoint: { host: "chat.example", port: 6_000 },
  }),
  card("card v4", { ...CONTACT, endpoint: ENDPOINT }),
  card("card v6", { ...CONTACT, name: "Zoë-1_x.y", endpoint: ENDPOINT_6 }),
  announcement("announced open", { ...ANNOUNCED, title: "Größe", words: [7, 9] }),
  announcement("announced private", { ...ANNOUNCED, room: null, tag: "ef".repeat(16) }),
];

// What the page sends. How it writes the later ones stands where it asks for things, in a browser.

const NONCE = "N".repeat(22);
const HAD = { run: "run", last: 7 };
const PROOF = "q".repeat(43);

function sent(name: string, message: unknown, means: unknown = message): Sample {
  return {
    name: `page ${name}`,
    now: [JSON.stringify(message)],
    read: ([text]) => messageIn(text!),
    means,
  };
}

/** What comes of these inputs, the last of which is what the program says, if it says something. */
function effects(...inputs: readonly unknown[]): readonly Message[] {
  let session = page.newSession({ hasToken: true, window: "window-1" });
  let found: readonly Message[] = [];
  for (const input of inputs) [session, found] = page.step(session, input, HAD);
  return found;
}

const START = { type: "wake", nonce: NONCE };
const OPENED = { type: "opened" };
const PROVED = { type: "proved", isRight: true, proof: PROOF };
const heard = (text: string) => ({ type: "received", message: page.programMessage(text) });
const CHALLENGED = [START, OPENED, heard('{"type":"challenge","nonce":"s","proof":"p"}')];
const first = (found: readonly Message[]) => found[0]?.["message"];

const SENT: readonly Sample[] = [
  sent("hello", first(effects(START, OPENED)), { type: "hello", nonce: NONCE }),
  sent("login", first(effects(...CHALLENGED, PROVED)), {
    ...{ type: "login", proof: PROOF, window: "window-1", run: "run", after: 7 },
  }),
  sent("run", { type: "run", line: "/who", ref: "7" }, {
    ...{ type: "run", command: "/who", ref: "7" },
  }),
  sent("run-in-room", { type: "run", line: "/who", room: "r1", ref: "7" }, {
    ...{ type: "run", command: { line: "/who", room: "r1" }, ref: "7" },
  }),
  sent("run-command", {
    ...{ type: "run", command: { command: "msg", name: "Bob", text: "two\nlines" }, ref: "7" },
  }),
  sent("ping", { type: "ping" }),
];

// What the program sends.

type Message = PageVisitor["messages"][number];

/** One of each type. */
function told(): readonly Message[] {
  const served = new ServedPage();
  const { server } = served;
  markImitation("AIice");
  served.show({ from: "Bob", text: 'hello\tthere, "you"' });
  const { visitor } = served.window("window-1");
  server.prompted();
  server.paused("the disk is full");
  server.progress("Catching up: 12,400 of 100,000 entries");
  for (const message of [{ type: "run", ref: "7" }, { type: "ping" }]) {
    visitor.send(message);
  }
  served.run();
  return visitor.messages;
}

/** A command's words are of the day: one stands for all, and its form for them. */
function inShort(message: Message): Message {
  const { commands } = message;
  if (!Array.isArray(commands)) return message;
  const [command] = commands;
  const one = { ...command, help: "…", words: ["dm"] };
  return { ...message, commands: [one] };
}

/** As the page takes it in: what it shows then, or has to prove. */
function takenIn(text: string): unknown {
  const type = heard(text).message?.type;
  const before = type === "challenge"
    ? [START, OPENED]
    : type === "welcome"
    ? [...CHALLENGED, PROVED]
    : [...CHALLENGED, PROVED, heard('{"type":"welcome"}')];
  return effects(...before, heard(text))[0];
}

const TOLD: readonly Sample[] = told().map(inShort).map((message) => {
  const { type, nonce: program, proof } = message;
  return {
    name: `program ${type}`,
    now: [JSON.stringify(message)],
    read: ([text]) => takenIn(text!),
    means: type === "challenge"
      ? { type: "prove", page: NONCE, program, proof }
      : { type: "pass", message },
  };
});

const SAMPLES = [...TEXTS, ...SENT, ...TOLD];

if (Deno.env.get("UPDATE") === "1") {
  const lines = SAMPLES.map(({ name, now }) => [name, ...now].join("\t"));
  Deno.writeTextFileSync(FILE, [...lines, ""].join("\n"));
}

const kept: ReadonlyMap<string, readonly string[]> = new Map(
  Deno.readTextFileSync(FILE).trimEnd().split("\n").map((line) => {
    const [name = "", ...texts] = line.split("\t");
    return [name, texts] as const;
  }),
);

Deno.test("there is a sample of each text", () => {
  assertEquals(SAMPLES.map(({ name }) => name), [...kept.keys()], WAY_OUT);
});

Deno.test("texts of the version are read as they were meant", () => {
  for (const { name, read, means } of SAMPLES) {
    assertEquals(read(kept.get(name) ?? []), means, `${name}: ${WAY_OUT}`);
  }
});

Deno.test("texts are written as they were when their version began", () => {
  for (const { name, now } of SAMPLES) assertEquals(now, kept.get(name), `${name}: ${WAY_OUT}`);
});

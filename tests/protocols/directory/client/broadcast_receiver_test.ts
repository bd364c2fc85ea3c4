import { assert, assertEquals, assertMatch } from "@std/assert";
import { BroadcastReceiver } from "../../../../lib/protocols/directory/client/broadcast_receiver.ts";
import { ClientLog } from "../../../../lib/protocols/directory/client/client_log.ts";
import { KnownKeys } from "../../../../lib/protocols/directory/lobby/known_keys.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { Signer } from "../../../../lib/base/crypto/crypto.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import {
  DATED_AHEAD_MS_MAX,
  DISK_RETRY_MS,
  HEARD_PINS_MAX,
  LASTING_STRANGERS_MAX,
  NOT_SHOWN_TOLD_MS,
  SPEAKERS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { ClientRecord } from "../../../../lib/protocols/directory/schema/client_records.ts";
import type { DirectoryMessageOf } from "../../../../lib/protocols/directory/schema/messages.ts";
import { signBroadcast } from "../../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  ANN,
  BOB,
  ClientProgram,
  DIRECTORY,
  ENTERED,
  FIRST_OWN,
  LOG_IN,
  partOutput,
  type ProgramOptions,
  STORE,
  user,
  WALL_MS,
} from "../client_program.ts";

type Told = DirectoryMessageOf<"told">;

/** A broadcast as its sender signed it, unless `more` says otherwise. */
function told(
  number: number,
  after: number,
  more: Partial<Told> = {},
  signer = fakeSigner("bob"),
): Told {
  const { from = "bob", text = `text ${number}`, own = number, sentAt = 0 } = more;
  const signature = signBroadcast(signer, { directory: DIRECTORY, from, own, sentAt, text });
  const { key } = signer;
  return {
    type: "told",
    number,
    after,
    from,
    sentAt,
    text,
    key,
    own,
    signature,
    guest: false,
    ...more,
  };
}

/** The numbers of what was shown, those of before in brackets. */
function shown(program: ClientProgram): readonly string[] {
  return program.events.flatMap((event) => {
    if (event.event !== "broadcast") return [];
    const number = event.id;
    return [event.history ? `(${number})` : number];
  });
}

/** What the directory was told to have arrived, over the link and in datagrams. */
function acknowledged(program: ClientProgram): readonly string[] {
  const messages = [
    ...program.sent.map(({ message }) => ({ message, way: "" })),
    ...program.datagrams.map(({ message }) => ({ message, way: " by datagram" })),
  ];
  return messages.flatMap(({ message, way }) =>
    message.type === "got" ? [`${message.through}${way}`] : []
  );
}

/** The process that comes after, on the same disk. */
function restarted(program: ClientProgram, records: readonly ClientRecord[] = program.disk) {
  return new ClientProgram({ config: { records } });
}

Deno.test("hearing: that a guest said it is shown, after a restart, too", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0, { guest: true }));
  program.says(told(2, 1));
  const again = restarted(program, program.disk.filter(({ kind }) => kind === "heard"));
  again.feed({ type: "start" });

  for (const { events } of [program, again]) {
    const broadcasts = events.filter((event) => event.event === "broadcast");
    assertEquals(broadcasts.map(({ guest }) => guest), [true, undefined]);
  }
});

Deno.test("hearing: a datagram that is repeated on the way is taken once", () => {
  const program = ClientProgram.in();
  const bytes = program.path!.seal(told(1, 0));
  const from = { host: "10.0.0.1", port: 4_400 };

  program.feed({ type: "datagram", from, bytes });
  assertEquals(program.feed({ type: "datagram", from, bytes }), []);
  assertEquals(program.feed({ type: "datagram", from, bytes: bytes.subarray(0, 20) }), []);
  const forged = bytes.slice();
  forged[forged.length - 1]! ^= 1;
  assertEquals(program.feed({ type: "datagram", from, bytes: forged }), []);
  assertEquals(shown(program), ["1"]);
});

Deno.test("hearing: on a new link nothing is shown twice, and no more acknowledged than it was sent", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));
  program.says(told(2, 1));
  program.directoryDown();
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("seen={store=0707070707070707 through=2}"));
  program.entered();

  program.says(told(1, 0));
  program.says(told(3, 1));

  assertEquals(shown(program), ["1", "2", "3"]);
  assertEquals(acknowledged(program), ["1", "2", "1", "3"]);
});

Deno.test("hearing: what wasn't written when the link was lost isn't taken twice", () => {
  const program = ClientProgram.in();
  program.diskMode = "holds";
  program.says(told(1, 0));
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.entered();
  program.says(told(1, 0));
  assertEquals(acknowledged(program), []);

  program.diskAnswers();

  assertEquals(shown(program), ["1"]);
  assertEquals(acknowledged(program), ["1"]);
});

Deno.test("hearing: a new store of the directory begins anew", () => {
  const program = ClientProgram.in();
  program.says(told(5, 0));
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.entered({ store: new Uint8Array(8).fill(8) });

  program.says(told(1, 0, { own: 6 }));

  assertEquals(shown(program), ["5", "1"]);
});

Deno.test("hearing: what one account has heard another one on the same device hasn't", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));
  const other = restarted(program, [
    ...program.disk,
    { kind: "shown", store: STORE.toHex(), as: foldName("ann"), number: 1 },
  ]);
  other.feed({ type: "start" });
  other.directoryUp();
  const [enter] = other.feed({ type: "enter", entry: { ...LOG_IN, name: "eve" } });
  assert(enter?.endsWith("seen=null rank=0 lists=told"), enter);
  other.entered({ name: "eve" });

  other.says(told(1, 0));

  assertEquals(shown(other), ["1"]);
});

Deno.test("hearing: killed between storing and showing, it is shown at the next start as history, once", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));
  program.says(told(2, 1));
  const store = STORE.toHex();
  const killed = restarted(program, [...program.disk, {
    kind: "shown",
    store,
    as: foldName("ann"),
    number: 1,
  }]);

  killed.feed({ type: "start" });
  assertEquals(shown(killed), ["(2)"]);
  const words = killed.directoryUp();
  assertEquals(words.at(-1), "ask-to-enter");
  killed.feed({ type: "enter", entry: LOG_IN });
  killed.entered();
  killed.says(told(2, 0));

  assertEquals(shown(killed), ["(2)"]);
  assertEquals(acknowledged(killed), ["2"]);
});

Deno.test("hearing: a disk that refuses has it told once, and what came shown when it takes it", () => {
  const program = ClientProgram.in();
  program.diskMode = "refuses";

  const words = [...program.says(told(1, 0)), ...program.says(told(2, 1))];
  assertEquals(words.length, 2);
  assertEquals(words[0], "pin bob bob");
  assert(words[1]?.startsWith("error code=disk text=disk full"), words[1]);
  assert(program.types({ command: "status" })[0]?.includes("problems=[Cannot write to the disk"));
  assertEquals(program.after(5_000), []);
  assertEquals(acknowledged(program), []);

  program.diskMode = "writes";
  program.after(5_000);
  assertEquals(shown(program), ["1", "2"]);
  assertEquals(acknowledged(program), ["2"]);
});

Deno.test("hearing: what a disk has refused isn't kept beyond the link: it comes again, here or elsewhere", () => {
  const program = ClientProgram.in();
  program.diskMode = "refuses";
  program.says(told(1, 0));
  program.directoryDown();
  program.diskMode = "writes";
  program.after(6_000);
  assertEquals(shown(program), []);
  program.directoryUp();
  program.entered();

  program.says(told(1, 0));

  assertEquals(shown(program), ["1"]);
});

Deno.test("hearing: the directory itself speaks under a name that nobody can have", () => {
  const program = ClientProgram.in();

  program.says(told(1, 0, { from: "*directory*" }, fakeSigner("directory")));

  assertEquals(shown(program), ["1"]);
  assertEquals(program.says(told(2, 1, { from: "*operator*" }))[0], "close directory");
});

Deno.test("a lying directory: what can't be, or more than may be unacknowledged, ends the link", () => {
  assertEquals(ClientProgram.in().says(told(3, 3))[0], "close directory");

  const flooded = ClientProgram.in();
  flooded.diskMode = "holds";
  let words: readonly string[] = [];
  let sent = 0;
  while (!words.includes("close directory") && sent < 200) {
    words = flooded.says(told(sent + 1, sent++));
  }
  assertEquals(words[0], "close directory");
  assert(sent <= 70, `${sent} were taken`);

  const gaps = ClientProgram.in();
  for (let n = 1; n < 1_000; n++) gaps.says(told(2 * n + 1, 2 * n));
  assertEquals(shown(gaps), []);
});

Deno.test("where datagrams reach us is said until it is asked, proved, and said again every 15 s", () => {
  const program = ClientProgram.in();
  const types = () => program.datagrams.map(({ atMs, message }) => `${message.type} ${atMs}`);
  program.after(750);
  assertEquals(types(), ["here 1000", "here 1250", "here 1750"]);

  const challenge = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const bytes = program.path!.seal({ type: "prove", challenge });
  const from = { host: "10.0.0.77", port: 99 };
  assertEquals(program.feed({ type: "datagram", from, bytes }), ["datagram 10.0.0.77:99: proof"]);
  program.after(30_000);

  assertEquals(types().slice(3), ["proof 1750", "here 16750", "here 31750"]);
  program.directoryDown();
  program.datagrams.length = 0;
  program.after(60_000);
  assertEquals(types(), []);
});

/** What was shown, as `name: text`. */
function said(program: ClientProgram): readonly string[] {
  return program.events.flatMap((event) =>
    event.event === "broadcast" ? [`${event.from}: ${event.text}`] : []
  );
}

const EVES = fakeSigner("eve");
const APART = `bob~${fingerprintOf(EVES.key).slice(0, 4)}`;
const BOBS_START = fingerprintOf(BOB).slice(0, 4);
const BY_EVE = { from: "bob" };

const NOT_SIGNED: Readonly<Record<string, Told>> = {
  "isn't signed": told(1, 0, { signature: new Uint8Array(64) }),
  "has another text": told(1, 0, { text: "another", signature: told(1, 0).signature }),
  "has another name": { ...told(1, 0), from: "cem" },
  "has another number": { ...told(1, 0), own: 2 },
  "has another time": { ...told(1, 0), sentAt: 1 },
  "has another key": { ...told(1, 0), key: EVES.key },
  "was said at another directory": told(1, 0, {
    signature: signBroadcast(fakeSigner("bob"), {
      directory: EVES.key,
      from: "bob",
      own: 1,
      sentAt: 0,
      text: "text 1",
    }),
  }),
  "is the directory's, in a user's name": told(1, 0, {}, fakeSigner("directory")),
  "is a user's, in the directory's name": told(1, 0, { from: "*directory*" }),
};

for (const [what, message] of Object.entries(NOT_SIGNED)) {
  Deno.test(`whose words: a broadcast that ${what} isn't shown, and is told once a minute`, () => {
    const program = ClientProgram.in();

    const [error, ...words] = program.says(message);
    assertMatch(
      error!,
      /^error code=protocol text=The directory passes on a broadcast in the name /,
    );
    assertEquals(words, ["to directory: got through=1"]);
    assertEquals(program.says({ ...message, number: 2, after: 1 }), [
      "to directory: got through=2",
    ]);
    program.after(NOT_SHOWN_TOLD_MS);
    assertMatch(program.says({ ...message, number: 3, after: 2 })[0]!, /^error code=protocol /);
    assertEquals(said(program), []);
    // A program that starts later has nothing to show of it either.
    assertEquals(program.disk.filter(({ kind }) => kind === "heard"), []);
    program.says(told(4, 3));
    assertEquals(said(program), ["bob: text 4"]);
  });
}

Deno.test("whose words: another key than the pinned one is shown apart, told once, until it is accepted", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));

  const [error] = program.says(told(2, 1, BY_EVE, EVES));
  assertMatch(error!, /^error code=key-changed text=bob has a different key from before: /);
  assert(error!.includes(`its broadcasts are shown as ${APART}`), error);
  program.says(told(3, 2, BY_EVE, EVES));
  program.says(told(4, 3));
  assertEquals(said(program), [
    "bob: text 1",
    `${APART}: text 2`,
    `${APART}: text 3`,
    "bob: text 4",
  ]);
  const errors = () => program.events.filter(({ event }) => event === "error").length;
  assertEquals(errors(), 1);

  assertEquals(program.types({ command: "trust", name: "bob" })[0], "pin bob eve again");
  program.says(told(5, 4, BY_EVE, EVES));
  assertEquals(said(program).at(-1), "bob: text 5");
  program.says(told(6, 5));
  assertEquals([errors(), said(program).at(-1)?.startsWith("bob~")], [2, true]);
});

Deno.test("whose words: what waits for a disk that refuses is shown apart once our user expects another key", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0, BY_EVE, EVES));
  program.says(told(2, 1));
  program.diskMode = "refuses";
  program.says(told(3, 2, BY_EVE, EVES));
  program.says({ ...told(4, 3, { from: "*directory*" }, fakeSigner("directory")) });
  assertEquals(program.types({ command: "trust", name: "bob" })[0], "pin bob bob again");
  program.says(told(5, 4));

  program.diskMode = "writes";
  program.after(DISK_RETRY_MS);
  assertEquals(said(program).slice(2), [
    `${APART}: text 3`,
    "*directory*: text 4",
    "bob: text 5",
  ]);
});

Deno.test("whose words: who spoke apart has that name in the list, for /verify and for /trust", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));
  program.says(told(2, 1, BY_EVE, EVES));

  program.says({
    type: "presence",
    users: [user("bob", { key: EVES.key })],
    offline: [],
    away: [],
  });
  const listed = program.events.at(-1)!;
  assertEquals(listed.event === "presence" && listed.shown, APART);
  const [verify] = program.types({ command: "verify", name: APART });
  assert(verify?.includes("peerKey=eve"), verify);
  assertEquals(program.types({ command: "trust", name: APART })[0], "pin bob eve again");
});

Deno.test("whose words: /verify of a name says that somebody with another key is online under it", () => {
  const presence = (key = EVES.key) =>
    ({ type: "presence", users: [user("bob", { key })], offline: [], away: [] }) as const;
  const program = ClientProgram.in();
  program.says(told(1, 0));
  const verified = (name: string) => program.types({ command: "verify", name });
  const notice = `notice text=That is the key known before; ${APART} is online with another`;

  assertEquals(verified("bob").length, 1);
  program.says(presence());
  assertEquals(verified("bob").at(-1), notice);
  assertEquals(verified(APART).length, 1);
  program.says(presence(fakeSigner("bob").key));
  assertEquals(verified("bob").length, 1);

  const pins = new Map([["bob", fingerprintOf(fakeSigner("bob").key)]]);
  const later = ClientProgram.in();
  later.machine.keys.load(pins);
  later.says(presence());
  const [error] = later.types({ command: "verify", name: "bob" });
  assert(error?.includes(`is meant by /verify ${APART}`), error);
});

/** A program that is in, and may be sent three broadcasts of before. */
function comesLater(options: ProgramOptions = {}): ClientProgram {
  const program = new ClientProgram(options);
  program.feed({ type: "start" });
  program.directoryUp();
  program.feed({ type: "enter", entry: LOG_IN });
  program.entered({ kept: 3 });
  return program;
}

Deno.test("whose words: what was kept before we came pins the first key, and accuses nobody of another one", () => {
  const program = comesLater();

  const words = [told(1, 0), told(2, 1, BY_EVE, EVES), told(3, 2, BY_EVE, EVES)]
    .flatMap((message) => program.says(message));

  assertEquals(said(program), ["bob: text 1", `${APART}: text 2`, `${APART}: text 3`]);
  assertEquals(words.filter((word) => /^error|^pin/.test(word)), ["pin bob bob"]);
  const notices = program.events.flatMap((one) => one.event === "notice" ? one.text : []);
  assertEquals(notices.length, 1);
  assert(notices[0]!.includes(APART), notices[0]);

  // Whoever speaks now has to have the name's key.
  assertMatch(program.says(told(4, 3, BY_EVE, EVES))[0]!, /^error code=key-changed /);
  assertEquals(said(program).at(-1), `${APART}: text 4`);
  program.types({ command: "trust", name: "bob" });
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.entered({ kept: 6 });
  program.says(told(5, 0, BY_EVE, EVES));
  assertMatch(program.says(told(6, 5))[0]!, /^error code=key-changed /);
  assertEquals(said(program).slice(-2), ["bob: text 5", `bob~${BOBS_START}: text 6`]);
});

Deno.test("whose words: after a restart, what was kept under a name that spoke before with another key is told", () => {
  const program = comesLater();
  assertEquals(program.says(told(1, 0))[0], "pin bob bob");

  const pins = new Map([["bob", fingerprintOf(BOB)]]);
  const later = comesLater({ config: { records: program.disk, pinsOf: () => pins } });

  assertMatch(later.says(told(2, 0, BY_EVE, EVES))[0]!, /^error code=key-changed /);
  assertEquals(said(later).at(-1), `${APART}: text 2`);
});

Deno.test("whose words: keys under a name that is known, one after the other, are told of once in 10 minutes", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));
  for (let n = 2; n < 50; n++) program.says(told(n, n - 1, BY_EVE, fakeSigner(`eve ${n}`)));
  const errors = program.events.filter(({ event }) => event === "error");
  assertEquals(errors.length, 1);
});

/** Two who sign with keys whose fingerprints begin alike. */
function alike(): readonly [Signer, Signer] {
  const seen = new Map<string, Signer>();
  for (let number = 0;; number++) {
    const signer = fakeSigner(`alike ${number}`);
    const start = fingerprintOf(signer.key).slice(0, 4);
    const before = seen.get(start);
    if (before !== undefined) return [before, signer];
    seen.set(start, signer);
  }
}

Deno.test("whose words: no two keys under one name are shown alike, however they begin", () => {
  const [one, other] = alike();
  const start = (signer: Signer, length: number) => fingerprintOf(signer.key).slice(0, length);

  const strangers = ClientProgram.in();
  strangers.says(told(1, 0));
  strangers.says(told(2, 1, BY_EVE, one));
  const records = strangers.machine.snapshot(null)!;
  strangers.says(told(3, 2, BY_EVE, other));
  const shown = ["bob: text 1", `bob~${start(one, 4)}: text 2`, `bob~${start(other, 8)}: text 3`];
  assertEquals(said(strangers), shown);

  // After a restart, too, and beside the one who has the name itself.
  const pinsOf = () => new Map([["bob", fingerprintOf(BOB)]]);
  const later = new ClientProgram({ config: { records, pinsOf } });
  later.feed({ type: "start" });
  later.directoryUp();
  later.feed({ type: "enter", entry: LOG_IN });
  later.entered();
  later.says(told(3, 0, BY_EVE, other));
  assertEquals(said(later), shown);
  const beside = ClientProgram.in();
  beside.says(told(1, 0, {}, one));
  beside.says(told(2, 1, BY_EVE, other));
  assertEquals(said(beside), ["bob: text 1", shown[2]!.replace("3", "2")]);
});

Deno.test("whose words: nobody speaks in our own name, and what we said ourselves doesn't come back", () => {
  const program = ClientProgram.in();

  program.says(told(1, 0, { from: "Ann" }, EVES));
  program.says(told(2, 1, { from: "ann" }, fakeSigner("ann")));
  assertEquals(said(program), [`Ann${APART.slice(3)}: text 1`]);
  assertEquals(acknowledged(program), ["1", "2"]);
});

Deno.test("whose words: what comes again with another number is shown once, after a restart, too", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0, { own: 7 }));
  program.says(told(2, 1, { own: 8 }));
  const replayed = [7, 8].map((own) => told(own, own - 1, { own, text: `text ${own - 6}` }));
  for (const message of replayed) program.says({ ...message, after: 0 });
  assertEquals(said(program), ["bob: text 1", "bob: text 2"]);

  const later = restarted(program, program.machine.snapshot(null)!);
  later.feed({ type: "start" });
  later.directoryUp();
  later.feed({ type: "enter", entry: LOG_IN });
  later.entered({ store: new Uint8Array(8).fill(8) });
  later.events.length = 0;
  for (const message of replayed) later.says({ ...message, after: 0 });
  assertEquals(said(later), []);
  later.says(told(9, 0, { own: 9 }));
  assertEquals(said(later), ["bob: text 9"]);
});

const AHEAD = WALL_MS + DATED_AHEAD_MS_MAX + 1;

Deno.test("whose words: what is dated far ahead is shown, once, whoever speaks later", () => {
  const program = ClientProgram.in();
  program.says(told(1, 0));
  const ahead = told(2, 1, { ...BY_EVE, sentAt: AHEAD }, EVES);
  program.says(ahead);
  assertEquals(said(program), ["bob: text 1", `${APART}: text 2`]);
  const next = flood(program, 3);
  program.events.length = 0;
  program.says({ ...ahead, number: next, after: next - 1 });
  assertEquals(said(program), []);
});

Deno.test("whose words: where too many are kept for good, what a key that isn't pinned dates ahead isn't shown", () => {
  const cems = { from: "cem", directory: fingerprintOf(DIRECTORY), as: foldName("ann") };
  const records = Array.from({ length: LASTING_STRANGERS_MAX }, (_, at): ClientRecord => {
    const key = fingerprintOf(fakeSigner(`k${at}`).key);
    return { kind: "spoke", ...cems, key, own: 1, sentAt: 0, isLasting: true };
  });
  const program = restarted(ClientProgram.in(), records);
  program.feed({ type: "start" });
  program.directoryUp();
  program.feed({ type: "enter", entry: LOG_IN });
  program.entered();
  program.says(told(1, 0, { sentAt: AHEAD }));
  program.says(told(2, 1, { ...BY_EVE, sentAt: AHEAD - 1 }, EVES));

  const words = program.says(told(3, 2, { ...BY_EVE, sentAt: AHEAD }, EVES));
  assertMatch(
    words[0]!,
    /^notice text=A broadcast of bob, dated 2023-.*, isn't shown: that is ahead/,
  );
  assertEquals(words.slice(1), ["to directory: got through=3"]);
  const again = program.says(told(4, 3, { ...BY_EVE, sentAt: AHEAD }, EVES));
  assertEquals(again, ["to directory: got through=4"]);
  assertEquals(said(program), ["bob: text 1", `${APART}: text 2`]);
});

/** Many strangers say something under bob's name, as late as they may. @returns The number that comes next. */
function flood(program: ClientProgram, from: number): number {
  const sentAt = WALL_MS + DATED_AHEAD_MS_MAX;
  for (let at = 0; at < SPEAKERS_MAX; at++) {
    program.says(told(from + at, from + at - 1, { ...BY_EVE, sentAt }, fakeSigner(`f${at}`)));
  }
  return from + SPEAKERS_MAX;
}

Deno.test("whose words: what was said before its speaker was forgotten doesn't come again, and mutes nobody", () => {
  const program = ClientProgram.in();
  const earlier = [
    told(1, 0, { sentAt: WALL_MS }),
    told(2, 1, { ...BY_EVE, sentAt: WALL_MS + 5 }, EVES),
  ];
  for (const message of earlier) program.says(message);
  const next = flood(program, 3);

  const check = (program: ClientProgram, last: number) => {
    program.events.length = 0;
    for (const [at, message] of earlier.entries()) {
      program.says({ ...message, number: next + at, after: at === 0 ? last : next + at - 1 });
    }
    const later = { sentAt: WALL_MS + 6 };
    program.says(told(next + 2, next + 1, { own: next, ...later }));
    program.says(told(next + 3, next + 2, { ...BY_EVE, ...later, own: next }, EVES));
    program.says(told(next + 4, next + 3, { from: "cem" }, fakeSigner("cem")));
    assertEquals(
      said(program),
      // Who was forgotten is met anew, in a crowd.
      ["bob", `bob~${fingerprintOf(EVES.key)}`, "cem"].map((name, at) =>
        `${name}: text ${next + 2 + at}`
      ),
    );
    const notices = program.events.flatMap((one) => one.event === "notice" ? one.text : []);
    assertMatch(
      notices.join(),
      /^A broadcast of bob, dated [^,]*, isn't shown: so many others have/,
    );
  };
  const place = { store: STORE.toHex(), as: foldName("ann"), number: next - 1 };
  const logs = [[...program.disk], program.machine.snapshot(place)!];
  check(program, next - 1);
  // After a restart it is the same, from the log that was only appended to and from the compacted one.
  for (const kept of logs) {
    const later = restarted(program, kept);
    later.feed({ type: "start" });
    later.directoryUp();
    later.feed({ type: "enter", entry: LOG_IN });
    later.entered();
    check(later, 0);
  }
});

Deno.test("whose words: names are pinned for a broadcast, up to a bound", () => {
  const program = ClientProgram.in();
  const words = Array.from({ length: HEARD_PINS_MAX + 10 }, (_, at) => {
    const from = `g${at}`;
    return program.says(told(at + 1, at, { from }, fakeSigner(from)));
  }).flat();
  assertEquals(said(program).length, HEARD_PINS_MAX + 10);
  const pinned = words.filter((word) => word.startsWith("pin g"));
  assertEquals(pinned.length, HEARD_PINS_MAX);
});

Deno.test("whose words: of a name for which there is no pin left, another key is told all the same, after a restart, too", () => {
  const pins = new Map(
    Array.from({ length: HEARD_PINS_MAX }, (_, at) => [`g${at}`, fingerprintOf(EVES.key)]),
  );
  const pinsOf = () => pins;
  const program = ClientProgram.in({ config: { pinsOf } });
  program.says(told(1, 0));
  const later = comesLater({ config: { pinsOf, records: [...program.disk] } });
  for (const [one, after] of [[program, 1], [later, 0]] as const) {
    const [error] = one.says(told(2, after, BY_EVE, EVES));
    assertMatch(error!, /^error code=key-changed text=bob has a different key from before: /);
    one.says(told(3, 2, { own: 9 }));
    assertEquals(said(one).slice(-2), [`${APART}: text 2`, "bob: text 3"]);
    one.types({ command: "trust", name: "bob" });
    one.says(told(4, 3, BY_EVE, EVES));
    assertEquals(said(one).at(-1), "bob: text 4");
  }
});

Deno.test("our own numbers rise, whatever the clock, the disk and the directory say", () => {
  const own = (program: ClientProgram) => {
    program.types({ command: "broadcast", text: "x" });
    const sent = program.sent.flatMap(({ message }) => message.type === "broadcast" ? message : []);
    const { own } = sent.at(-1)!;
    program.says({ type: "broadcast-taken", own, number: own });
    return own - FIRST_OWN;
  };
  const program = ClientProgram.in();
  assertEquals([own(program), own(program)], [0, 1]);
  const [later] = [restarted(program)];
  later.feed({ type: "start" });
  later.directoryUp();
  later.feed({ type: "enter", entry: LOG_IN });
  later.entered();
  assertEquals(own(later), 2);

  const copied = ClientProgram.linked();
  copied.feed({ type: "enter", entry: LOG_IN });
  copied.entered({ said: FIRST_OWN + 70 });
  assertEquals(own(copied), 71);

  const deceived = ClientProgram.linked();
  deceived.feed({ type: "enter", entry: LOG_IN });
  deceived.entered({ said: Number.MAX_SAFE_INTEGER });
  assertEquals(own(deceived), 0);
});

// The receiver alone.

function receiving() {
  const output = partOutput();
  const told: string[] = [];
  const receiver = new BroadcastReceiver(new ClientLog([]), {
    out: output.out,
    crypto: fakeCrypto,
    wallMs: () => WALL_MS,
    keys: new KnownKeys(output.out),
    ownKey: ANN.key,
    session: { name: "ann", peer: DIRECTORY, offends: (text) => void told.push(text) },
    dropped: (text) => void told.push(text),
    acknowledge: ({ through }, way) => void told.push(`${through} by ${way}`),
  });
  receiver.entered(ENTERED);
  return { output, receiver, told: () => told.splice(0) };
}

function shownIn(words: readonly string[]): readonly string[] {
  return words.flatMap((word) => /^broadcast id=(\d+)/.exec(word)?.[1] ?? []);
}

Deno.test("BroadcastReceiver: it is on disk before it is shown and acknowledged, and what comes meanwhile is written as one", () => {
  const { output, receiver, told: says } = receiving();
  for (let n = 1; n <= 4; n++) receiver.told(told(n, n - 1), "link");
  assertEquals([output.words(), says()], [["pin bob bob", "writes heard"], []]);

  const words = output.diskAnswers();
  assertEquals([shownIn(words), words.at(-1), says()], [["1"], "writes heard heard heard", [
    "1 by link",
  ]]);
  assertEquals([shownIn(output.diskAnswers()), says()], [["2", "3", "4"], ["4 by link"]]);
});

Deno.test("BroadcastReceiver: in the directory's order, each once, and acknowledged the way it came", () => {
  const { output, receiver, told: says } = receiving();
  // Numbers have gaps; each names the one that was sent before it.
  receiver.told(told(30, 20), "datagram");
  receiver.told(told(20, 10), "datagram");
  assertEquals(output.words(), []);
  receiver.told(told(10, 0), "datagram");
  assertEquals([shownIn(output.diskAnswers()), says()], [["10", "20", "30"], ["30 by datagram"]]);

  receiver.told(told(20, 10), "link");
  assertEquals([output.words(), says()], [[], ["30 by link"]]);
});

Deno.test("BroadcastReceiver: what a disk refuses is told of once, asked again, and not kept beyond the link", () => {
  const { output, receiver } = receiving();
  receiver.told(told(1, 0), "link");
  const [error] = output.diskAnswers("full").filter((word) => word.startsWith("error"));
  assertEquals([error?.split(" ")[1], receiver.isRefused], ["code=disk", true]);
  output.pass(DISK_RETRY_MS);
  receiver.deadlines.tick(output.out.nowMs);
  assertEquals(output.diskAnswers("full"), ["writes heard"]);

  receiver.left();
  output.pass(DISK_RETRY_MS);
  receiver.deadlines.tick(output.out.nowMs);
  assertEquals(output.words(), []);
});

Deno.test("BroadcastReceiver: what isn't signed, or was said by ourselves, isn't shown, and acknowledged all the same", () => {
  const { output, receiver, told: says } = receiving();
  receiver.told({ ...told(1, 0), signature: new Uint8Array(64) }, "link");
  receiver.told(told(2, 1, { from: "ann" }, ANN), "link");
  assertEquals(says(), ["its sender hasn't signed it", "we said it ourselves"]);

  output.diskAnswers();
  output.diskAnswers();
  assertEquals(says(), ["1 by link", "2 by link"]);
});

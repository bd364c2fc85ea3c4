import { assertEquals, assertMatch } from "@std/assert";
import { nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { KeyChange, ModeEvent, VerifyAnswer } from "../../../lib/base/machine/mode_machine.ts";
import { People, withCompared } from "../../../lib/cli/credentials/people.ts";
import { shownName } from "../../../lib/base/text/names.ts";
import { verificationDigits } from "../../../lib/cli/rendering/verify_rendering.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { SLOW } from "../../given.ts";

const [OWN, BOB, EVE] = [1, 2, 3].map((fill) => nodeSigner(new Uint8Array(32).fill(fill)).key) as [
  PeerKey,
  PeerKey,
  PeerKey,
];
const own = fingerprintOf(OWN);
const bob = fingerprintOf(BOB);
const eve = fingerprintOf(EVE);

type Shown = Readonly<Record<string, unknown>>;

async function known(disk = new MemoryDisk()): Promise<KnownPeers> {
  await disk.makeFolder("/p");
  return await KnownPeers.open(disk, "/p/known_peers");
}

/** What a script sees. */
function peopleOf(
  knownPeers: KnownPeers,
  server?: { scope: string; name: string },
  ownName: string | null = null,
) {
  const shown: Shown[] = [];
  const session = {
    knownPeers,
    ui: { show: (event: Shown) => shown.push(event) },
    environment: { wallMs: () => 0 },
    identity: { signer: { key: OWN } },
    peace: { attention: () => null, heard: (event: Shown) => event },
  };
  const people = new People(
    session as unknown as ConstructorParameters<typeof People>[0],
    ownName,
    server,
  );
  /** An answer is noted first, as a host does. */
  const verify = async (answer?: VerifyAnswer, name = "Bob"): Promise<readonly Shown[]> => {
    const said = answer === undefined ? {} : { answer };
    const event = { event: "verify", name, key: bob, ownKey: OWN, peerKey: BOB, ...said } as const;
    if (answer !== undefined) await people.keep(event);
    people.show(event, undefined);
    return shown.splice(0);
  };
  return { people, verify, shown };
}

Deno.test(
  "People marks the key under that name by a yes, and takes mark and pins away by a no",
  SLOW,
  async () => {
    const knownPeers = await known();
    await knownPeers.pin("mesh:1", "Bob", BOB, 0);
    const { people, shown, verify } = peopleOf(knownPeers);

    const [asked] = await verify();
    const digits = verificationDigits(OWN, BOB);
    assertEquals(asked, { event: "verify", name: "Bob", key: bob, digits, verified: false });
    assertEquals(knownPeers.verifiedNames(bob), []);
    const [done] = await verify("yes");
    assertEquals([done!["answer"], done!["verified"]], ["yes", true]);
    assertEquals(knownPeers.isVerified("Bob", bob), true);
    assertEquals((await verify())[0]!["verified"], true);
    assertEquals((await verify(undefined, "Robert"))[0]!["verifiedAs"], ["Bob"]);

    const [refused] = await verify("no");
    assertEquals([refused!["answer"], refused!["verified"]], ["no", false]);
    assertEquals([knownPeers.pins(), knownPeers.refused().length], [[], 1]);

    const [again] = await verify("yes");
    assertEquals([again!["verified"], again!["refused"]], [true, true], "until /trust");

    // Of a key whose fingerprint alone is known there are no digits.
    const absent = { event: "verify", name: "Eve", key: eve, ownKey: OWN, peerKey: null } as const;
    await knownPeers.verify("Eve", EVE, 0);
    await people.keep({ ...absent, answer: "no" });
    people.show({ ...absent, answer: "no" }, undefined);
    assertEquals([shown[0]!["digits"], knownPeers.keysOf("Eve")], [undefined, []]);
  },
);

Deno.test(
  "People shows an answer that is on disk, and an error in place of one that isn't",
  SLOW,
  async () => {
    let isFull = false;
    const disk = new MemoryDisk({
      fault: ({ kind }) => isFull && kind === "sync" ? "ENOSPC" : null,
    });
    const knownPeers = await known(disk);
    const { verify } = peopleOf(knownPeers);
    isFull = true;

    const refused = [...await verify("yes"), ...await verify("no")];
    const inMemory = knownPeers.isRefused("Bob", bob);
    isFull = false;
    const shown = await verify("yes");
    const restarted = await KnownPeers.open(disk.crash(), "/p/known_peers");

    assertEquals(refused.map(({ event, code }) => [event, code]), [["error", "disk"], [
      "error",
      "disk",
    ]]);
    assertMatch(`${refused[0]!["text"]}`, /; what you found holds until this program ends$/);
    assertEquals(inMemory, true);
    assertEquals(shown.map(({ verified }) => verified), [true]);
    assertEquals(restarted.isVerified("Bob", bob), true);
  },
);

Deno.test("People says in a status whether the server is verified", async () => {
  const knownPeers = await known();
  await knownPeers.pin("host:h:1", "*directory*", BOB, 0);
  const server = { scope: "host:h:1", name: "*directory*" };
  const { people, shown } = peopleOf(knownPeers, server);
  const status = () => {
    people.show({ event: "status", name: "Ann" } as unknown as ModeEvent, undefined);
    return shown.at(-1)!["serverVerified"];
  };

  assertEquals(status(), false);
  await knownPeers.verify("*directory*", BOB, 0);
  assertEquals(status(), true);
});

Deno.test("withCompared() says of everybody in an event whether they are verified under that name", async () => {
  const knownPeers = await known();
  await knownPeers.verify("Bob", BOB, 0);
  await knownPeers.verify("mallory", EVE, 0);
  const seen = (event: Shown & { readonly event: string }) => withCompared(event, knownPeers, own);
  const verified = { verified: true };
  const not = { verified: false };
  const mallory = { verified: false, verifiedAs: ["mallory"] };

  for (
    const event of [
      { event: "joined", name: "Bob", key: bob },
      { event: "presence", name: "Bob", key: bob, state: "free" },
      { event: "call", peer: "Bob", key: bob, state: "connected" },
      { event: "call", peer: "Bob", key: bob, state: "ended", durationMs: 1 },
      { event: "broadcast", from: "Bob", key: bob },
    ]
  ) {
    assertEquals(seen(event), { ...event, ...verified });
    const other = event.event === "joined" || event.event === "call" ? { changed: true } : {};
    assertEquals(seen({ ...event, key: eve }), { ...event, key: eve, ...mallory, ...other });
    assertEquals(seen({ ...event, key: "other" }), { ...event, key: "other", ...not, ...other });
  }
  assertEquals(seen({ event: "call", peer: "Bob" }), { event: "call", peer: "Bob", ...not });
  for (
    const unproved of [
      { event: "incoming", from: "Bob", key: bob },
      { event: "incoming", from: "Bob", key: eve },
      { event: "call", peer: "Bob", key: bob, state: "ringing" },
      { event: "call", peer: "Bob", key: bob, state: "timeout" },
    ]
  ) {
    const other = unproved.key === eve ? { changed: true } : {};
    assertEquals(seen(unproved), { ...unproved, ...not, ...other });
  }
  for (const list of ["peers", "users", "friends"]) {
    const all = [{ name: "Me", key: own }, { name: "Bob", key: bob }, { name: "Bob", key: eve }];
    const more = [{ name: "Bob" }, { name: "Bob", key: null }];
    assertEquals(seen({ event: list, [list]: [...all, ...more] })[list], [
      { ...all[0], ...not },
      { ...all[1], ...verified },
      { ...all[2], ...mallory },
      { ...more[0], ...not },
      { ...more[1], ...not },
    ]);
  }
  for (const event of ["view", "members"]) {
    const members = { event, members: ["Me", "Bob", "Eve"], keys: [own, bob, eve] };
    assertEquals(seen(members), { ...members, verified: ["Bob"] });
  }
  await knownPeers.refuse("Eve", fingerprintOf(EVE), 0);
  const members = {
    event: "members",
    members: ["Bob", `Eve~${eve.slice(0, 4)}`],
    keys: [bob, eve],
  };
  assertEquals(seen(members)["refused"], [members.members[1]]);
  const other = { event: "message", from: "Bob", key: bob };
  assertEquals(seen(other), other);
});

Deno.test("People says loudly, before all else and once, that a verified name has come with another key", async () => {
  for (
    const event of [
      { event: "joined", name: "Bob", key: eve },
      { event: "joining", name: "Bob", key: eve },
      { event: "view", members: ["Me", "Bob"], keys: [own, eve] },
      { event: "incoming", from: "Bob", key: eve },
      { event: "call", peer: "Bob", key: eve, state: "ringing" },
      { event: "broadcast", from: "Bob", key: eve },
      { event: "message", from: "Bob", shown: "Bob~givo", key: eve },
    ]
  ) {
    const knownPeers = await known();
    const { people, shown } = peopleOf(knownPeers);
    people.show(event, undefined);
    assertEquals(shown.splice(0).map((one) => one["event"]), [event.event]);
    await knownPeers.verify("Bob", OWN, 0);
    await knownPeers.verify("Bob", BOB, 0); // the latest is the one named
    await knownPeers.verify("Me", BOB, 0); // nobody is warned of oneself
    await knownPeers.verify("*directory*", BOB, 0);
    const other = { event: "broadcast", from: "*directory*", key: eve };
    people.show(other as unknown as ModeEvent, undefined); // each has its own
    assertEquals(shown.splice(0).length, 1);

    people.show(event, undefined);
    people.show(event, undefined);

    assertEquals(shown.map((one) => one["event"]), ["notice", event.event, event.event]);
    const [{ text, changed }] = shown as [Shown];
    assertMatch(
      `${text}`,
      /^BE CAREFUL: you had verified Bob(~givo)?'s key, and this one is ANOTHER/,
    );
    assertEquals((changed as KeyChange).before, bob);
    const isSaid = event.event === "message" || event.event === "broadcast";
    assertEquals(shown[1]!["changed"], isSaid ? undefined : true);

    await knownPeers.verify("Bob", EVE, 0); // a second device
    assertEquals(withCompared(event, knownPeers, own)["changed"], undefined);
  }
});

Deno.test("withCompared() calls nobody in a list verified who has another key than the one expected", async () => {
  const knownPeers = await known();
  await knownPeers.verify("Bob", BOB, 0);
  await knownPeers.verify("mallory", EVE, 0);
  const listed = (changed: KeyChange) => {
    const user = { name: "Bob", key: changed.key, changed };
    const seen = (event: object) =>
      withCompared(event as Shown & { readonly event: string }, knownPeers, own);
    const { event: _, ...present } = seen({ event: "presence", ...user });
    const { users } = seen({ event: "users", users: [user] });
    assertEquals(users, [present]);
    return users;
  };

  const another = { name: "Bob", before: bob, key: eve };
  assertEquals(listed(another), [{
    name: "Bob",
    key: eve,
    verified: false,
    verifiedAs: ["mallory"],
    changed: { ...another, verified: true },
  }]);
  const elsewhere = { name: "Bob", before: "other", key: bob };
  assertEquals(listed(elsewhere), [{
    name: "Bob",
    key: bob,
    verified: false,
    changed: { ...elsewhere, verified: false },
  }]);
});

Deno.test("withCompared() warns louder of another key where the one expected was verified", async () => {
  const knownPeers = await known();
  await knownPeers.verify("Bob", BOB, 0);
  await knownPeers.verify("mallory", EVE, 0);
  const warned = (changed: KeyChange, text = "It changed") => {
    const event: ModeEvent = { event: "error", code: "key-changed", text, changed };
    return withCompared(event, knownPeers, own);
  };

  assertEquals(warned({ name: "Bob", before: bob, key: "k" }), {
    event: "error",
    code: "key-changed",
    text: "BE CAREFUL: you had verified Bob's key, and this one is ANOTHER. It changed",
    changed: { name: "Bob", before: bob, key: "k", verified: true },
  });
  assertEquals(
    warned({ name: "Cem", before: bob, key: eve })["text"],
    "It changed. You had not verified Cem's earlier key. This one has the key that you verified as mallory",
  );
  assertEquals(
    warned({ name: "Bob", shown: "Bob~givo", before: bob, key: eve })["text"],
    "BE CAREFUL: you had verified Bob's key, and this one is ANOTHER. It changed. " +
      "Bob~givo has the key that you verified as mallory",
  );
  assertEquals(
    warned({ name: "Cem", before: bob, given: true, key: "k" })["text"],
    "It changed. You had not verified the key in the table",
  );
  assertEquals(warned({ name: "Cem", key: "k" })["text"], "It changed");
  await knownPeers.verify("Cem~nwju", BOB, 0);
  assertEquals(
    warned({ name: "Cem", key: bob })["text"],
    "It changed. You have verified it since. This one has the key that you verified as Bob",
  );
});

Deno.test("People marks who looks like one met before, pinned names and one's own included", async () => {
  const knownPeers = await known();
  await knownPeers.pin("mesh:1", "Carola", BOB, 0);
  await knownPeers.refuse("Doroth\u0443", fingerprintOf(EVE), 0);
  const { people } = peopleOf(knownPeers);
  const peers = ["CaroIa", "Paul", "Ar\u0456el", "Fiona"].map((name) => ({ name, key: "k" }));
  const events = [
    { event: "ready", name: "Ariel" },
    { event: "joined", name: "D0r\u043ethy", key: "k" },
    { event: "peers", peers },
    { event: "view", members: ["Pau1", "Hugo"], keys: [], joining: ["Hug0"] },
    { event: "incoming", from: "Fi0na", key: "k" },
    { event: "error", code: "unknown-user", name: "Gu1do", text: "nobody is called so" },
    { event: "history", messages: [{ from: "Guido", shown: "Guido~k7f3" }] },
  ];

  for (const event of events) people.show(event, undefined);

  const names = [
    ...["Ariel", "Carola", "Paul", "Fiona", "Hugo", "Guido", "Guido~k7f3", "Gu1do"],
    ...["CaroIa", "Pau1", "Fi0na", "Hug0"],
  ];
  assertEquals(names.filter((name) => shownName(name) !== name), names.slice(8));
});

const CYRILLIC_ALICE = "\u0410\u04cf\u0456\u0441\u0435";
const joined = (name: string, more = {}) => ({ event: "joined", name, key: "k", ...more });
const said = (name: string, more = {}) => (
  { event: "message", from: name, shown: name, text: "hi", ...more }
);
const view = (members: readonly string[], ...came: readonly string[]) => (
  { event: "view", members, keys: [], joined: came }
);
const users = (...all: readonly (readonly [name: string, guest?: true])[]) => (
  { event: "users", users: all.map(([name, guest = false]) => ({ name, guest, state: "free" })) }
);

/** Each time the own name, one that looks like it, whether that is marked, and what happened. */
const OWN_LOOKS: readonly (readonly [
  what: string,
  own: string,
  other: string,
  isMarked: boolean,
  ...events: readonly Shown[],
])[] = [
  ["comes into the room of another", "Gloria", "G1oria", false, {
    event: "ready",
    name: "Gloria",
  }, joined("G1oria", { present: true })],
  [
    "was in the room before another",
    "Hanno",
    "Hann0",
    true,
    { event: "ready", name: "Hanno" },
    joined("Hann0"),
  ],
  [
    "comes back into a room, and was heard in it before another",
    "Kurt1",
    "Kurtl",
    true,
    { event: "ready", name: "Kurt1" },
    said("Kurt1", { self: true, key: own, history: true }),
    said("Kurtl", { self: false, key: "k", history: true }),
  ],
  [
    "comes back into a room, and was heard in it after another",
    "Lars1",
    "Larsl",
    false,
    { event: "ready", name: "Lars1" },
    said("Larsl", { self: false, key: "k", history: true }),
    said("Lars1", { self: true, key: own, history: true }),
  ],
  [
    "takes another name, and the other comes after that",
    "Ingo1",
    "Ingol",
    true,
    { event: "ready", name: "Ida" },
    { event: "renamed", key: own, from: "Ida", name: "Ingo1" },
    joined("Ingol"),
  ],
  [
    "takes a name that looks like that of another who is here",
    "Rocco",
    "R0cco",
    false,
    { event: "ready", name: "Pia" },
    joined("R0cco"),
    { event: "renamed", key: own, from: "Pia", name: "Rocco" },
    { event: "message", from: "R0cco", shown: "R0cco", key: "k", history: false },
  ],
  [
    "is a guest, and an account comes later, as the directory says",
    "0scar",
    "Oscar",
    false,
    { event: "session", name: "0scar", guest: true },
    { event: "presence", name: "Oscar", state: "free", guest: false },
  ],
  ["comes into the group of another", "Jo0st", "Joost", false, {
    event: "ready",
    name: "Jo0st",
    members: [],
  }, view(["Joost", "Jo0st"], "Jo0st")],
  [
    "was in the group before another",
    "Karlo",
    "Kar1o",
    true,
    { event: "ready", name: "Karlo", members: [] },
    view(["Karlo"], "Karlo"),
    view(["Karlo", "Kar1o"], "Kar1o"),
  ],
  ["was told of others before the own name", "Leo0", "Leoo", false, {
    event: "joining",
    name: "Leoo",
    key: "k",
  }, { event: "ready", name: "Leo0", members: [] }],
  ["comes into a directory after another", "Mi1a", "Mila", false, {
    event: "session",
    name: "Mi1a",
    guest: false,
  }, users(["Mila"], ["Mi1a"])],
  ["has an account where a guest was before", "Nora", "N0ra", true, {
    event: "session",
    name: "Nora",
    guest: false,
  }, users(["N0ra", true], ["Nora"])],
  [
    "is a guest, and an account comes later",
    "0la",
    "Ola",
    false,
    { event: "session", name: "0la", guest: true },
    users(["0la", true]),
    users(["Ola"], ["0la", true]),
  ],
];

for (const [what, ownName, other, isMarked, ...events] of OWN_LOOKS) {
  Deno.test(`People never marks one's own name; the other's where it came later: ${what}`, async () => {
    const { people, shown } = peopleOf(await known());
    for (const event of [...events, ...events.slice(1)]) {
      people.show(event as unknown as ModeEvent, undefined);
    }
    assertEquals([ownName, other].map(isMarkedNow), [false, isMarked]);
    const told = shown.filter(({ event }) => event === "notice").length;
    assertEquals(told, isMarked || events[0]!["event"] === "joining" ? 0 : 1);
  });
}

const isMarkedNow = (name: string) => shownName(name) !== name;

Deno.test("People doesn't mark one's own name that looks like one met earlier", async () => {
  const knownPeers = await known();
  await knownPeers.pin("mesh:1", CYRILLIC_ALICE, EVE, 0);
  const { people } = peopleOf(knownPeers);
  people.show(
    { event: "joining", name: CYRILLIC_ALICE, key: "k" } as unknown as ModeEvent,
    undefined,
  );
  for (const event of [{ event: "ready", name: "Alice", members: [] }, view(["Alice"], "Alice")]) {
    people.show(event as unknown as ModeEvent, undefined);
  }
  assertEquals(shownName("Alice"), "Alice");
});

Deno.test("People doesn't mark one's own name before the mode is ready; who is apart from it is marked", async () => {
  const knownPeers = await known();
  await knownPeers.pin("mesh:1", "Alice", EVE, 0);
  const { people } = peopleOf(knownPeers, undefined, CYRILLIC_ALICE);
  const apart = { event: "message", from: CYRILLIC_ALICE, shown: `${CYRILLIC_ALICE}~${eve}` };
  for (const event of [{ event: "joining", name: CYRILLIC_ALICE, key: own }, apart]) {
    people.show(event as unknown as ModeEvent, undefined);
  }
  const seen = ["", `~${own.slice(0, 4)}`, `~${eve.slice(0, 4)}`].map((start) =>
    isMarkedNow(CYRILLIC_ALICE + start)
  );
  assertEquals(seen, [false, false, true]);
});

Deno.test("People tells once who has a name that mixes scripts what others see", async () => {
  const { people, shown } = peopleOf(await known());
  const renamed = { event: "renamed", key: own, from: "Z\u043ee", name: "Zoe" };
  const again = { event: "ready", name: "Z\u043ee" };
  for (const event of [again, again, joined("Ab\u0441"), renamed]) {
    people.show(event as unknown as ModeEvent, undefined);
  }
  const told = shown.flatMap(({ event, text }) => event === "notice" ? [text] : []);
  assertEquals(told, [
    "Your name, Z\u043ee, mixes letters of several scripts: others see it with a mark, \u2248Z\u043ee",
  ]);
});

Deno.test("People tells of one's own mark once where a name mixes scripts, and looks like another's, too", async () => {
  const [own1, own2] = ["Pet\u0440a", "Ver\u0430"];
  const { people, shown } = peopleOf(await known());
  for (
    const event of [
      { event: "ready", name: own1 },
      { ...joined("Petpa"), present: true },
      joined("Vera"),
      { event: "renamed", key: own, from: own1, name: own2 },
    ]
  ) people.show(event as unknown as ModeEvent, undefined);
  const told = shown.flatMap(({ event, text }) => event === "notice" ? [`${text}`] : []);
  assertEquals(told.map((text) => text.split(":")[0]), [
    `Your name, ${own1}, mixes letters of several scripts`,
    `Your name, ${own2}, mixes letters of several scripts`,
  ]);
});

Deno.test("People marks both of a directory's accounts that look alike, and of an account and a guest the guest", async () => {
  const { people } = peopleOf(await known());
  const user = (name: string, guest: boolean) => ({ name, guest, state: "free" });
  const users = [
    user("0tto", true),
    user("Otto", false),
    user("PauIa", false),
    user("Paula", false),
  ];

  people.show({ event: "users", users } as unknown as ModeEvent, undefined);
  people.show({ event: "presence", name: "Rudo1f" } as unknown as ModeEvent, undefined);
  people.show({ event: "presence", name: "Rudolf" } as unknown as ModeEvent, undefined);

  const names = ["Otto", "Rudo1f", "0tto", "PauIa", "Paula", "Rudolf"];
  assertEquals(names.filter((name) => shownName(name) !== name), names.slice(2));
});

Deno.test("People marks both of two that look alike and were here before one came", async () => {
  const { people } = peopleOf(await known());
  for (const name of ["Sim0ne", "Simone"]) {
    const event = { event: "joined", name, key: "k", present: true };
    people.show(event as unknown as ModeEvent, undefined);
  }
  assertEquals(["Sim0ne", "Simone"].map(shownName), ["\u2248Sim0ne", "\u2248Simone"]);
});

Deno.test("People marks who has somebody's key for a name, and nobody who is called by their key", async () => {
  const { people } = peopleOf(await known());
  people.show({ event: "message", from: bob, shown: bob, key: bob } as never, undefined);
  assertEquals(shownName(bob), bob);

  people.show({ event: "message", from: bob, shown: bob, key: eve } as never, undefined);
  assertEquals(shownName(bob), `≈${bob}`);
});

Deno.test("People finds mentions of the name under which the user starts, also before it is told", async () => {
  const { people, shown } = peopleOf(await known(), undefined, "Alice");
  const said = {
    event: "message",
    from: "Bob",
    key: bob,
    text: "hey @alice",
    history: true,
  } as const;
  people.show(said as unknown as ModeEvent, undefined);
  people.show({ event: "ready", name: "Anna" } as unknown as ModeEvent, undefined);
  people.show(said as unknown as ModeEvent, undefined);
  const mentions = shown.filter(({ event }) => event === "message").map(({ mention }) => mention);
  assertEquals(mentions, [true, false]);
});

import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../../lib/base/crypto/crypto.ts";
import type { BundleId, FoldedName, LinkId, PeerKey, RoomId } from "../../../../lib/base/ids.ts";
import { Admission } from "../../../../lib/protocols/mesh/joining/admission.ts";
import {
  ADMISSION_LAN,
  type AdmissionConfig,
  type AdmissionEffect,
  type AdmissionPort,
} from "../../../../lib/protocols/mesh/joining/admission_io.ts";
import {
  claimFormFault,
  claimIdOf,
  claimTime,
  completeClaim,
} from "../../../../lib/protocols/mesh/schema/credentials.ts";
import { INCARNATION_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { AdmissionMessage, Refusal } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { SignedBeacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  admittedClaim,
  beaconOf,
  claimOf,
  COPY,
  fakeEnvironment,
  keyOf,
  PROCESS,
  ROOM,
  rosterWith,
  WALL_MS,
} from "../membership_fixtures.ts";

const [bob, carl] = [keyOf("Bob"), keyOf("Carl")];
const link = 1 as LinkId;

/** Ann, a member, or `who` that isn't one yet. */
function admission(
  who: string,
  port: Partial<AdmissionPort> = {},
  config: Partial<AdmissionConfig> = {},
): Admission {
  const machine = new Admission(
    {
      name: who,
      room: null,
      private: false,
      incarnationMin: 1,
      endpoint: { host: "", port: 7 },
      ownClaims: [],
      timing: ADMISSION_LAN,
      ...config,
    },
    fakeEnvironment(),
    fakeSigner(who),
    {
      ownerOf: () => null,
      precedes: () => false,
      incarnationOf: () => 0,
      isLive: () => false,
      isOfCopy: () => false,
      goneSince: () => null,
      credentialsOf: () => null,
      liveMembers: () => 1,
      isClaimKnown: () => false,
      latestHead: () => null,
      selfBeacon: () => beaconOf(who, 1),
      selfClaim: () => claimOf(who).signed,
      ...port,
    },
  );
  if (who === "Ann") machine.step({ type: "in-room", room: ROOM.room, genesis: ROOM.genesis }, 0);
  return machine;
}

function up(
  machine: Admission,
  peer: PeerKey,
  dialled: boolean,
  id = link,
  process: string = PROCESS,
): readonly AdmissionEffect[] {
  const remote = { host: "8.8.8.8", port: 4_000 };
  return machine.step({ type: "link-up", link: id, peer, process, dialled, remote }, 0);
}

function joinAs(name: string): Extract<AdmissionMessage, { type: "join" }> {
  const endpoint = { host: "", port: 7 };
  return { type: "join", room: null, name, incarnation: 5, endpoint, earlier: null };
}

/** What was sent on links. */
function sent(effects: readonly AdmissionEffect[]): readonly AdmissionMessage[] {
  return effects.flatMap((effect) => effect.type === "send" ? [effect.message] : []);
}

function codeOf(effects: readonly AdmissionEffect[]): string | undefined {
  const refusal = sent(effects).find(({ type }) => type === "refuse");
  return refusal?.type === "refuse" ? refusal.code : undefined;
}

Deno.test("Admission lets a newcomer in: join, offer, accept, welcome", () => {
  const [ann, newcomer] = [admission("Ann"), admission("Bob")];
  up(ann, bob, false);

  const [join] = sent(up(newcomer, keyOf("Ann"), true));
  const [offer] = sent(ann.step({ type: "message", link, message: join! }, 10));
  const admitted = newcomer.step({ type: "message", link, message: offer! }, 20);
  const claim = admitted.find((effect) => effect.type === "admitted")!;
  assert(claim.type === "admitted");
  assertEquals(claim.endpoint, { host: "8.8.8.8", port: 7 });
  assertEquals(admitted.map(({ type }) => type), ["admitted"]);

  const beacon = beaconOf("Bob", 1, {
    incarnation: claim.incarnation,
    claim: claimIdOf(fakeCrypto, claim.claim),
  });
  newcomer.port.selfBeacon = () => beacon;
  const entered = newcomer.step({ type: "entered", link }, 30);
  const [accept] = sent(entered);
  const letIn = ann.step({ type: "message", link, message: accept! }, 40);
  const [welcome] = sent(letIn);
  ann.port.selfClaim = () => claimOf("Ann").signed;
  const inside = newcomer.step({ type: "message", link, message: welcome! }, 50);

  assertEquals(entered.map(({ type }) => type), ["persist", "send"]);
  assertEquals(letIn.map(({ type }) => type), ["send", "member"]);
  assertEquals(inside.map(({ type }) => type), ["came-in", "member"]);
  assertEquals([ann.nextDeadlineMs(), newcomer.nextDeadlineMs()], [null, null]);
});

Deno.test("Admission takes from who lets it in no address but the one that it is seen at", () => {
  const [asked, here] = [{ host: "", port: 7 }, { host: "10.0.0.1", port: 7 }];
  const cases: readonly (readonly [AdmissionConfig["endpoint"], string, unknown])[] = [
    [asked, "8.8.8.8", { host: "8.8.8.8", port: 7 }],
    [asked, "2001:db8::1", { host: "2001:db8::1", port: 7 }],
    [asked, "victim.example;reboot", "refused"],
    [asked, "", "refused"],
    [here, "8.8.8.8", here],
    [null, "8.8.8.8", null],
  ];
  for (const [endpoint, host, taken] of cases) {
    const [ann, newcomer] = [admission("Ann"), admission("Bob", {}, { endpoint })];
    up(ann, bob, false);
    up(newcomer, keyOf("Ann"), true);
    const [offer] = sent(ann.step({ type: "message", link, message: joinAs("Bob") }, 10));
    assert(offer?.type === "offer");
    const message = { ...offer, endpoint: { host, port: 8 } };
    const [effect] = newcomer.step({ type: "message", link, message }, 20);
    assertEquals(effect?.type === "admitted" ? effect.endpoint : effect?.type, taken, host);
  }
});

Deno.test("Admission comes in with its whole claim where the admitting member dies before its welcome", () => {
  const newcomer = admission("Bob");
  up(newcomer, keyOf("Ann"), true);
  const ann = admission("Ann");
  up(ann, bob, false);
  const [offer] = sent(ann.step({ type: "message", link, message: joinAs("Bob") }, 10));
  newcomer.step({ type: "message", link, message: offer! }, 20);
  newcomer.step({ type: "entered", link }, 30);
  newcomer.step({ type: "link-down", link }, 40);

  const second = 2 as LinkId;
  const [hello] = sent(up(newcomer, carl, true, second));
  const [beacon, claim] = [beaconOf("Carl", 1), claimOf("Carl").signed];
  const message = { type: "hello", room: ROOM.room, beacon, claim } as const;
  const effects = newcomer.step({ type: "message", link: second, message }, 60);

  assertEquals(hello?.type, "hello");
  assertEquals(effects.map(({ type }) => type), ["came-in", "member"]);
});

Deno.test("Admission refuses, and says nothing to anybody else, where the name is taken", () => {
  const ann = admission("Ann", { ownerOf: () => carl });
  up(ann, bob, false);

  const effects = ann.step({ type: "message", link, message: joinAs("Carl") }, 10);

  assertEquals(codeOf(effects), "name-taken");
  assertEquals(effects.map(({ type }) => type), ["send", "close"]);
});

Deno.test("Admission refuses bad names, other rooms, a full room and a crowd", () => {
  const cases: readonly [
    string,
    Partial<AdmissionPort>,
    Partial<Extract<AdmissionMessage, { type: "join" }>>,
  ][] = [
    ["bad-name", {}, { name: "no good" }],
    ["wrong-room", {}, { room: "11".repeat(32) as typeof ROOM.room }],
    ["full", { liveMembers: () => 4_096 }, {}],
  ];
  for (const [code, port, change] of cases) {
    const ann = admission("Ann", port);
    up(ann, bob, false);
    const message = { ...joinAs("Bob"), ...change };

    assertEquals(codeOf(ann.step({ type: "message", link, message }, 10)), code);
  }
  const ann = admission("Ann");
  const codes = Array.from({ length: 201 }, (_, i) => {
    const id = i as LinkId;
    up(ann, keyOf(`P${i}`), false, id);
    return codeOf(ann.step({ type: "message", link: id, message: joinAs(`P${i}`) }, 10));
  });
  assertEquals(codes.filter((code) => code === undefined).length, 200);
  assertEquals(codes.at(-1), "too-fast");
});

Deno.test("Admission lets 64 in from one address, wherever they say that they can be dialled", () => {
  const inRoom = new Set<PeerKey>();
  const ann = admission("Ann", { isLive: (key) => inRoom.has(key) });
  const comeIn = (at: number) => {
    const [name, id] = [`P${at}`, at as LinkId];
    up(ann, keyOf(name), false, id);
    const endpoint = { host: `10.1.${at >> 8}.${at & 255}`, port: 7 };
    const message = { ...joinAs(name), endpoint };
    const asked = ann.step({ type: "message", link: id, message }, 100 * at);
    const offer = sent(asked).find(({ type }) => type === "offer");
    if (offer?.type !== "offer") return codeOf(asked);
    const claim = completeClaim(fakeCrypto, fakeSigner(name), offer);
    const { incarnation } = offer.claim.value;
    const beacon = beaconOf(name, 1, { incarnation, claim: claimIdOf(fakeCrypto, claim) });
    const accept = { type: "accept", claim, beacon } as const;
    const effects = ann.step({ type: "message", link: id, message: accept }, 100 * at);
    if (effects.some(({ type }) => type === "member")) inRoom.add(keyOf(name));
    return codeOf(effects);
  };

  const codes = Array.from({ length: 1_000 }, (_, at) => comeIn(at));
  inRoom.delete(keyOf("P3"));

  assertEquals(inRoom.size, 63);
  assertEquals(codes.filter((code) => code === "full").length, 1_000 - 64);
  assertEquals(comeIn(1_000), undefined);
});

Deno.test("Admission keeps nobody out of an address at which a member says that 64 others are", () => {
  const roster = rosterWith(["Mallory"]);
  const from = keyOf("Mallory");
  for (let at = 0; at < 64; at++) {
    const { id, signed } = admittedClaim(`crowd ${at}`, `c${at}`, WALL_MS + 10, "Mallory");
    const endpoint = { host: "8.8.8.8", port: 1 + at };
    const beacon = beaconOf(`crowd ${at}`, 1, { claim: id, endpoint });
    const beacons = [{ signed: beacon, ageMs: 0 }];
    roster.step({ type: "message", from, message: { type: "claims", claims: [signed] } }, 100);
    roster.step({ type: "message", from, message: { type: "beacons", beacons } }, 100);
  }
  const ann = admission("Ann", {
    isLive: (key) => roster.isLive(key),
    liveMembers: () => roster.liveCount,
  });
  const [newcomer, returning] = [1 as LinkId, 2 as LinkId];
  const [beacon, claim] = [beaconOf("Carl", 1), claimOf("Carl").signed];

  up(ann, bob, false, newcomer);
  const joined = ann.step({ type: "message", link: newcomer, message: joinAs("Bob") }, 200);
  up(ann, carl, false, returning);
  const hello = { type: "hello", room: ROOM.room, beacon, claim } as const;
  const greeted = ann.step({ type: "message", link: returning, message: hello }, 200);

  assertEquals(roster.liveCount, 66);
  assertEquals([joined, greeted].map((effects) => sent(effects).map(({ type }) => type)), [
    ["offer"],
    ["hello"],
  ]);
});

Deno.test("Admission gives one member few names one after the other", () => {
  const ann = admission("Ann");
  up(ann, bob, false);
  ann.links.becomeMember(ann.links.byId.get(link)!, beaconOf("Bob", 1), claimOf("Bob").signed);
  const want = (nowMs: number) => {
    const [answer] = sent(ann.step({ type: "message", link, message: joinAs("Bob") }, nowMs));
    ann.step({ type: "tick" }, nowMs + 5_000); // it says nothing more
    return answer?.type === "refuse" ? answer.code : answer?.type;
  };

  assertEquals([0, 1, 2, 3, 4, 1_010].map(want), [
    "offer",
    "offer",
    "offer",
    "too-fast",
    "too-fast",
    "offer",
  ]);
});

Deno.test("Admission welcomes who returns with its earlier claim, without asking anybody", () => {
  const ann = admission("Ann", {
    ownerOf: () => bob,
    incarnationOf: () => 41,
  });
  up(ann, bob, false);

  const message = { ...joinAs("Bob"), earlier: claimOf("Bob").signed };
  const [welcome] = sent(ann.step({ type: "message", link, message }, 10));

  assert(welcome?.type === "welcome");
  assertEquals(welcome.incarnation, 42);
  assertEquals(welcome.claim, claimOf("Bob").signed);
});

Deno.test("Admission takes an incarnation above disk, clock and what the contact knows", () => {
  for (
    const [stored, known, expected] of [
      [1, 0, WALL_MS],
      [WALL_MS + 9, 0, WALL_MS + 9],
      [1, WALL_MS + 5, WALL_MS + 6],
    ] as const
  ) {
    const ann = admission("Ann", { incarnationOf: () => known });
    const newcomer = admission("Bob", {}, { incarnationMin: stored });
    up(ann, bob, false);
    const [join] = sent(up(newcomer, keyOf("Ann"), true));
    const [offer] = sent(ann.step({ type: "message", link, message: join! }, 10));

    const effects = newcomer.step({ type: "message", link, message: offer! }, 20);

    const admitted = effects.find((effect) => effect.type === "admitted");
    assertEquals(admitted?.type === "admitted" && admitted.incarnation, expected);
  }
});

Deno.test("Admission shows an older process of a key its own later beacon", () => {
  const later = { beacon: beaconOf("Bob", 3, { incarnation: 9 }), claim: claimOf("Bob").signed };
  const ann = admission("Ann", { incarnationOf: () => 9, credentialsOf: () => later });
  const older = admission("Bob");
  older.step({ type: "in-room", room: ROOM.room, genesis: ROOM.genesis }, 0);
  up(ann, bob, false);

  const [hello] = sent(up(older, keyOf("Ann"), true));
  const answer = ann.step({ type: "message", link, message: hello! }, 10);
  const effects = older.step({ type: "message", link, message: sent(answer)[0]! }, 20);

  assertEquals(answer.map(({ type }) => type), ["send", "close"]);
  assertEquals(effects, [{ type: "replaced-self", incarnation: 9 }]);
});

Deno.test("Admission doesn't take a copy for the process that is known, and shows it that one's beacon", () => {
  const known = { beacon: beaconOf("Bob", 3), claim: claimOf("Bob").signed };
  const ann = admission("Ann", {
    incarnationOf: () => 1,
    isOfCopy: ({ process }) => process !== PROCESS,
    credentialsOf: () => known,
  });
  const copy = admission("Bob", { selfBeacon: () => beaconOf("Bob", 9, { process: COPY }) });
  copy.step({ type: "in-room", room: ROOM.room, genesis: ROOM.genesis }, 0);
  up(ann, bob, false, link, COPY);

  const [hello] = sent(up(copy, keyOf("Ann"), true));
  const answer = ann.step({ type: "message", link, message: hello! }, 10);
  const effects = copy.step({ type: "message", link, message: sent(answer)[0]! }, 20);

  assertEquals(answer.map(({ type }) => type), ["copied", "send", "close"]);
  assertEquals(effects, [{ type: "replaced-self", incarnation: 1 }]);
});

Deno.test("Admission heeds a later process of its key also from a member whose own hello came first", () => {
  const later = { beacon: beaconOf("Bob", 3, { incarnation: 9 }), claim: claimOf("Bob").signed };
  const ann = admission("Ann", { incarnationOf: () => 9, credentialsOf: () => later });
  const older = admission("Bob");
  older.step({ type: "in-room", room: ROOM.room, genesis: ROOM.genesis }, 0);
  up(older, keyOf("Ann"), false);

  const [hello] = sent(up(ann, bob, true));
  const [greeting] = sent(older.step({ type: "message", link, message: hello! }, 10));
  const [proof] = sent(ann.step({ type: "message", link, message: greeting! }, 20));
  const effects = older.step({ type: "message", link, message: proof! }, 30);

  assertEquals(effects, [{ type: "replaced-self", incarnation: 9 }]);
});

Deno.test("Admission believes that a later process of its key is here by a beacon for this room alone", () => {
  const elsewhere = "ab".repeat(32) as RoomId;
  const later = { incarnation: 9 };
  const cases: readonly (readonly [SignedBeacon, readonly string[]])[] = [
    [beaconOf("Bob", 1, later), ["replaced-self"]],
    [beaconOf("Bob", 1, { ...later, room: elsewhere }), ["protocol", "close"]],
    [beaconOf("Bob", 1, { incarnation: INCARNATION_MAX + 1 }), ["protocol", "close"]],
    [{ ...beaconOf("Bob", 1, later), signature: new Uint8Array(64) }, [
      "invalid-signature",
      "close",
    ]],
  ];
  for (const [beacon, expected] of cases) {
    const machine = admission("Bob");
    machine.step({ type: "in-room", room: ROOM.room, genesis: ROOM.genesis }, 0);
    up(machine, carl, false);

    const claim = claimOf("Bob").signed;
    const message = { type: "hello", room: ROOM.room, beacon, claim } as const;
    const effects = machine.step({ type: "message", link, message }, 10);

    assertEquals(effects.map((e) => e.type === "penalise" ? e.fault : e.type), expected);
  }
});

Deno.test("Admission makes a link pay for credentials of somebody else, or without signatures", () => {
  const forged = { ...beaconOf("Bob", 1), signature: new Uint8Array(64) as Bytes };
  for (
    const [beacon, fault] of [
      [beaconOf("Carl", 1), "protocol"],
      [forged, "invalid-signature"],
      [beaconOf("Bob", 1, { process: COPY }), "protocol"],
    ] as const
  ) {
    const ann = admission("Ann");
    up(ann, bob, false);

    const claim = claimOf("Bob").signed;
    const message = { type: "hello", room: ROOM.room, beacon, claim } as const;
    const effects = ann.step({ type: "message", link, message }, 10);

    assertEquals(effects.map((e) => e.type === "penalise" ? e.fault : e.type), [fault, "close"]);
  }
});

Deno.test("Admission closes a link on which nothing comes, and tells a newcomer that waits in vain", () => {
  const [ann, newcomer] = [admission("Ann"), admission("Bob")];
  up(ann, bob, false);
  up(newcomer, keyOf("Ann"), true);

  assertEquals(ann.step({ type: "tick" }, 4_999), []);
  assertEquals(ann.step({ type: "tick" }, 5_000).map(({ type }) => type), ["close"]);
  const effects = newcomer.step({ type: "tick" }, 5_000);
  assertEquals(effects.map((e) => e.type === "refused" ? e.code : e.type), ["timeout", "close"]);
});

Deno.test("Admission tells a refusal in its own words, and quotes the member's where they add to them", () => {
  const told = (code: Refusal) => {
    const newcomer = admission("Bob");
    up(newcomer, keyOf("Ann"), true);
    const message = { type: "refuse", code, text: 'be "careful"', room: null } as const;
    const [refused] = newcomer.step({ type: "message", link, message }, 10);
    return refused?.type === "refused" && refused.text;
  };

  assertEquals(told("name-taken"), "somebody in the room has that name; choose another one");
  assertEquals(
    told("bad-name"),
    `the member that was asked doesn't take this name. The member says: "be 'careful'"`,
  );
});

Deno.test("claimTime() follows the wall clock, after the admitting member's claim, within a day after the latest head", () => {
  const day = 86_400_000;

  assertEquals(claimTime(WALL_MS, 0, null), WALL_MS);
  assertEquals(claimTime(WALL_MS, 0, WALL_MS - 5), WALL_MS);
  assertEquals(claimTime(0, 0, WALL_MS), WALL_MS + 1);
  assertEquals(claimTime(0, WALL_MS + 5, WALL_MS), WALL_MS + 6);
  assertEquals(claimTime(WALL_MS + 30 * day, 0, WALL_MS), WALL_MS + day);
});

Deno.test("claimFormFault() judges a claim's time by the head that it names and the room's beginning alone", () => {
  const claim = claimOf("Bob").signed.claim.value;
  const room = { id: ROOM.room, genesis: ROOM.genesis };
  const after = { time: claim.time, id: "22".repeat(32) as BundleId };

  assertEquals(claimFormFault(claim, room), null);
  assert(claimFormFault({ ...claim, time: WALL_MS - 1 }, room) !== null);
  assertEquals(claimFormFault({ ...claim, after, time: after.time + 1 }, room), null);
  assert(claimFormFault({ ...claim, after, time: after.time }, room) !== null);
  assert(claimFormFault({ ...claim, after, time: after.time + 86_400_001 }, room) !== null);
  assert(claimFormFault({ ...claim, folded: "bo" as FoldedName }, room) !== null);
});

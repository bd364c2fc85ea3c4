// The simulator itself: virtual time, disks, links, repeatable runs, and checkers that find what they are made for.
// The test subject is a gossip room (mesh/gossip.ts), correct or with one flaw.

import { hunt } from "./hunt.ts";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { amount } from "../given.ts";
import type { MessageId } from "../../lib/base/ids.ts";
import type { HistoryMessage } from "../../lib/protocols/mesh/schema/events.ts";
import { KEPT_MESSAGES_MAX } from "../../lib/protocols/mesh/schema/limits.ts";
import type { MeshChecker } from "./mesh/checker.ts";
import { type Flaw, gossipSubject } from "./mesh/gossip.ts";
import type { MemberConfig, MemberProcess } from "./mesh/member.ts";
import { runMesh } from "./mesh/run.ts";
import type { World } from "./mesh/world.ts";
import { SaneEvents } from "./checkers/sane_events.ts";
import { HonestLinks } from "./checkers/honest_links.ts";
import { ExactlyOnce } from "./checkers/m1_exactly_once.ts";
import { LateOnesCatchUp } from "./checkers/m2_late_ones_catch_up.ts";
import { CausalOrder } from "./checkers/m3_causal_order.ts";
import { SameHistory } from "./checkers/m4_same_history.ts";
import { Bounded } from "./checkers/m5_bounded.ts";
import { Connections } from "./checkers/m6_connections.ts";
import { OverlayWhole } from "./checkers/overlay_whole.ts";
import { RosterRight } from "./checkers/roster_right.ts";
import { SentAfter } from "./checkers/sent_after.ts";
import { StoredOrder } from "./checkers/stored_order.ts";
import { SimDisk } from "./disk.ts";
import type { LinkEnd, LinkOwner } from "./link.ts";
import { type Call, Network, type Station } from "./network.ts";
import { Random } from "./random.ts";
import { Timer, VirtualTime } from "./virtual_time.ts";

Deno.test("VirtualTime runs timers in order of time, and those due at once as they were armed", () => {
  const time = new VirtualTime();
  const random = new Random(1);
  const ran: number[] = [];
  const due: { atMs: number; order: number }[] = [];

  for (let order = 0; order < 500; order++) {
    const atMs = random.below(50);
    due.push({ atMs, order });
    time.arm(new Timer(() => ran.push(order)), atMs);
  }
  time.runUntil(100);

  due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  assertEquals(ran, due.map(({ order }) => order));
  assertEquals(time.nowMs, 100);
});

Deno.test("VirtualTime moves and disarms timers wherever they are in the heap", () => {
  const time = new VirtualTime();
  const random = new Random(2);
  const ranAtMs = new Map<number, number>();
  const timers = Array.from({ length: 200 }, (_, n) => {
    const timer = new Timer(() => ranAtMs.set(n, time.nowMs));
    time.arm(timer, random.below(1_000));
    return timer;
  });
  const expected = new Map(timers.map((timer, n) => [n, timer.atMs]));

  for (let n = 0; n < timers.length; n += 2) {
    if (n % 4 === 0) {
      time.disarm(timers[n]!);
      expected.delete(n);
    } else {
      time.arm(timers[n]!, random.below(1_000));
      expected.set(n, timers[n]!.atMs);
    }
  }
  time.runUntil(1_000);

  assertEquals(new Map([...ranAtMs].sort()), new Map([...expected].sort()));
});

Deno.test("SimDisk keeps what was written when a process ends, and what was synced without power", () => {
  const time = new VirtualTime();
  const disk = new SimDisk<number>(time, new Random(3), { syncMs: 1, slowChance: 0 });
  disk.write([1, 2]);
  disk.sync(() => {});
  disk.write([3]); // not included in the sync in progress
  time.runUntil(100);
  assertEquals(disk.synced, 2);

  disk.processEnds();
  assertEquals(disk.records, [1, 2, 3]);

  const lengths = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const other = new SimDisk<number>(time, new Random(seed), { syncMs: 0, slowChance: 0 });
    other.restore([1, 2]);
    other.write([3, 4]);
    other.powerLost();
    assertEquals(other.records.slice(0, 2), [1, 2]);
    lengths.add(other.records.length);
  }
  assertEquals([...lengths].sort(), [2, 3, 4]);
});

/** A station that records its events. */
class Noting implements Station<string> {
  readonly told: string[] = [];
  readonly ends: LinkEnd<string>[] = [];
  readonly seenHost = "h";
  gone = false;
  silent = false;
  stalledUntilMs = 0;
  readIntervalMs = 0;
  readableAtMs = 0;

  constructor(readonly host: number, readonly time: VirtualTime) {}

  refusal(_call: Call<string>): string | null {
    return null;
  }
  linkUp(end: LinkEnd<string>): void {
    this.ends.push(end);
    this.told.push("up");
  }
  linkDown(_end: LinkEnd<string>, closed: boolean): void {
    this.told.push(`${closed ? "closed" : "lost"} at ${Math.floor(this.time.nowMs / 1_000)} s`);
  }
  message(_end: LinkEnd<string>, message: string): void {
    this.told.push(message);
  }
  congested(): void {
    this.told.push("congested");
  }
  drained(): void {
    this.told.push("drained");
  }
  missed(): void {
    this.told.push("missed");
  }
}

const WIDE = { controlBytes: 65_536, dataBytes: 65_536, windowBytes: 65_536 };

function twoLinked(
  { bytesPerMs = Infinity, limits = WIDE } = {},
): { time: VirtualTime; network: Network<string>; ann: Noting; bob: Noting } {
  const time = new VirtualTime();
  const path = { delayMs: 10, jitterMs: 1, bytesPerMs };
  const network = new Network<string>(time, new Random(4), limits, 2, () => path);
  const [ann, bob] = [new Noting(0, time), new Noting(1, time)];
  network.listen({ host: "bob", port: 1 }, bob);
  const failed = (reason: string) => ann.told.push(reason);
  const endpoint = { host: "bob", port: 1 };
  network.dial({ from: ann, attempt: 1, endpoint, expect: null, room: null, failed });
  time.runUntil(100);
  return { time, network, ann, bob };
}

Deno.test("a link brings messages in their order, and its close after them", () => {
  const { time, ann, bob } = twoLinked();

  for (const word of ["one", "two", "three"]) ann.ends[0]!.send(word, "data", 10);
  ann.ends[0]!.close("done");
  time.runUntil(1_000);

  assertEquals(bob.told, ["up", "one", "two", "three", "closed at 0 s"]);
  assertEquals(ann.told, ["up", "closed at 0 s"]);
});

Deno.test("a cut that heals within 3 s delays what was sent, a longer one ends the link at both", () => {
  for (
    const [cutMs, expected] of [[2_000, ["up", "late"]], [9_000, ["up", "lost at 3 s"]]] as const
  ) {
    const { time, network, ann, bob } = twoLinked();
    network.setCuts((from) => from === 0);
    ann.ends[0]!.send("late", "data", 10);
    time.runUntil(100 + cutMs);
    network.setCuts(() => false);
    time.runUntil(20_000);

    assertEquals(bob.told, [...expected]);
    assertEquals(ann.told.length, expected[1] === "late" ? 1 : 2);
  }
});

Deno.test("a link whose data queue is full says so, drops data alone, and says when it has drained", () => {
  const limits = { controlBytes: 1_000, dataBytes: 1_000, windowBytes: 100 };
  const { time, ann, bob } = twoLinked({ bytesPerMs: 1, limits });

  for (let n = 0; n < 20; n++) ann.ends[0]!.send(`data ${n}`, "data", 100);
  ann.ends[0]!.send("control", "control", 10);
  time.runUntil(60_000);

  assertEquals(ann.told, ["up", "congested", "drained"]);
  const data = bob.told.filter((told) => told.startsWith("data"));
  assert(data.length >= 10 && data.length < 20, `${data.length} of 20 arrived`);
  assertEquals(data, data.map((_, n) => `data ${n}`)); // the first ones
  assert(bob.told.indexOf("control") < 4, "control goes first");
});

Deno.test("a link drops news that finds half of its control queue taken, and says so when that is empty", () => {
  const limits = { controlBytes: 1_000, dataBytes: 1_000, windowBytes: 100 };
  const { time, ann, bob } = twoLinked({ bytesPerMs: 1, limits });

  for (let n = 0; n < 20; n++) ann.ends[0]!.send(`news ${n}`, "news", 100);
  ann.ends[0]!.send("control", "control", 100);
  time.runUntil(60_000);

  assertEquals(ann.told, ["up", "missed"]);
  const news = ["news 0", "news 1", "news 2", "news 3", "news 4", "news 5"];
  assertEquals(bob.told, ["up", ...news, "control"]);
});

Deno.test("a slow reader takes its links in turn, however much waits on one", () => {
  const { time, network, ann, bob } = twoLinked();
  for (const attempt of [2, 3]) {
    const endpoint = { host: "bob", port: 1 };
    const failed = (reason: string) => ann.told.push(reason);
    network.dial({ from: ann, attempt, endpoint, expect: null, room: null, failed });
  }
  time.runUntil(200);
  bob.readIntervalMs = 10;
  bob.told.length = 0;
  for (const [link, end] of ann.ends.entries()) {
    for (let n = 0; n < 40; n++) end.send(`link ${link}`, "data", 10);
  }
  time.runUntil(600);

  const taken = [0, 1, 2].map((link) => bob.told.filter((told) => told === `link ${link}`).length);
  assert(Math.min(...taken) > 10 && Math.max(...taken) <= Math.min(...taken) + 2, taken.join(", "));
});

Deno.test("a killed process is missed at once, one without power after 3 to 4 s", () => {
  for (const powerLost of [false, true]) {
    const { time, ann, bob } = twoLinked();
    ann.gone = true;
    ann.silent = powerLost;
    ann.ends[0]!.abandon(powerLost, 0);
    time.runUntil(20_000);

    assertEquals(bob.told, ["up", powerLost ? "lost at 3 s" : "lost at 0 s"]);
  }
});

Deno.test("dialling nobody fails", () => {
  const { time, network, ann } = twoLinked();
  const endpoint = { host: "nobody", port: 1 };
  const failed = (reason: string) => ann.told.push(reason);
  network.dial({
    from: ann as LinkOwner<string> as Noting,
    attempt: 2,
    endpoint,
    expect: null,
    room: null,
    failed,
  });
  time.runUntil(20_000);

  assert(["unreachable", "timeout"].includes(ann.told[1]!), ann.told[1]);
});

const SMALL = { nodes: 6, steps: 80 };

Deno.test("runMesh() repeats a seed event for event, and another seed is another run", () => {
  const subject = gossipSubject(null);
  for (const seed of [1, 2, 3, 4].slice(0, amount(1, 4))) {
    const [once, again] = [
      runMesh(subject, { seed, ...SMALL }),
      runMesh(subject, { seed, ...SMALL }),
    ];
    assertEquals(once.hash, again.hash);
    assertEquals(once.steps, again.steps);
    assertNotEquals(once.hash, runMesh(subject, { seed: seed + 100, ...SMALL }).hash);
  }
});

Deno.test("runMesh() finds nothing wrong with a room that keeps its promises, in 3 seeds", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { failure } = runMesh(gossipSubject(null), { seed, ...SMALL });
    assertEquals(failure?.stack ?? null, null, `seed ${seed}`);
  }
});

Deno.test("M4 allows older messages in place of withheld ones, and fewer where excluded ones took their place", () => {
  const listed = (stream: string, count: number): HistoryMessage[] =>
    Array.from({ length: count }, (_, index) => {
      const text = `made up ${stream}/${index + 1}`;
      return { id: text as MessageId, from: "u", shown: "u", key: "", text, sentAt: "" };
    });
  const [older, withheld, others] = [listed("old/1", 40), listed("new/1", 50), listed("new/2", 60)];
  const full = [
    ...listed("rest/1", KEPT_MESSAGES_MAX - withheld.length - others.length),
    ...withheld,
    ...others,
  ];
  const lacking = full.filter((message) => !withheld.includes(message));
  const violation = (
    histories: readonly (readonly HistoryMessage[])[],
    withheldLies = new Map([["new/1", withheld.length]]),
    excluded = 0,
  ) => {
    const judged = () =>
      histories.map((history, index) => ({
        member: {
          label: `n${index}`,
          config: { liar: null },
          withheldLies: index === 1 ? withheldLies : new Map(),
        },
        history,
        probe: { excluded: () => index === 1 ? excluded : 0 },
      }));
    try {
      new SameHistory().atAnswers({ judged } as unknown as World);
      return null;
    } catch (error) {
      return (error as Error).message.split("{")[0];
    }
  };
  const found = (at: number) => `M4: message ${at} in the history of n0 is `;

  assertEquals(violation([full, [...older, ...lacking]]), null);
  assertEquals(violation([full, [...older, ...lacking]], new Map()), found(0));
  assertEquals(violation([full, lacking.slice(1)]), found(0));
  assertEquals(violation([full, [...older, ...lacking.slice(0, -1)]]), found(0));
  assertEquals(violation([full.slice(1), [...older, ...lacking.slice(1)]]), found(0));

  // Excluded messages had taken the place of older ones.
  const later = full.slice(2);
  assertEquals(violation([full, later], new Map(), 2), null);
  assertEquals(violation([full, later], new Map(), 1), found(0));
  assertEquals(
    violation([full, [...later.slice(0, 5), ...later.slice(6)]], new Map(), 3),
    found(0),
  );
});

Deno.test("SaneEvents: who is told of links that are dialled anew is a finding, where all can be dialled", () => {
  const findingIn = (members: readonly Partial<MemberConfig>[]) => {
    const world = {
      isAtPeace: true,
      members: members.map((config) => ({
        isJudged: true,
        config: { natted: false, passive: false, ...config },
      })),
    };
    const process = { label: "n1", member: { world } } as unknown as MemberProcess;
    const checker = new SaneEvents();
    checker.started(process);
    const text = "No link to any other member; trying those who were here";
    try {
      checker.shown(process, { event: "notice", text });
    } catch (error) {
      return (error as Error).message;
    }
    return null;
  };
  const finding = 'events: n1 is told "No link to any other member; trying those who were here" ' +
    "of links that are dialled anew";

  assertEquals(findingIn([{}, {}]), finding);
  assertEquals(findingIn([{}, { natted: true }]), null);
  assertEquals(findingIn([{}, { passive: true }]), null);
});

/** Each flaw, a checker that must find it alone, and the first seed to try. */
const FLAWS: readonly (readonly [Flaw, () => MeshChecker, from?: number])[] = [
  ["shows duplicates", () => new ExactlyOnce()],
  ["never compares frontiers", () => new ExactlyOnce()],
  ["forgets its frontier", () => new ExactlyOnce()],
  ["shows before it stores", () => new ExactlyOnce(), 11],
  ["leaves newcomers out", () => new LateOnesCatchUp()],
  ["ignores heads", () => new CausalOrder(), 7],
  ["lists history as it came", () => new SameHistory(), 14],
  ["keeps what waited", () => new Bounded()],
  ["dials for ever", () => new Connections(), 8],
  ["ignores heads", () => new StoredOrder(), 7],
  ["forgets its frontier", () => new StoredOrder()],
  ["sends before it stores", () => new SentAfter()],
  ["relays before it delivers", () => new SentAfter(), 3],
  ["bans who repeats", () => new HonestLinks()],
  ["keeps the dead", () => new RosterRight(), 14],
  ["lets two have a name", () => new RosterRight(), 12],
  ["drops one side of a link", () => new OverlayWhole()],
  ["joins twice", () => new SaneEvents()],
];
const SEEDS_MAX = 40;

for (const [flaw, checker, from = 1] of FLAWS) {
  hunt({
    title: `${checker().name} finds a room that ${flaw}`,
    from,
    seedsMax: SEEDS_MAX,
    finds(seed) {
      const { failure } = runMesh(gossipSubject(flaw), {
        seed,
        ...SMALL,
        checkers: () => [checker()],
      });
      if (failure === null) return false;
      assertEquals(failure.name, "Violation", failure.stack);
      assert(failure.message.startsWith(checker().name), failure.message);
      return true;
    },
  });
}

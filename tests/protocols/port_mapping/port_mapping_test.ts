/** A port of the router: when it is asked for, renewed and given back, and when its address counts. */

import { assert, assertEquals } from "@std/assert";
import { PortMapping } from "../../../lib/protocols/port_mapping/port_mapping.ts";
import type {
  PortMappingConfig,
  PortMappingEffect,
  PortMappingInput,
  PortRequest,
  RouterAnswer,
} from "../../../lib/protocols/port_mapping/port_mapping_io.ts";

const ROUTER = "192.168.1.1";
const EXTERNAL = { host: "198.51.100.7", port: 55_107 };
const NO_ROUTER: RouterAnswer = { kind: "failed", failure: { kind: "no-router" } };
const MINUTE = 60_000;

function answerOf(more: Partial<Extract<RouterAnswer, { kind: "mapped" }>> = {}): RouterAnswer {
  return {
    kind: "mapped",
    by: "UPnP",
    router: ROUTER,
    external: EXTERNAL,
    leaseS: 1_200,
    ...more,
  };
}

const TCP: PortRequest = { transport: "tcp", internal: 55_107, external: 55_107 };
const UDP: PortRequest = { ...TCP, transport: "udp" };

/** A mapping, and what it wants: short, as lists of words. */
class Asked {
  readonly #machine: PortMapping;
  #ask = 0;
  nowMs = 0;

  constructor(more: Partial<PortMappingConfig> = {}) {
    this.#machine = new PortMapping({
      port: 55_107,
      transports: ["tcp"],
      ownHosts: () => ["127.0.0.1", "192.168.1.5"],
      dials: false,
      ...more,
    }, { random: () => 0.5 });
  }

  get dueMs(): number | null {
    return this.#machine.nextDeadlineMs();
  }

  give(input: PortMappingInput): readonly unknown[] {
    return this.#machine.step(input, this.nowMs).map((effect) => this.#short(effect));
  }

  answer(answer: RouterAnswer): readonly unknown[] {
    return this.give({ type: "answered", ask: this.#ask, answer });
  }

  tickAt(nowMs: number): readonly unknown[] {
    this.nowMs = nowMs;
    return this.give({ type: "tick" });
  }

  /** Started, and answered so. */
  static with(answer: RouterAnswer, more: Partial<PortMappingConfig> = {}): Asked {
    const asked = new Asked(more);
    asked.give({ type: "start" });
    asked.answer(answer);
    return asked;
  }

  #short(effect: PortMappingEffect): unknown {
    switch (effect.type) {
      case "ask": {
        this.#ask = effect.ask;
        const { transport, external } = effect.request;
        return ["ask", transport, external];
      }
      case "delete":
        return ["delete", effect.request.transport, effect.request.external];
      case "tell":
        return ["tell", effect.news.kind];
      case "over":
        return ["over"];
      default:
        return [effect.type, effect.external?.port ?? null];
    }
  }
}

Deno.test("PortMapping asks at once, and announces the address only once it is proven", () => {
  const asked = new Asked();
  assertEquals(asked.give({ type: "start" }), [["ask", "tcp", 55_107]]);
  assertEquals(asked.answer(answerOf()), [["tell", "mapped"], ["mapped", 55_107]]);
  assertEquals(asked.give({ type: "proven", external: { ...EXTERNAL, port: 1 } }), []);
  assertEquals(asked.give({ type: "proven", external: EXTERNAL }), [
    ["announce", 55_107],
    ["tell", "proven"],
  ]);
  assertEquals(asked.give({ type: "proven", external: EXTERNAL }), []);
});

Deno.test("PortMapping takes who comes in from the internet for a proof, and nobody of this network", () => {
  for (const host of ["192.168.1.9", "10.0.0.1", "100.64.7.7", "127.0.0.1", "fe80::1", "home"]) {
    assertEquals(Asked.with(answerOf()).give({ type: "came-in", host }), [], host);
  }
  const asked = new Asked();
  assertEquals(asked.give({ type: "came-in", host: "203.0.113.9" }), []);
  asked.give({ type: "start" });
  assertEquals(asked.give({ type: "came-in", host: "203.0.113.9" }), []);
  asked.answer(answerOf());
  assertEquals(asked.give({ type: "came-in", host: "203.0.113.9" }), [
    ["announce", 55_107],
    ["tell", "proven"],
  ]);
});

Deno.test("PortMapping has a server dial itself, and says after a while that nobody has come", () => {
  const asked = new Asked({ dials: true });
  asked.give({ type: "start" });
  assertEquals(asked.answer(answerOf()), [
    ["tell", "mapped"],
    ["mapped", 55_107],
    ["dial", 55_107],
  ]);
  assertEquals(asked.tickAt(30_000), [["tell", "unproven"]]);
  assertEquals(asked.give({ type: "proven", external: EXTERNAL }), [
    ["announce", 55_107],
    ["tell", "proven"],
  ]);
});

Deno.test("PortMapping renews at half of the lease, in silence", () => {
  const asked = Asked.with(answerOf());
  asked.give({ type: "proven", external: EXTERNAL });
  assertEquals(asked.dueMs, 10 * MINUTE);
  assertEquals(asked.tickAt(10 * MINUTE), [["ask", "tcp", 55_107]]);
  assertEquals(asked.answer(answerOf()), []);
  assertEquals(asked.tickAt(20 * MINUTE), [["ask", "tcp", 55_107]]);
});

Deno.test("PortMapping bounds what a router says of leases", () => {
  const renewals = [[1, 30_000], [120, MINUTE], [0, 10 * MINUTE], [2 ** 32 - 1, 10 * MINUTE]];
  for (const [leaseS, renewMs] of renewals) {
    const asked = Asked.with(answerOf({ leaseS: leaseS! }));
    asked.give({ type: "proven", external: EXTERNAL });
    assertEquals(asked.dueMs, renewMs, String(leaseS));
  }
});

Deno.test("PortMapping tells of another address", () => {
  const asked = Asked.with(answerOf());
  asked.give({ type: "proven", external: EXTERNAL });
  asked.tickAt(10 * MINUTE);
  const external = { ...EXTERNAL, host: "198.51.100.99" };
  assertEquals(asked.answer(answerOf({ external })), [
    ["mapped", null],
    ["announce", null],
    ["tell", "changed"],
    ["mapped", 55_107],
  ]);
  assertEquals(asked.give({ type: "proven", external: EXTERNAL }), []);
  assertEquals(asked.give({ type: "proven", external }), [
    ["announce", 55_107],
    ["tell", "proven"],
  ]);
});

Deno.test("PortMapping keeps what it has while the router is silent, until the lease ends", () => {
  const asked = Asked.with(answerOf());
  asked.give({ type: "proven", external: EXTERNAL });
  asked.tickAt(10 * MINUTE);
  assertEquals(asked.answer(NO_ROUTER), [["tell", "failed"]]);
  const pauses: number[] = [];
  const shown: unknown[] = [];
  while (asked.nowMs < 20 * MINUTE) {
    pauses.push(asked.dueMs! - asked.nowMs);
    const effects = asked.tickAt(asked.dueMs!) as string[][];
    shown.push(...effects.filter(([type]) => type !== "ask"));
    shown.push(...asked.answer(NO_ROUTER));
  }
  // From 5 s on, each half as long again, up to 30 s; less a quarter, as it is drawn here.
  assertEquals(pauses.slice(0, 6), [3_750, 5_625, 8_437.5, 12_656.25, 18_984.375, 22_500]);
  assertEquals(shown, [
    ["mapped", null],
    ["announce", null],
    ["tell", "lost"],
    ["delete", "tcp", 55_107],
  ]);
});

Deno.test("PortMapping gives up at once what the router refuses, and tells each reason once", () => {
  const asked = Asked.with(answerOf());
  asked.tickAt(10 * MINUTE);
  const refused: RouterAnswer = {
    kind: "failed",
    failure: { kind: "refused", router: ROUTER, text: "it is turned off" },
  };
  assertEquals(asked.answer(refused), [
    ["mapped", null],
    ["tell", "lost"],
    ["delete", "tcp", 55_107],
  ]);
  asked.tickAt(asked.dueMs!);
  assertEquals(asked.answer(refused), []);
  asked.tickAt(asked.dueMs!);
  assertEquals(asked.answer(NO_ROUTER), [["tell", "failed"]]);
  asked.tickAt(asked.dueMs!);
  assertEquals(asked.answer(NO_ROUTER), []);
  asked.tickAt(asked.dueMs!);
  assertEquals(asked.answer(answerOf()), [["tell", "mapped"], ["mapped", 55_107]]);
});

Deno.test("PortMapping tries other ports where one is taken, and no more than some at once", () => {
  const asked = new Asked();
  asked.give({ type: "start" });
  const taken: RouterAnswer = { kind: "taken", router: ROUTER };
  for (let tries = 0; tries < 4; tries++) {
    assertEquals(asked.answer(taken), [["ask", "tcp", 34_576]]);
  }
  assertEquals(asked.answer(taken), [["tell", "all-taken"]]);
  assertEquals(asked.tickAt(asked.dueMs!), [["ask", "tcp", 55_107]]);
});

Deno.test("PortMapping has one port for TCP and UDP, or another one for both", () => {
  const asked = new Asked({ transports: ["tcp", "udp"] });
  asked.give({ type: "start" });
  assertEquals(asked.answer(answerOf()), [["ask", "udp", 55_107]]);
  assertEquals(asked.answer(answerOf({ external: { ...EXTERNAL, port: 7_000 } })), [
    ["delete", "tcp", 55_107],
    ["delete", "udp", 7_000],
    ["ask", "tcp", 34_576],
  ]);
  const external = { ...EXTERNAL, port: 34_576 };
  assertEquals(asked.answer(answerOf({ external })), [["ask", "udp", 34_576]]);
  assertEquals(asked.answer(answerOf({ external, leaseS: 100 })), [
    ["tell", "mapped"],
    ["mapped", 34_576],
  ]);
  asked.tickAt(30_000); // tells that nobody has come
  assertEquals(asked.dueMs, 50_000);
});

Deno.test("PortMapping believes no port and no address that can't be one", () => {
  const wrong = [
    { port: 0 },
    { port: 65_536 },
    { port: 1.5 },
    { port: NaN },
    { host: "" },
    { host: "router.example" },
    { host: "999.1.1.1" },
    { host: "224.0.0.1" },
    { host: "127.0.0.1" },
    { host: "\u001b[31m" },
  ];
  for (const part of wrong) {
    const asked = new Asked();
    asked.give({ type: "start" });
    const told = asked.answer(answerOf({ external: { ...EXTERNAL, ...part } }));
    assertEquals(told.at(-1), ["tell", "failed"], JSON.stringify(part));
    assertEquals(asked.give({ type: "came-in", host: "203.0.113.9" }), [], JSON.stringify(part));
  }
});

Deno.test("PortMapping says once that a router behind the router is in the way, and gives the port back", () => {
  for (const host of ["10.1.2.3", "192.168.0.2", "100.64.0.1", "100.127.255.254"]) {
    const asked = new Asked();
    asked.give({ type: "start" });
    const behind = answerOf({ external: { ...EXTERNAL, host } });
    assertEquals(asked.answer(behind), [["delete", "tcp", 55_107], ["tell", "behind-another"]]);
    asked.tickAt(asked.dueMs!);
    assertEquals(asked.answer(behind), [["delete", "tcp", 55_107]]);
    assertEquals(asked.give({ type: "came-in", host: "203.0.113.9" }), []);
  }
});

Deno.test("PortMapping needs no port where this machine has the address itself", () => {
  const asked = new Asked({ ownHosts: () => [EXTERNAL.host] });
  asked.give({ type: "start" });
  assertEquals(asked.answer(answerOf()), [["delete", "tcp", 55_107], ["tell", "not-needed"]]);
});

Deno.test("PortMapping gives its ports back at the end, and is over when the router has them", () => {
  const asked = new Asked({ transports: ["tcp", "udp"] });
  asked.give({ type: "start" });
  asked.answer(answerOf());
  asked.answer(answerOf());
  assertEquals(asked.give({ type: "stop" }), [
    ["delete", "tcp", 55_107],
    ["delete", "udp", 55_107],
  ]);
  assertEquals(asked.give({ type: "deleted", request: TCP, isDone: true }), []);
  assertEquals(asked.give({ type: "deleted", request: UDP, isDone: false }), [
    ["tell", "left"],
    ["over"],
  ]);
  assertEquals([asked.give({ type: "start" }), asked.dueMs], [[], null]);
});

Deno.test("PortMapping doesn't wait long for a router at the end", () => {
  const asked = Asked.with(answerOf());
  assertEquals(asked.give({ type: "stop" }), [["delete", "tcp", 55_107]]);
  assertEquals(asked.dueMs, 2_000);
  assertEquals(asked.tickAt(2_000), [["tell", "left"], ["over"]]);
});

Deno.test("PortMapping gives back what it is given while it ends, and nothing where it has nothing", () => {
  const asked = new Asked();
  asked.give({ type: "start" });
  assertEquals(asked.give({ type: "stop" }), []);
  assertEquals(asked.answer(answerOf()), [["delete", "tcp", 55_107]]);
  assertEquals(asked.give({ type: "deleted", request: TCP, isDone: true }), [["over"]]);

  const silent = new Asked();
  silent.give({ type: "start" });
  silent.give({ type: "stop" });
  assertEquals(silent.answer(NO_ROUTER), [["over"]]);

  assertEquals(Asked.with(NO_ROUTER).give({ type: "stop" }), [["over"]]);
});

Deno.test("PortMapping: whatever routers say, what is announced was proven, and all is given back", () => {
  for (let seed = 1; seed <= 300; seed++) runAtRandom(seed);
});

/** Routers that answer anything, proofs and ticks at any time; then the end. */
function runAtRandom(seed: number): void {
  let state = seed;
  const draw = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor(state / 0x80000000 * below);
  };
  const machine = new PortMapping({
    port: 4_400,
    transports: ["tcp", "udp"],
    ownHosts: () => ["192.168.1.5"],
    dials: draw(2) === 0,
  }, { random: () => draw(1_000) / 1_000 });
  const hosts = ["198.51.100.7", "203.0.113.80", "10.0.0.1", "x", "192.168.1.5"];
  const answers = (port: number): RouterAnswer =>
    ([
      answerOf({ external: { host: hosts[draw(2)]!, port } }),
      answerOf({ external: { host: hosts[draw(2)]!, port }, leaseS: draw(3) }),
      answerOf({ external: { host: hosts[draw(5)]!, port: draw(70_000) } }),
      { kind: "taken", router: ROUTER },
      NO_ROUTER,
      { kind: "failed", failure: { kind: "no-address", router: ROUTER } },
    ] as const)[draw(6)]!;
  let nowMs = 0;
  const now = {
    asked: null as { readonly ask: number; readonly request: PortRequest } | null,
    candidate: null as string | null,
    proven: null as string | null,
    isOver: false,
  };
  /** What a router that does as it says has. */
  const held = new Set<string>();
  const nameOf = ({ transport, external }: PortRequest) => `${transport} ${external}`;
  const feed = (input: PortMappingInput) => {
    for (const effect of machine.step(input, nowMs)) {
      assert(!now.isOver, `nothing follows the end (seed ${seed})`);
      if (effect.type === "ask") {
        assertEquals(now.asked, null, `one question at a time (seed ${seed})`);
        now.asked = effect;
      } else if (effect.type === "delete") held.delete(nameOf(effect.request));
      else if (effect.type === "mapped") {
        now.candidate = effect.external === null ? null : JSON.stringify(effect.external);
      } else if (effect.type === "announce" && effect.external !== null) {
        const announced = JSON.stringify(effect.external);
        assertEquals([announced, announced], [now.proven, now.candidate], `seed ${seed}`);
      } else if (effect.type === "over") now.isOver = true;
    }
  };
  const answer = ({ ask, request }: NonNullable<typeof now.asked>) => {
    now.asked = null;
    const said = answers(request.external);
    if (said.kind === "mapped" && said.external.port >= 1 && said.external.port <= 65_535) {
      held.add(nameOf({ ...request, external: said.external.port }));
    }
    feed({ type: "answered", ask, answer: said });
  };
  feed({ type: "start" });
  for (let step = 0; step < 60; step++) {
    if (now.asked !== null && draw(2) === 0) answer(now.asked);
    else if (draw(3) === 0 && now.candidate !== null) {
      now.proven = now.candidate;
      feed({ type: "proven", external: JSON.parse(now.candidate) });
    } else {
      nowMs = Math.max(nowMs, machine.nextDeadlineMs() ?? nowMs);
      feed({ type: "tick" });
    }
    assert(now.asked !== null || machine.nextDeadlineMs() !== null, `it goes on (seed ${seed})`);
  }
  feed({ type: "stop" });
  if (now.asked !== null) answer(now.asked);
  nowMs += 2_000;
  feed({ type: "tick" });
  assert(now.isOver, `it ends in time (seed ${seed})`);
  assertEquals([...held], [], `all is given back (seed ${seed})`);
}

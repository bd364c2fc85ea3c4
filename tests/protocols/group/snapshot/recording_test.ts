import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Recording } from "../../../../lib/protocols/group/snapshot/recording.ts";
import { faultsOf } from "./token_checker.ts";
import { type Channel, type Faults, TokenNetwork } from "./token_network.ts";

function recording(incoming: readonly string[]) {
  const did: string[] = [];
  const made = new Recording<string, string, number>(incoming, {
    record: () => {
      did.push("record");
      return "state";
    },
    sendMarkers: () => void did.push("markers"),
  });
  return { made, did };
}

Deno.test("begin() records the process, then sends markers, once", () => {
  const { made, did } = recording(["a"]);

  made.begin();
  made.begin();

  assertEquals(did, ["record", "markers"]);
  assertEquals(made.state, "state");
});

Deno.test("marker() that comes first records the process, and its channel as empty", () => {
  const { made, did } = recording(["a", "b"]);
  made.received("a", 1);

  made.marker("a");
  made.received("a", 2);

  assertEquals(did, ["record", "markers"]);
  assertEquals(made.messages("a"), []);
  assertEquals([...made.awaited], ["b"]);
});

Deno.test("received() keeps what comes between one's own record and the channel's marker", () => {
  const { made } = recording(["a", "b"]);
  made.marker("a");

  made.received("b", 1);
  made.received("b", 2);
  made.marker("b");
  made.received("b", 3);

  assertEquals(made.messages("b"), [1, 2]);
  assert(made.isComplete);
});

Deno.test("received() keeps two messages as one where they can be", () => {
  const made = new Recording<string, string, number>(
    ["a"],
    { record: () => "", sendMarkers: () => {} },
    (last, next) => next === last + 1 ? next : null,
  );
  made.begin();

  for (const message of [1, 2, 3, 7, 8]) made.received("a", message);

  assertEquals(made.messages("a"), [3, 8]);
});

Deno.test("isComplete: nobody speaks to a process without incoming channels", () => {
  const { made } = recording([]);

  made.begin();

  assert(made.isComplete);
});

// Networks and events of a public course's exercise on this algorithm (Princeton, COS 418, assignment 2), with the
// deliveries that its answers stand for.

const line = (...pairs: readonly string[]): readonly Channel[] =>
  pairs.map((pair) => {
    const [from, to] = pair.split(" ") as [string, string];
    return { from, to };
  });
const both = (...pairs: readonly string[]): readonly Channel[] =>
  pairs.flatMap((pair) => line(pair, pair.split(" ").toReversed().join(" ")));

interface Example {
  readonly name: string;
  readonly tokens: Readonly<Record<string, number>>;
  readonly channels: readonly Channel[];
  /** `N1 N2 3`: sends three; `N1 N2`: what is first there arrives; `N1`: begins a snapshot. */
  readonly steps: string;
  /** By snapshot: tokens of each process, and what is in flight. */
  readonly expected: readonly (readonly [string, string])[];
}

const TWO = { tokens: { N1: 1, N2: 0 }, channels: both("N1 N2") };
const THREE = { tokens: { N1: 10, N2: 3, N3: 0 }, channels: both("N1 N2", "N1 N3", "N2 N3") };
const EIGHT = {
  tokens: { N1: 10, N2: 10, N3: 10, N4: 10, N5: 0, N6: 0, N7: 0, N8: 0 },
  channels: both(
    ...["N1 N2", "N2 N3", "N3 N4", "N4 N1", "N4 N5", "N5 N6", "N6 N7", "N7 N8", "N8 N5"],
  ),
};
const RING_NAMES = ["N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "N9", "N10"];

const EXAMPLES: readonly Example[] = [
  { name: "two processes, nothing said", ...TWO, steps: "N2", expected: [["1 0", ""]] },
  {
    name: "two processes, one message under way",
    ...TWO,
    steps: "N1 N2 1, N2",
    expected: [["0 0", "N1 N2: 1"]],
  },
  {
    name: "three processes, messages of one channel before and behind the marker",
    ...THREE,
    steps: "N1 N2 3, N2 N3 2, N2, N1 N2 2, N2 N1, N2 N3, N2 N3",
    expected: [["5 1 2", "N1 N2: 3 2"]],
  },
  {
    name: "three processes that speak both ways",
    ...THREE,
    steps: "N1 N2 3, N2 N3 2, N2, N1 N2 2, N1 N2 1, N2 N3, N2 N1, N2 N1 1, N2 N3, N3 N2 1",
    expected: [["4 1 2", "N1 N2: 3 2 1"]],
  },
  {
    name: "eight processes, one snapshot after the other",
    ...EIGHT,
    steps: "N1 N2 1, N1 N2, N2 N3 2, N3, *, N3 N4 3, *, N4 N5 4, *, N5 N6 2, N6, *, N6 N7 1, *",
    expected: [["9 9 10 10 0 0 0 0", "N2 N3: 2"], ["9 9 9 9 2 0 0 0", "N5 N6: 2"]],
  },
  {
    name: "eight processes, five snapshots, three of them at once",
    ...EIGHT,
    steps: [
      "N1 N2 1, N1 N2, N2 N3 2, N3, N2 N3, N3 N4 3, N1, N4 N5 4, N8, N8 N5, N4 N5",
      "N3 N4, N1 N4, N3 N4, N5 N4, *",
      "N5 N6 2, N5 N8 1, N6, N5 N8, N5 N6, N6 N7 1, N6 N7, N6 N7, N2, *",
    ].join(", "),
    expected: [
      ["9 9 10 6 4 0 0 0", "N2 N3: 2"],
      ["9 9 9 6 4 0 0 0", "N3 N4: 3"],
      ["9 9 9 9 0 0 0 0", "N4 N5: 4"],
      ["9 9 9 9 1 0 0 1", "N5 N6: 2"],
      ["9 9 9 9 1 1 1 1", ""],
    ],
  },
  {
    name: "a ring of ten, all sending",
    tokens: Object.fromEntries(RING_NAMES.map((name) => [name, 100])),
    channels: line(...RING_NAMES.map((name, at) => `${name} ${RING_NAMES[(at + 1) % 10]}`)),
    steps: [
      ...RING_NAMES.map((name, at) => `${name} ${RING_NAMES[(at + 1) % 10]} 10`),
      "N1, N1 N2, N1 N2, *",
    ].join(", "),
    // The marker goes around behind each one's tokens, but for those that N1 has yet to get.
    expected: [["90 100 100 100 100 100 100 100 100 100", "N10 N1: 10"]],
  },
];

function play(network: TokenNetwork, steps: string): void {
  for (const step of steps.split(", ")) {
    const [from, to, tokens] = step.split(" ");
    if (step === "*") network.settle();
    else if (to === undefined) network.snapshot(from!);
    else if (tokens === undefined) assert(network.deliver(from!, to), `${step}: nothing is there`);
    else network.send(from!, to, Number(tokens));
  }
  network.settle();
}

for (const { name, tokens, channels, steps, expected } of EXAMPLES) {
  Deno.test(`a snapshot of ${name}`, () => {
    const network = new TokenNetwork(tokens, channels);

    play(network, steps);

    const results = expected.map((_, snapshot) => {
      assert(network.isComplete(snapshot));
      const result = network.result(snapshot);
      assertEquals(faultsOf(network, tokens, snapshot, result), []);
      const inFlight = Array.from(
        result.inFlight,
        ([channel, parcels]) => `${channel}: ${parcels.map(({ tokens }) => tokens).join(" ")}`,
      );
      return [[...result.tokens.values()].join(" "), inFlight.join(", ")];
    });
    assertEquals(results, expected.map((one) => [...one]));
  });
}

// Any network, any traffic, any number of snapshots at once.

interface Run {
  /** Of the processes, each with at least one channel to the next one, so that markers reach all. */
  readonly size: number;
  /** Further channels. */
  readonly links: readonly (readonly [number, number])[];
  readonly steps: readonly {
    readonly kind: "send" | "deliver" | "snapshot";
    readonly at: number;
    readonly amount: number;
  }[];
}

const runs: fc.Arbitrary<Run> = fc.record({
  size: fc.integer({ min: 2, max: 7 }),
  links: fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 20 }),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom("send", "send", "send", "deliver", "deliver", "deliver", "snapshot"),
      at: fc.nat(1_000),
      amount: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 10, maxLength: 120 },
  ),
});

/** @returns What is wrong with any of the snapshots. */
function playRun({ size, links, steps }: Run, faults: Faults): readonly string[] {
  const name = (at: number) => `P${at % size}`;
  const tokens = Object.fromEntries(Array.from({ length: size }, (_, at) => [name(at), 20]));
  const pairs = new Set<string>();
  for (let at = 0; at < size; at++) pairs.add(`${name(at)} ${name(at + 1)}`);
  for (const [a, b] of links) if (a % size !== b % size) pairs.add(`${name(a)} ${name(b)}`);
  const channels = line(...pairs);
  const network = new TokenNetwork(tokens, channels, faults);
  for (const { kind, at, amount } of steps) {
    const { from, to } = channels[at % channels.length]!;
    if (kind === "send") network.send(from, to, amount);
    else if (kind === "deliver") network.deliver(from, to);
    else network.snapshot(name(at));
  }
  network.settle();
  const found: string[] = [];
  for (let snapshot = 0; snapshot < network.snapshots; snapshot++) {
    if (!network.isComplete(snapshot)) found.push(`snapshot ${snapshot} isn't complete`);
    else found.push(...faultsOf(network, tokens, snapshot, network.result(snapshot)));
  }
  return found;
}

Deno.test("any snapshots of any network are complete and consistent cuts", () => {
  fc.assert(
    fc.property(runs, (run) => {
      assertEquals(playRun(run, {}), []);
    }),
    { numRuns: 100 },
  );
});

const FAULTS: readonly (Faults & { readonly name: string })[] = [
  { name: "sends its marker after the next message", markerAfterNextMessage: true },
  { name: "lets its marker overtake a message", markerOvertakes: true },
  { name: "records its channels one message late", channelsRecordedLate: true },
  { name: "records itself at the last marker", recordsItselfLast: true },
];

for (const { name, ...faults } of FAULTS) {
  Deno.test(`the checker finds a process that ${name}`, () => {
    const { counterexample } = fc.check(
      fc.property(runs, (run) => playRun(run, faults).length === 0),
      { numRuns: 100, seed: 1 },
    );

    assert(counterexample !== null, "no run shows it");
    assert(playRun(counterexample[0], faults).length > 0);
    assertEquals(playRun(counterexample[0], {}), []);
  });
}

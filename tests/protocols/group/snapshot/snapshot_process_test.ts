// A member's part in snapshots: what it records when, and what it says.

import { assertEquals } from "@std/assert";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import type { Epoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import { signBatch, type SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import {
  HEARSAY_BURST,
  HEARSAY_PER_S,
  SNAPSHOT_RUNS_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import type {
  GroupMessage,
  GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import {
  type OrderSeen,
  SnapshotProcess,
} from "../../../../lib/protocols/group/snapshot/snapshot_process.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { at, type CutName, keyOf, processOf, texts } from "./cuts.ts";

const GROUP = "6".repeat(64) as Hash;
const RUN = new Uint8Array(8).fill(0xaa);
const OTHER_RUN = new Uint8Array(8).fill(0xbb);
const BALLOT = { number: 4, round: 0 };

const EPOCH: Epoch = {
  group: GROUP,
  by: keyOf("ann"),
  view: 4,
  ballot: BALLOT,
  members: (["ann", "bob", "cem"] as const).map((name) => ({
    key: keyOf(name),
    name,
    incarnation: processOf(name),
    host: null,
    port: 9_000,
  })),
  start: at(0),
};

/** Ann, as far as her part sees her; what she says is kept in words. */
class Ann {
  readonly words: string[] = [];
  readonly recorded: GroupMessageOf<"recorded">[] = [];
  sent = 5;
  readonly coordinator = {
    isUp: true,
    tell: (message: GroupMessage) => {
      this.words.push(`${message.type} to the coordinator`);
      if (message.type === "recorded") this.recorded.push(message);
    },
  };
  ordering: OrderSeen | null = {
    epoch: EPOCH,
    others: [keyOf("bob"), keyOf("cem")],
    isFrozen: false,
    counts: () => ({
      sent: this.sent,
      acked: at(9),
      decided: null,
      peers: [{ texts: 5, acked: 9 }, { texts: 2, acked: 9 }, { texts: 3, acked: 8 }],
    }),
  };
  readonly out = {
    nowMs: 0,
    tell: (peers: readonly PeerKey[], message: GroupMessage) =>
      void this.words.push(`${message.type} to ${peers.length}`),
  };
  readonly part = new SnapshotProcess({
    out: this.out,
    held: { log: at(8), logSeq: 6, end: at(10) },
    ordering: () => this.ordering,
    coordinator: this.coordinator,
    saying: { loggedTexts: 3 },
    telling: { messages: 7 },
    locks: () => [3],
  });

  marker(from: CutName | null, number = 1, run = RUN, ballot = BALLOT): readonly string[] {
    this.part.marker(from === null ? null : keyOf(from), {
      type: "marker",
      attempt: { run, number },
      ballot,
    });
    return this.words.splice(0);
  }
}

function said(author: CutName, counter: number, count = 1): SignedBatch {
  return signBatch(fakeSigner(author), {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    edits: [],
    group: GROUP,
    author: keyOf(author),
    name: author,
    incarnation: processOf(author),
    counter,
    sentAt: 0,
    texts: Array.from({ length: count }, () => "text"),
  });
}

const BEGINS = ["marker to 2", "marker to the coordinator"];
const RECORDED = ["recorded to the coordinator"];

Deno.test("The first marker is passed on to all, the last one answered with what was recorded", () => {
  const ann = new Ann();

  assertEquals(ann.marker(null), BEGINS);
  assertEquals(ann.marker("bob"), []);
  assertEquals(ann.marker("cem"), RECORDED);

  assertEquals(ann.recorded[0]!.state, {
    seq: 6,
    log: at(8),
    placed: at(10),
    acked: at(9),
    sent: 5,
    logged: 3,
    decided: null,
    tellings: 7,
    locks: [3],
    peers: [{ texts: 5, acked: 9 }, { texts: 2, acked: 9 }, { texts: 3, acked: 8 }],
    channels: [[], [], []],
    fromCoordinator: [],
  });
});

Deno.test("The state is that of the first marker, whoever it comes from", () => {
  const ann = new Ann();
  ann.marker("cem");

  ann.sent = 9;
  ann.marker("bob");
  ann.marker(null);

  assertEquals(ann.recorded[0]!.state.sent, 5);
});

Deno.test("What comes before its channel's marker is under way, and nothing else is", () => {
  const ann = new Ann();
  ann.part.received(keyOf("cem"), said("cem", 1));
  ann.marker("bob");

  ann.part.received(keyOf("cem"), said("cem", 4, 2));
  ann.part.received(keyOf("bob"), said("bob", 3));
  ann.part.received(keyOf("cem"), said("cem", 6));
  ann.marker("cem");
  ann.part.received(keyOf("cem"), said("cem", 7));
  ann.part.received(null, said("bob", 1));
  ann.marker(null);

  const { channels, fromCoordinator } = ann.recorded[0]!.state;
  assertEquals(channels, [[], [], [texts("cem", 4, 6)]]);
  assertEquals(fromCoordinator, [texts("bob", 1)]);
});

Deno.test("What is said again isn't under way twice", () => {
  const ann = new Ann();
  ann.marker("bob");

  ann.part.received(null, said("cem", 1, 2));
  ann.part.received(null, said("cem", 2));
  ann.marker(null);
  ann.marker("cem");

  assertEquals(ann.recorded[0]!.state.fromCoordinator, [texts("cem", 1, 2)]);
});

Deno.test("lost() ends the part: the coordinator is told, and its late markers say nothing", () => {
  const ann = new Ann();
  ann.marker(null);

  ann.part.lost();
  ann.part.lost();

  assertEquals(ann.words.splice(0), ["snapshot-over to the coordinator"]);
  assertEquals([...ann.marker("bob"), ...ann.marker("cem")], []);
});

Deno.test("over() ends the part quietly, and the next attempt begins", () => {
  const ann = new Ann();
  ann.marker(null);

  ann.part.over({ run: RUN, number: 1 });
  assertEquals(ann.marker("bob"), []);

  assertEquals(ann.marker(null, 2), BEGINS);
  assertEquals(ann.marker("bob", 1), []);
});

Deno.test("over() of another attempt says nothing", () => {
  const ann = new Ann();
  ann.marker(null, 2);

  ann.part.over({ run: RUN, number: 1 });
  ann.marker("bob", 2);

  assertEquals(ann.marker("cem", 2), RECORDED);
});

Deno.test("A later attempt takes the place of one that is under way", () => {
  const ann = new Ann();
  ann.marker(null, 1);

  assertEquals(ann.marker("bob", 2), BEGINS);
  assertEquals(ann.marker("cem", 1), []);
});

Deno.test("A restarted coordinator counts anew, and markers of the one before say nothing", () => {
  const ann = new Ann();
  ann.marker(null, 7);

  assertEquals(ann.marker("bob", 1, OTHER_RUN), BEGINS);
  assertEquals(ann.marker("cem", 8, RUN), []);
});

Deno.test("A member that makes up an attempt ends no snapshot that the coordinator takes after it", () => {
  const madeUp = [[9, OTHER_RUN], [Number.MAX_SAFE_INTEGER, RUN]] as const;
  for (const [number, run] of madeUp) {
    const ann = new Ann();
    ann.marker(null, 1);

    assertEquals(ann.marker("bob", number, run), BEGINS);
    assertEquals(ann.marker(null, 2), BEGINS);
    assertEquals(ann.marker("bob", number, run), []);
    assertEquals([...ann.marker("bob", 2), ...ann.marker("cem", 2)], RECORDED);
  }
});

Deno.test("Few attempts at a time are begun on members' word, and any number on the coordinator's", () => {
  const ann = new Ann();
  for (let n = 1; n <= HEARSAY_BURST; n++) {
    assertEquals(ann.marker(n % 2 === 0 ? "bob" : "cem", n, OTHER_RUN), BEGINS);
  }

  for (const from of ["bob", "cem"] as const) {
    assertEquals(ann.marker(from, HEARSAY_BURST + 1, OTHER_RUN), []);
  }
  assertEquals(ann.marker(null, 1), BEGINS);
  ann.out.nowMs += 1_000 / HEARSAY_PER_S;
  assertEquals(ann.marker("bob", 2), BEGINS);
  assertEquals(ann.marker("bob", 3), []);
});

Deno.test("An attempt that wasn't begun on a member's word isn't on the coordinator's, which hears so at once", () => {
  const ann = new Ann();
  for (let n = 1; n <= HEARSAY_BURST; n++) ann.marker("bob", n);
  const missed = HEARSAY_BURST + 1;
  assertEquals(ann.marker("bob", missed), []);
  ann.out.nowMs += 1_000;
  // Bob has said things after his marker that are in Ann's state now.
  assertEquals(ann.marker("cem", missed), []);

  assertEquals(ann.marker(null, missed), ["snapshot-over to the coordinator"]);
  assertEquals(ann.marker(null, missed + 1), BEGINS);
});

Deno.test("Who is in another epoch, or in none, says that it can't go on", () => {
  const ann = new Ann();
  assertEquals(ann.marker(null, 1, RUN, { number: 5, round: 0 }), [
    "snapshot-over to the coordinator",
  ]);

  ann.ordering = null;
  assertEquals(ann.marker(null, 2), ["snapshot-over to the coordinator"]);
});

Deno.test("Who has no coordinator takes part in nothing", () => {
  const ann = new Ann();
  ann.coordinator.isUp = false;

  assertEquals(ann.marker("bob"), []);
});

Deno.test("A channel with too many stretches ends the part", () => {
  const ann = new Ann();
  ann.marker("bob");

  for (let n = 0; n <= SNAPSHOT_RUNS_MAX; n++) ann.part.received(null, said("cem", 2 * n + 1));
  ann.marker(null);

  assertEquals(ann.marker("cem"), ["snapshot-over to the coordinator"]);
});

/**
 * What is measured in a large simulated room: how it comes together, what talk costs and how far it gets, and
 * what becomes of both when members come, go and die. Each run is a list of rows, as those of `make bench`.
 */

import type { MeshMessage } from "../../lib/protocols/mesh/schema/messages.ts";
import { diameterMs, partsOf } from "../sim/scale/graph.ts";
import type { ScaleMember } from "../sim/scale/member.ts";
import { ScaleRoom, type ScaleRoomConfig } from "../sim/scale/room.ts";
import { type CreateMachine, WholeMesh } from "../sim/scale/scale_machine.ts";
import type { Said } from "../sim/scale/said.ts";
import { TreeMachine } from "../sim/scale/tree_machine.ts";
import { atMost, type Baseline, median, percentile, type Row, type Target } from "./row.ts";

/** Links of 1 to 200 ms that lose 1 % of their packets. */
export const WIDE: Omit<ScaleRoomConfig, "seed" | "membersMax" | "create"> = {
  delayMsMin: 1,
  delayMsMax: 200,
  lossChance: 0.01,
};

/** Members of the mesh, all of it. */
export const newMesh: CreateMachine = (...config) => new WholeMesh(...config);

/** Overlay and broadcast alone. */
export const newTree: CreateMachine = (...config) => new TreeMachine(...config);

/** How much is said, and how fast. */
export interface Talk {
  /** Before it counts, so that the tree settles. */
  readonly warmUp: number;
  readonly measured: number;
  readonly everyMs: number;
}

/** Longer than a round of anti-entropy, and what it brings: what is missing then is missing. */
const CATCHING_UP_MS = 20_000;
const TEXT_BYTES = 200;
/** How often the room is looked at while something is awaited. */
const LOOK_MS = 250;

const BROADCAST: ReadonlySet<MeshMessage["type"]> = new Set([
  "bundle",
  "preview",
  "ihave",
  "graft",
  "prune",
]);

/** Rows of one group, in which only some have a target. */
class Rows {
  readonly rows: Row[] = [];
  constructor(readonly group: string) {}

  add(
    what: string,
    unit: string,
    ours: readonly number[],
    target: Target | null = null,
    baseline: Baseline | null = null,
  ): void {
    this.rows.push({ group: this.group, what, unit, ours, baseline, target });
  }
}

/** Members come in evenly over `stormMs`, each through some member that is in, and then there is quiet. */
export function gather(config: ScaleRoomConfig, members: number, stormMs: number): ScaleRoom {
  const room = new ScaleRoom(config);
  room.found();
  room.runUntil(() => room.present().length === 1, 10, 1_000);
  for (let index = 1; index < members; index++) {
    room.time.after((index * stormMs) / members, () => room.join());
  }
  return room;
}

/** As many come in, as fast as the others once did, as are missing from `members`; then all are one overlay again. */
export function fillUp(room: ScaleRoom, members: number, stormMs: number): void {
  const missing = members - room.present().length;
  for (let index = 0; index < missing; index++) {
    room.time.after((index * stormMs) / members, () => room.join());
  }
  room.runUntil(() => room.present().length === members && room.isOne(), LOOK_MS, 600_000);
}

/** How a room of `members` comes together that all enter within `stormMs`. */
export function measureStorm(room: ScaleRoom, members: number, stormMs: number): readonly Row[] {
  const rows = new Rows(`${members} members come in within ${stormMs / 1_000} s`);
  const begunMs = room.time.nowMs;
  const seconds = (holds: () => boolean, withinMs = 600_000) =>
    room.runUntil(holds, LOOK_MS, withinMs) ? [(room.time.nowMs - begunMs) / 1_000] : [NaN];
  const expected = () => members - room.failures.length;
  rows.add("until all are in", "s", seconds(() => room.present().length === expected()));
  rows.add("until the overlay is one", "s", seconds(() => room.isOne()));
  if (room.present()[0]?.machine.liveMembers() !== null) {
    const knowsAll = ({ machine }: ScaleMember) => machine.liveMembers() === expected();
    rows.add("until everybody knows everybody", "s", seconds(() => room.present().every(knowsAll)));
  }
  const all = room.sentOf(() => true);
  rows.add("frames sent by a member until then", "frames", [all.frames / members]);
  rows.add("bytes sent by a member until then", "KiB", [all.bytes / members / 1_024]);
  rows.add("members that had to try again later", "", [room.failures.length], atMost(0, "value"));
  rows.add("honest members shut out", "", [room.bans.length], atMost(0, "value"));
  return rows.rows;
}

/** What a room costs in which nobody says anything. */
export function measureQuiet(room: ScaleRoom, forMs: number): readonly Row[] {
  const members = room.present().length;
  const rows = new Rows(`${members} silent members`);
  room.resetTraffic();
  room.run(forMs);
  const { frames, bytes } = room.sentOf(() => true);
  const memberSeconds = (members * forMs) / 1_000;
  rows.add("frames sent by each in a second", "frames/s", [frames / memberSeconds]);
  rows.add("bytes sent by each in a second", "bytes/s", [bytes / memberSeconds]);
  return rows.rows;
}

/** Sizes of the views: each sample is one member's. */
export function measureViews(room: ScaleRoom): readonly Row[] {
  const rows = new Rows(`${room.present().length} members, views`);
  const graph = room.graph();
  addViews(rows, room);
  rows.add("parts of the overlay", "", [partsOf(graph).length], atMost(1, "value"));
  rows.add("longest shortest path", "ms", [diameterMs(graph)]);
  return rows.rows;
}

function addViews(rows: Rows, room: ScaleRoom): void {
  const present = room.present();
  const inDegrees = new Map<string, number>();
  for (const { machine } of present) {
    for (const peer of machine.neighbours()) inDegrees.set(peer, (inDegrees.get(peer) ?? 0) + 1);
  }
  rows.add("active view", "members", present.map(({ machine }) => machine.neighbours().length));
  rows.add("passive view", "members", present.map(({ machine }) => machine.passiveViewSize()));
  rows.add("in-degree", "members", present.map(({ key }) => inDegrees.get(key) ?? 0));
}

interface TalkTargets {
  readonly redundancy: number;
  readonly lastHop: number;
}

/** What is said one after the other by `speakers` in turn, once the tree has settled. */
export function measureTalk(
  room: ScaleRoom,
  who: string,
  speakers: readonly ScaleMember[],
  talk: Talk,
  targets: TalkTargets | null,
): readonly Row[] {
  const rows = new Rows(`${room.present().length} members, ${who}`);
  const author = (index: number) => speakers[index % speakers.length]!;
  for (let index = 0; index < talk.warmUp; index++) {
    room.say(author(index), TEXT_BYTES);
    room.run(talk.everyMs);
  }
  const diameter = diameterMs(room.graph());
  room.resetTraffic();
  const said: Said[] = [];
  for (let index = 0; index < talk.measured; index++) {
    said.push(room.say(author(talk.warmUp + index), TEXT_BYTES, true));
    room.run(talk.everyMs);
  }
  const traffic = room.sentOf((type) => BROADCAST.has(type));
  room.run(CATCHING_UP_MS);
  addReach(rows, room, said, targets === null ? null : atMost(0, "value"));
  addCost(rows, room, said, traffic, targets);
  addTimes(rows, room, said, diameter, targets !== null);
  return rows.rows;
}

/** What the broadcast of a message costs, and how far it goes. */
function addCost(
  rows: Rows,
  room: ScaleRoom,
  said: readonly Said[],
  traffic: { readonly frames: number; readonly bytes: number },
  targets: TalkTargets | null,
): void {
  const n = room.present().length;
  const target = (limit: number | undefined) => limit === undefined ? null : atMost(limit, "value");
  const redundancy = [mean(said.map(({ payloads }) => payloads / (n - 1) - 1))];
  const hops = said.map((one) => one.lastHop(listeners(room, one)));
  rows.add("redundancy (RMR)", "", redundancy, target(targets?.redundancy));
  rows.add("last delivery hop", "hops", hops);
  rows.add("the largest of them", "hops", [Math.max(...hops)], target(targets?.lastHop));
  rows.add("frames a member sends for a message", "frames", [traffic.frames / said.length / n]);
  rows.add("bytes a member sends for a message", "bytes", [traffic.bytes / said.length / n]);
}

/** How long a message takes to all, beside what the overlay's links take. */
function addTimes(
  rows: Rows,
  room: ScaleRoom,
  said: readonly Said[],
  diameter: number,
  judged: boolean,
): void {
  const timesMs = said.map((one) => one.lastMs(listeners(room, one)));
  const paths = { name: "longest shortest path", samples: [diameter] };
  const target = (limit: number) => judged ? atMost(limit) : null;
  rows.add("until all have it, median", "ms", [median(timesMs)], target(3), paths);
  rows.add("until all have it, p99", "ms", [percentile(timesMs, 0.99)], target(6), paths);
  const farthest = { name: "longest from the author", samples: said.map((one) => one.farthestMs) };
  rows.add("the same beside the author's own paths", "ms", timesMs, null, farthest);
  const each = said.flatMap((one) => listeners(room, one).map((host) => one.shownAfterMs(host)))
    .sort((a, b) => a - b);
  const percentiles = Array.from(
    { length: 101 },
    (_, percent) => each[Math.floor((percent / 100) * (each.length - 1))]!,
  );
  rows.add("until a member has it, by percentiles", "ms", percentiles);
}

/** Whom a message must reach: those who were there when it was typed, and still are. */
function listeners(room: ScaleRoom, said: Said): readonly number[] {
  return said.audience.filter((host) => !room.members[host]!.gone);
}

function addReach(rows: Rows, room: ScaleRoom, said: readonly Said[], target: Target | null): void {
  let [members, byBroadcast, missed] = [0, 0, 0];
  for (const one of said) {
    for (const host of listeners(room, one)) {
      members++;
      if (!one.isShown(host)) missed++;
      else if (one.wayTo(host) === "broadcast") byBroadcast++;
    }
  }
  rows.add("reached by the broadcast alone", "%", [(100 * byBroadcast) / members]);
  rows.add("reached, with anti-entropy", "%", [(100 * (members - missed)) / members]);
  rows.add("missed", "", [missed], target);
}

/** A share of the members dies or leaves each minute, and as many come in, while some talk. */
export function measureChurn(
  room: ScaleRoom,
  sharePerMinute: number,
  minutes: number,
  everyMs: number,
): readonly Row[] {
  const members = room.present().length;
  const rows = new Rows(`${members} members, ${100 * sharePerMinute} % come and go each minute`);
  const changes = Math.round(members * sharePerMinute * minutes);
  for (let index = 0; index < changes; index++) {
    room.time.after(room.random.between(0, minutes * 60_000), () => {
      const leaver = room.random.pick(room.present());
      // One half says so, one half just vanishes.
      if (index % 2 === 0) leaver.command({ command: "quit" });
      else leaver.end(true);
      room.join();
    });
  }
  room.resetTraffic();
  const said: Said[] = [];
  for (let ms = 0; ms < minutes * 60_000; ms += everyMs) {
    said.push(room.say(room.random.pick(room.present()), TEXT_BYTES, true));
    room.run(everyMs);
  }
  const traffic = room.sentOf((type) => BROADCAST.has(type));
  room.run(CATCHING_UP_MS);
  // Whoever died with what it said hasn't told anybody.
  const heard = said.filter((one) => one.payloads > 0 && !room.members[one.author]!.gone);
  addReach(rows, room, heard, atMost(0, "value"));
  addCost(rows, room, heard, traffic, null);
  addTimes(rows, room, heard, diameterMs(room.graph()), false);
  rows.add("parts of the overlay", "", [partsOf(room.graph()).length], atMost(1, "value"));
  rows.add("honest members shut out", "", [room.bans.length], atMost(0, "value"));
  return rows.rows;
}

/** Some say something, one after the other, so that the tree settles. */
export function warmUp(room: ScaleRoom, messages: number, everyMs: number): void {
  for (let index = 0; index < messages; index++) {
    room.say(room.random.pick(room.present()), TEXT_BYTES);
    room.run(everyMs);
  }
}

/** A share of the members vanishes at once, and the others talk on. */
export function measureFailure(room: ScaleRoom, share: number): readonly Row[] {
  const before = room.present();
  const rows = new Rows(`${before.length} members, ${100 * share} % vanish at once`);
  const begunMs = room.time.nowMs;
  const dead = room.random.shuffled(before).slice(0, Math.round(before.length * share));
  for (const member of dead) member.end(true);
  room.resetTraffic();
  const said: Said[] = [];
  let oneAtMs = NaN;
  const look = () => {
    const isOne = room.isOne();
    if (!isOne) oneAtMs = NaN;
    else if (Number.isNaN(oneAtMs)) oneAtMs = room.time.nowMs;
    return isOne;
  };
  const TALK_MS = 10_000;
  while (room.time.nowMs < begunMs + TALK_MS) {
    said.push(room.say(room.random.pick(room.present()), TEXT_BYTES, true));
    room.run(LOOK_MS);
    look();
  }
  const traffic = room.sentOf((type) => BROADCAST.has(type));
  const hasAll = () => said.every((one) => listeners(room, one).every((host) => one.isShown(host)));
  const settled = room.runUntil(() => look() && hasAll(), LOOK_MS, 120_000);
  const allAtMs = settled ? room.time.nowMs : NaN;
  room.run(CATCHING_UP_MS);
  const withinS = share > 0.8 ? 60 : 30;
  const since = (ms: number) => [(ms - begunMs) / 1_000];
  rows.add("until the others are one overlay", "s", since(oneAtMs));
  rows.add("and all have all messages", "s", since(allAtMs), atMost(withinS, "value"));
  rows.add("in the largest part at last", "%", [
    (100 * partsOf(room.graph())[0]!) / room.present().length,
  ]);
  addReach(rows, room, said, atMost(0, "value"));
  addCost(rows, room, said, traffic, null);
  addTimes(rows, room, said, diameterMs(room.graph()), false);
  addViews(rows, room);
  return rows.rows;
}

/** 25 members over links of 100 ms that lose nothing: where Gossip Glomers, challenge 3d, is measured. */
export function measureSmall(seed: number): readonly Row[] {
  const MEMBERS = 25;
  const rows = new Rows("25 members, links of 100 ms");
  const config = {
    seed,
    create: newMesh,
    membersMax: MEMBERS,
    delayMsMin: 100,
    delayMsMax: 100,
    lossChance: 0,
  };
  const room = gather(config, MEMBERS, 5_000);
  room.runUntil(() => room.present().length === MEMBERS && room.isOne(), LOOK_MS, 60_000);
  room.run(CATCHING_UP_MS);
  const present = room.present();
  const talk = (count: number, everyMs: number) => {
    const said: Said[] = [];
    for (let index = 0; index < count; index++) {
      said.push(room.say(present[index % MEMBERS]!, TEXT_BYTES));
      room.run(everyMs);
    }
    return said;
  };
  talk(200, 500);
  const said = talk(100, 2_000);
  const timesMs = said.map((one) => one.lastMs(one.audience));
  rows.add(
    "payload messages for one broadcast",
    "",
    [mean(said.map(({ payloads }) => payloads))],
    atMost(26, "value"),
  );
  rows.add("last delivery, median", "ms", [median(timesMs)], atMost(400, "value"));
  rows.add("last delivery, maximum", "ms", [Math.max(...timesMs)], atMost(600, "value"));
  for (
    const { who, target } of [
      { who: "one author's ten", target: atMost(20, "value") },
      { who: "ten authors' one", target: null },
    ]
  ) {
    const frames = framesInBursts(
      room,
      (burst, index) => present[(who.startsWith("one") ? burst : 10 * burst + index) % MEMBERS]!,
    );
    rows.add(`100 a second, ${who} at a time: frames for one`, "frames", [frames], target);
  }
  return rows.rows;
}

/** 100 broadcasts a second for 20 s, ten at a time. @returns Frames of the broadcast for each. */
function framesInBursts(
  room: ScaleRoom,
  author: (burst: number, index: number) => ScaleMember,
): number {
  const BURSTS = 200;
  const burst = (count: number) => {
    for (let index = 0; index < 10; index++) room.say(author(count, index), TEXT_BYTES);
    room.run(100);
  };
  for (let count = 0; count < 50; count++) burst(count);
  room.resetTraffic();
  for (let count = 0; count < BURSTS; count++) burst(count);
  const { frames } = room.sentOf((type) => BROADCAST.has(type));
  room.run(CATCHING_UP_MS);
  return frames / (10 * BURSTS);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

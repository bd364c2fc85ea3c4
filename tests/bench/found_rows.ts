/**
 * How long people take to find each other where nobody types an address, on hosts and behind routers of their own: a
 * room that is announced on a network, beside what `avahi-browse` takes to see such a service; a room joined by words;
 * and a group whose datagrams are relayed, beside the same one behind routers that pass all on.
 */

import { BridgedHosts } from "../e2e/bridged_hosts.ts";
import { canMakeHomes, Homes, type Mapping } from "../e2e/homes.ts";
import { canMakeHosts } from "../e2e/hosts.ts";
import { Node, Nodes, type ShownEvent } from "../e2e/node.ts";
import { AvahiNetwork, missingForAvahi } from "./avahi.ts";
import { Group, measureLight, type Places } from "./group_rows.ts";
import { type LineProcess, pause } from "./line_process.ts";
import { atMost, type Baseline, type Row } from "./row.ts";

const ROUNDS = 5;
const POINT_PORT = 24_400;
const COORDINATOR_PORT = 24_600;
/** How often, and how many times, it is asked by which path datagrams go; they are relayed after 3 s. */
const PATH_ASKED_MS = 250;
const PATH_ASKED_MAX = 120;

const NEEDS_HOSTS = "root of Linux, and ip: apt-get install iproute2";
const NEEDS_HOMES = "root of Linux, ip and nft: apt-get install iproute2 nftables";

/** Ours, one for each round, or what is missing to measure it. */
type Measured = Pick<Row, "ours" | "missing">;

export async function measureFound(): Promise<readonly Row[]> {
  return [...await measureLan(), ...await measureWords(), ...await measureRelayed()];
}

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const joined = (name: string) => (shown: ShownEvent) =>
  shown.event === "joined" && shown.name === name;

/** From the start of a program until it is in its room, and has these others in it, ms. */
async function startToRoom(start: () => Node, ...others: readonly string[]): Promise<number> {
  const fromMs = performance.now();
  const node = start();
  await Promise.all([node.until(is("ready")), ...others.map((name) => node.until(joined(name)))]);
  return performance.now() - fromMs;
}

// A room that is announced.

async function measureLan(): Promise<readonly Row[]> {
  const name = "avahi-browse";
  if (!canMakeHosts()) return lanRows(missing(NEEDS_HOSTS), { name, missing: NEEDS_HOSTS });
  await using stack = new AsyncDisposableStack();
  const avahi = await openAvahi();
  if (typeof avahi !== "string") stack.use(avahi);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    // On networks of their own: both answer whoever asks.
    const one = await thirdComesIn();
    const other = typeof avahi === "string" ? [] : [await avahi.browse()];
    if (round < 0) continue; // it warms both
    ours.push(one);
    theirs.push(...other);
  }
  const baseline = typeof avahi === "string" ? { missing: avahi } : { samples: theirs };
  return lanRows({ ours }, { name, ...baseline });
}

/** Or why it can't be measured here. */
async function openAvahi(): Promise<AvahiNetwork | string> {
  const toInstall = await missingForAvahi();
  if (toInstall !== null) return toInstall;
  try {
    return await AvahiNetwork.open();
  } catch (error) {
    return `it doesn't run here: ${(error as Error).message}`;
  }
}

/** Three hosts, and the same typed at each, one after the other. */
async function thirdComesIn(): Promise<number> {
  await using hosts = await BridgedHosts.open("Ann", "Bob", "Cem");
  await using nodes = new Nodes();
  const start = (name: string) =>
    nodes.add(Node.start(["mesh", name, "--lan"], { within: hosts.within(name) }));
  await startToRoom(() => start("Ann"));
  await startToRoom(() => start("Bob"), "Ann");
  return await startToRoom(() => start("Cem"), "Ann", "Bob");
}

function lanRows(measured: Measured, baseline: Baseline): readonly Row[] {
  const row = (what: string) => ({
    ...{ group: "three hosts on one network, mesh NAME --lan", what, unit: "ms", ...measured },
  });
  return [
    {
      ...row("the last one, start until it shows all three"),
      baseline: null,
      target: atMost(3_000, "value"),
    },
    { ...row("the same beside one who only looks"), baseline, target: atMost(2) },
  ];
}

// A room joined by words.

async function measureWords(): Promise<readonly Row[]> {
  const row = (what: string, measured: Measured, limitMs: number): Row => ({
    ...{ group: "joining by --words CODE", what, unit: "ms", ...measured },
    baseline: null,
    target: atMost(limitMs, "value"),
  });
  const near = canMakeHosts() ? await rounds(joinsOnNetwork) : missing(NEEDS_HOSTS);
  const far = canMakeHomes() ? await rounds(joinsFromHome) : missing(NEEDS_HOMES);
  return [
    row("on one network, start until in the room", near, 3_000),
    row("from behind another router, by a meeting point", far, 10_000),
  ];
}

async function rounds(measure: () => Promise<number>): Promise<Measured> {
  const ours: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const one = await measure();
    if (round >= 0) ours.push(one);
  }
  return { ours };
}

async function joinsOnNetwork(): Promise<number> {
  await using hosts = await BridgedHosts.open("Ann", "Bob");
  await using nodes = new Nodes();
  const start = (name: string, ...args: readonly string[]) =>
    nodes.add(Node.start(["mesh", name, ...args], { within: hosts.within(name) }));
  const ann = start("Ann", "--private", "--lan");
  await ann.until(is("ready"));
  const words = await wordsOf(ann);
  return await startToRoom(() => start("Bob", "--words", words), "Ann");
}

/** Two homes whose routers let nobody in. */
async function joinsFromHome(): Promise<number> {
  await using homes = await Homes.open();
  await homes.furnish("random");
  await using nodes = new Nodes();
  const point = nodes.add(
    Node.start(["regserver", "--meeting-point", "--port", String(POINT_PORT)], {
      within: homes.hosts.within("server"),
    }),
  );
  await point.until(is("ready"));
  const meet = ["--meet", `${homes.server}:${POINT_PORT}`];
  const start = (name: string, home: "home1" | "home2", ...args: readonly string[]) =>
    nodes.add(Node.start(["mesh", name, ...meet, ...args], { within: homes.within(home) }));
  const ann = start("Ann", "home1", "--private");
  await ann.until(({ event, state }) => event === "meeting-point" && state === "registered");
  const words = await wordsOf(ann);
  return await startToRoom(() => start("Bob", "home2", "--words", words), "Ann");
}

async function wordsOf(node: Node): Promise<string> {
  await node.type("/invite --words");
  return (await node.until(is("words"))).words;
}

// A group whose datagrams are relayed.

async function measureRelayed(): Promise<readonly Row[]> {
  const name = "the same, routers that pass all on";
  if (!canMakeHomes()) return relayedRows(missing(NEEDS_HOMES), { name, missing: NEEDS_HOMES });
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const relayed = await groupAtHomes(stack, folder, "random");
  const plain = await groupAtHomes(stack, folder, "none");
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    const one = await lightBy("relay", relayed);
    const other = await lightBy("direct", plain);
    if (round < 0) continue; // it warms both
    ours.push(one);
    theirs.push(other);
  }
  return relayedRows({ ours }, { name, samples: theirs });
}

function relayedRows(measured: Measured, baseline: Baseline): readonly Row[] {
  return [{
    group: "group chat, 3 members in two homes, datagrams relayed",
    what: "one at a time, sent to shown at all, p50",
    unit: "ms",
    ...measured,
    baseline,
    target: atMost(2),
  }];
}

/** Two members in one home, one in another. @param stack Ends all of it. */
async function groupAtHomes(
  stack: AsyncDisposableStack,
  folder: string,
  mapping: Mapping,
): Promise<Group> {
  const homes = stack.use(await Homes.open());
  await homes.furnish(mapping);
  const places: Places = {
    host: homes.server,
    port: COORDINATOR_PORT,
    coordinator: homes.hosts.within("server"),
    members: [homes.within("home1"), homes.within("home2"), homes.within("home1", 3)],
  };
  return stack.use(await Group.openAt(places, folder));
}

/** The p50, ms, while each member's datagrams to all others go this way and no other. */
async function lightBy(path: "relay" | "direct", group: Group): Promise<number> {
  for (let asked = 0; !await allGoBy(path, group); asked++) {
    if (asked === PATH_ASKED_MAX) {
      throw new Error(`Cannot measure: datagrams don't go by ${path}, or don't go on doing so`);
    }
    await pause(PATH_ASKED_MS);
  }
  const { p50Ms } = await measureLight(group.crowd);
  if (!await allGoBy(path, group)) throw new Error(`Cannot measure: datagrams left ${path}`);
  return p50Ms;
}

async function allGoBy(path: "relay" | "direct", group: Group): Promise<boolean> {
  const paths = await Promise.all(group.members.map(pathsOf));
  return paths.flat().every((each) => each === path);
}

/** By which a member's datagrams go to each of the others. */
async function pathsOf(member: LineProcess): Promise<readonly string[]> {
  const answer = member.until(
    "status",
    (line) => line.startsWith('{"event":"status"') ? JSON.parse(line) as ShownEvent : undefined,
  );
  await member.type(JSON.stringify({ command: "status" }));
  const { name, members } = await answer;
  return members.filter((one: ShownEvent) => one.name !== name).map(({ path }: ShownEvent) => path);
}

function missing(what: string): Measured {
  return { ours: [], missing: what };
}

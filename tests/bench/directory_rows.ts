/**
 * A directory with a thousand clients, beside an MQTT broker with as many subscribers and nats-server with as many
 * connections that are idle. The clients of all are in this process.
 */

import { IdleNatsClients } from "./baselines/nats_idle.ts";
import { MqttClient } from "./baselines/mqtt_crowd.ts";
import { Crowd, strangers } from "./crowd.ts";
import { bounded, LineProcess, pause } from "./line_process.ts";
import { atLeast, atMost, type Baseline, median, percentile, type Row } from "./row.ts";
import { PASSWORD, RunningDirectory } from "./running_directory.ts";
import { freePort } from "../e2e/ports.ts";
import { LIST_TOLD_MAX } from "../../lib/protocols/directory/schema/limits.ts";
import { listens, serverPath } from "./servers.ts";

const ROUNDS = 5;
/** With one more who tells, and one who comes in, as many as everybody is told of. */
const CLIENTS = LIST_TOLD_MAX - 2;
const TEXT = "x".repeat(200);
/** In one round; a sender may tell sixty a minute, so all take turns. */
const BROADCASTS = 100;
const IN_FLIGHT = 20;
const CHANGES = 20;
const CHANGE_PAUSE_MS = 100;
const LOG_INS = 200;
/** Told so often while they log in, and without. */
const LIGHT_BROADCASTS = 100;
const LIGHT_PAUSE_MS = 100;
/** After the start, until what it left is collected. */
const SETTLE_MS = 5_000;
const MIB = 1_048_576;
const GROUP = "directory, 1,000 clients";
const TOPIC = "all";

export async function measureDirectory(): Promise<readonly Row[]> {
  return [
    ...await measureTelling(),
    await measureMemory(),
    await measureLogIns(),
    await measureReturn(),
  ];
}

// Broadcasts and presence.

interface Told {
  readonly perSecond: number;
  readonly processorUs: number;
}

interface Crowded extends AsyncDisposable {
  readonly server: LineProcess;
  /** Tells all, and resolves when each client has acknowledged it. */
  tell(): Promise<void>;
  /** Something that all are to know changes; resolves with the ms until they do. */
  change(): Promise<number>;
}

async function measureTelling(): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack();
  const ours = stack.use(await openOurs());
  const path = await serverPath("mosquitto");
  const theirs = path === null ? null : stack.use(await openMosquitto(path));
  const [told, theirTold]: [Told[], Told[]] = [[], []];
  const [changes, theirChanges]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    const [one, other] = [
      await measureFlood(ours),
      theirs === null ? null : await measureFlood(theirs),
    ];
    const [change, theirChange] = [
      await measureChanges(ours),
      theirs === null ? null : await measureChanges(theirs),
    ];
    if (round < 0) continue; // it warms all
    told.push(one);
    changes.push(change);
    if (other !== null) theirTold.push(other);
    if (theirChange !== null) theirChanges.push(theirChange);
  }
  const baseline = (name: string, samples: readonly number[]): Baseline =>
    theirs === null ? { name, missing: "apt-get install mosquitto" } : { name, samples };
  const of = (pick: (told: Told) => number) => ({
    ours: told.map(pick),
    baseline: baseline("mosquitto, QoS 1", theirTold.map(pick)),
  });
  return [
    {
      group: GROUP,
      what: "broadcast, acknowledged by each",
      unit: "deliveries/s",
      ...of(({ perSecond }) => perSecond),
      target: atLeast(0.3),
    },
    {
      group: GROUP,
      what: "the same, processor of the server",
      unit: "us/delivery",
      ...of(({ processorUs }) => processorUs),
      target: null,
    },
    {
      group: GROUP,
      what: "somebody comes in until all know, p50",
      unit: "ms",
      ours: changes,
      baseline: baseline("a publish of mosquitto, QoS 0", theirChanges),
      target: atMost(3),
    },
  ];
}

async function measureFlood({ server, tell }: Crowded): Promise<Told> {
  const processorFromMs = await server.processorMs();
  const fromMs = performance.now();
  let left = BROADCASTS;
  const inTurn = async () => {
    while (left-- > 0) await tell();
  };
  await bounded(Promise.all(Array.from({ length: IN_FLIGHT }, inTurn)), "broadcasts");
  const tookMs = performance.now() - fromMs;
  const deliveries = BROADCASTS * CLIENTS;
  return {
    perSecond: deliveries / tookMs * 1_000,
    processorUs: (await server.processorMs() - processorFromMs) * 1_000 / deliveries,
  };
}

async function measureChanges({ change }: Crowded): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < CHANGES; at++) {
    await pause(CHANGE_PAUSE_MS);
    times.push(await bounded(change(), "a change"));
  }
  return median(times);
}

async function openOurs(): Promise<Crowded> {
  const directory = await RunningDirectory.open();
  // One more, who tells: it gets no copy.
  const crowd = new Crowd(directory.port, strangers(CLIENTS + 1), { how: "guest" });
  await crowd.comeIn();
  let turn = 0;
  let come = 0;
  const change = async () => {
    const somebody = crowd.people.somebody(`newcomer-${come++}`).connects();
    await crowd.until(() => somebody.link !== null);
    const { name } = somebody;
    const fromMs = performance.now();
    somebody.enters({ how: "guest" });
    await crowd.until(() => crowd.all.every(({ list }) => list.has(name)));
    const tookMs = performance.now() - fromMs;
    somebody.hangsUp();
    await crowd.until(() => crowd.all.every(({ list }) => !list.has(name)));
    return tookMs;
  };
  const dispose = async () => {
    await crowd[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  const tell = () => crowd.tells(crowd.all[turn++ % crowd.all.length]!, TEXT);
  return { server: directory.process, tell, change, [Symbol.asyncDispose]: dispose };
}

async function openMosquitto(path: string): Promise<Crowded> {
  const port = freePort();
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
  const file = `${folder}/mosquitto.conf`;
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false"];
  await Deno.writeTextFile(file, `${[...lines, "log_dest none"].join("\n")}\n`);
  const server = new LineProcess([path, "-c", file]);
  await listens(port);
  const subscribers: MqttClient[] = [];
  for (let at = 0; at < CLIENTS; at++) {
    const subscriber = await MqttClient.connect(port, `client-${at}`);
    await subscriber.subscribe(TOPIC, 1);
    subscribers.push(subscriber);
  }
  const publisher = await MqttClient.connect(port, "publisher");
  const payload = new TextEncoder().encode(TEXT);
  /** How many have come of each; each payload begins with its number. */
  const waiting = new Map<number, { left: number; readonly done: () => void }>();
  for (const subscriber of subscribers) {
    subscriber.heard = (came) => {
      const one = waiting.get(came[0]! * 256 + came[1]!);
      if (one !== undefined && --one.left === 0) one.done();
    };
  }
  let last = 0;
  const publish = async (qos: 0 | 1) => {
    const number = last = (last + 1) % 65_536;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set(number, { left: CLIENTS, done: resolve });
    const bytes = payload.slice();
    bytes.set([number >> 8, number & 0xff]);
    await Promise.all([publisher.publish(TOPIC, bytes, qos), promise]);
    waiting.delete(number);
  };
  const change = async () => {
    const fromMs = performance.now();
    await publish(0);
    return performance.now() - fromMs;
  };
  const dispose = async () => {
    await Promise.all([publisher, ...subscribers].map((client) => client.close()));
    await server[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  };
  return { server, tell: () => publish(1), change, [Symbol.asyncDispose]: dispose };
}

// Memory.

async function measureMemory(): Promise<Row> {
  const path = await serverPath("nats-server");
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await memoryOfOurs());
    if (path !== null) theirs.push(await memoryOfNats(path));
  }
  const name = "nats-server";
  return {
    group: GROUP,
    what: "idle, resident memory for them",
    unit: "MiB",
    ours,
    baseline: path === null
      ? { name, missing: "apt-get install nats-server" }
      : { name, samples: theirs },
    target: atMost(1.5),
  };
}

async function memoryOfOurs(): Promise<number> {
  await using directory = await RunningDirectory.open();
  await pause(SETTLE_MS);
  const before = await directory.process.residentBytes();
  await using crowd = new Crowd(directory.port, strangers(CLIENTS), { how: "guest" });
  await crowd.comeIn();
  await pause(SETTLE_MS);
  return (await directory.process.residentBytes() - before) / MIB;
}

async function memoryOfNats(path: string): Promise<number> {
  const port = freePort();
  await using server = new LineProcess(
    [path, "-a", "127.0.0.1", "-p", String(port), "-l", "/dev/null"],
  );
  await listens(port);
  await pause(SETTLE_MS);
  const before = await server.residentBytes();
  await using _clients = await IdleNatsClients.connect(port, CLIENTS);
  await pause(SETTLE_MS);
  return (await server.residentBytes() - before) / MIB;
}

// Log-ins.

/** Of broadcasts while nobody, and while 200 at once, log in with a password. */
async function measureLogIns(): Promise<Row> {
  const members = strangers(LOG_INS).map(({ name, signer }) => ({ name: `user-${name}`, signer }));
  await using directory = await RunningDirectory.open(members);
  await using crowd = new Crowd(directory.port, strangers(CLIENTS + 1), { how: "guest" });
  await crowd.comeIn();
  const [without, during]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await lightP99(crowd, round));
    await using entrants = new Crowd(directory.port, members, {
      how: "log-in",
      password: PASSWORD,
    });
    for (const client of entrants.all) client.enters(entrants.way);
    during.push(await lightP99(crowd, round));
  }
  return {
    group: GROUP,
    what: `broadcast until all have it, p99, while ${LOG_INS} log in with a password`,
    unit: "ms",
    ours: during,
    baseline: { name: "the same without them", samples: without },
    target: atMost(5),
  };
}

async function lightP99(crowd: Crowd, round: number): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < LIGHT_BROADCASTS; at++) {
    await pause(LIGHT_PAUSE_MS);
    const sender = crowd.all[(round * LIGHT_BROADCASTS + at) % crowd.all.length]!;
    const text = `${round} ${at} ${TEXT}`;
    const fromMs = performance.now();
    sender.broadcast(crowd.nextNumber(), text);
    const isTold = () => crowd.all.every((one) => one === sender || one.told.at(-1) === text);
    await bounded(crowd.until(isTold), "a broadcast");
    times.push(performance.now() - fromMs);
  }
  return percentile(times, 0.99);
}

// A restart.

async function measureReturn(): Promise<Row> {
  const members = strangers(CLIENTS);
  await using directory = await RunningDirectory.open(members);
  await using crowd = new Crowd(directory.port, members, { how: "resume" });
  await crowd.comeIn();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await directory.kill();
    await bounded(crowd.until(() => crowd.all.every(({ link }) => link === null)), "the end");
    const fromMs = performance.now();
    await directory.start();
    await bounded(crowd.until(() => crowd.all.every(({ path }) => path !== null)), "the return");
    times.push((performance.now() - fromMs) / 1_000);
    await pause(SETTLE_MS);
  }
  return {
    group: GROUP,
    what: "all back after a kill and a restart, by their keys",
    unit: "s",
    ours: times,
    baseline: null,
    target: atMost(10, "value"),
  };
}

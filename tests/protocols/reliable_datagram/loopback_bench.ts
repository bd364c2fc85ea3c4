// deno-lint-ignore-file no-console -- a program of its own
/**
 * Messages of 200 bytes through reliable datagrams over UDP on loopback, beside raw datagrams of the same size in the
 * same run, each medians of five rounds in turn:
 *
 *     deno run -A tests/protocols/reliable_datagram/loopback_bench.ts [--profile]
 *
 * One row has both ends in this process (all processor time is seen), one the sender here and the receiver in another
 * process, one the round trip of a lone message.
 */

import type {
  ReliableEffect,
  ReliableInput,
} from "../../../lib/protocols/reliable_datagram/reliable_io.ts";
import process from "node:process";
import { nodeCrypto, nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import { ReliableDatagrams } from "../../../lib/protocols/reliable_datagram/reliable_datagrams.ts";
import { DatagramHost } from "../../../lib/runtime/hosts/group_peers.ts";
import { SYSTEM_LINK_CLOCK } from "../../../lib/transport/system_clock.ts";
import { UdpDatagrams } from "../../../lib/transport/udp_datagrams.ts";

const MESSAGE_BYTES = 200;
const MESSAGES = 200_000;
const RAW_DATAGRAMS = 40_000;
const ROUND_TRIPS = 2_000;
const ROUNDS = Number(Deno.env.get("ROUNDS") ?? 5);
/** What the sender says in one turn of its loop, as from a full pipe. */
const BURST = 256;

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

/** A program with one socket. */
class End {
  readonly key: PeerKey;
  readonly socket = UdpDatagrams.listen("127.0.0.1", 0, SILENT_LOGGER);
  readonly machine: ReliableDatagrams;
  readonly host: DatagramHost<ReliableInput, ReliableEffect>;
  onNews: (news: Exclude<ReliableEffect, { readonly type: "transmit" }>) => void = () => {};

  constructor() {
    const signer = nodeSigner(random(32));
    this.key = signer.key;
    const machine = this.machine = new ReliableDatagrams({
      identity: { signer, static: keyPairFromSeed(random(32)) },
      env: { crypto: nodeCrypto, randomBytes: random, log: SILENT_LOGGER },
      access: { mode: "group", admit: () => true },
    });
    this.host = new DatagramHost(
      machine,
      this.socket,
      SYSTEM_LINK_CLOCK,
      (news) => this.onNews(news),
    );
  }

  async up(peer: PeerKey, port: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.onNews = ({ type }) => type === "up" && resolve();
      this.host.feed({ type: "connect", peer, endpoint: { host: "127.0.0.1", port } });
    });
  }

  async stop(): Promise<void> {
    this.host.stop();
    await this.socket.close();
  }
}

const nextTurn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Sends `count` messages as fast as back pressure allows, until all are acknowledged. */
async function flood(end: End, peer: PeerKey, count: number): Promise<void> {
  const message = random(MESSAGE_BYTES);
  let drained: (() => void) | null = null;
  let isCongested = false;
  end.onNews = ({ type }) => {
    if (type === "congested") isCongested = true;
    if (type === "drained") {
      isCongested = false;
      drained?.();
    }
  };
  for (let sent = 0; sent < count;) {
    for (let n = 0; n < BURST && sent < count; n++, sent++) {
      end.host.feed({ type: "send", peer, lane: "data", message });
    }
    if (isCongested) await new Promise<void>((resolve) => drained = resolve);
  }
  while (end.machine.waitingBytes(peer) > 0) await nextTurn();
}

interface Figure {
  readonly perSecond: number;
  /** Of this process. */
  readonly cpuUs: number;
}

async function timed(count: number, work: () => Promise<void>): Promise<Figure> {
  const cpu = process.cpuUsage();
  const fromMs = performance.now();
  await work();
  const seconds = (performance.now() - fromMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: count / seconds, cpuUs: (user + system) / count };
}

/** Raw datagrams with a window, both ends here: what the runtime and the system take. */
async function raw(bytes: number): Promise<Figure> {
  const [ann, bob] = [0, 1].map(() => UdpDatagrams.listen("127.0.0.1", 0, SILENT_LOGGER));
  let received = 0;
  let wake: (() => void) | null = null;
  ann!.handle({ datagram() {}, turn() {} });
  bob!.handle({ datagram: () => void received++, turn: () => wake?.() });
  const datagram = new Uint8Array(bytes);
  const figure = await timed(RAW_DATAGRAMS, async () => {
    for (let sent = 0; sent < RAW_DATAGRAMS;) {
      for (let n = 0; n < 32; n++, sent++) ann!.send(bob!.local, datagram);
      while (sent - received > 32) {
        const before = received;
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 100);
        });
        if (received === before) received = sent; // lost
      }
    }
  });
  await Promise.all([ann!.close(), bob!.close()]);
  return figure;
}

async function bothHere(): Promise<Figure> {
  const [ann, bob] = [new End(), new End()];
  await ann.up(bob.key, bob.socket.local.port);
  await flood(ann, bob.key, 20_000);
  const figure = await timed(MESSAGES, () => flood(ann, bob.key, MESSAGES));
  console.error("  ", JSON.stringify(ann.machine.figures(bob.key)));
  await Promise.all([ann.stop(), bob.stop()]);
  return figure;
}

/** The other process: says its key and port, then receives until its input ends. */
async function receiver(): Promise<void> {
  const end = new End();
  end.onNews = (news) => {
    if (news.type !== "message" || news.lane !== "control") return;
    const { peer, bytes: message } = news;
    end.host.feed({ type: "send", peer, lane: "control", message });
  };
  console.log(JSON.stringify({ key: end.key, port: end.socket.local.port }));
  const cpu = process.cpuUsage();
  for await (const _ of Deno.stdin.readable);
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ cpuUs: user + system }));
  await end.stop();
}

async function twoProcesses(): Promise<Figure & { readonly roundTripUs: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL(import.meta.url).pathname, "--receive"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { key, port } = JSON.parse((await lines.read()).value!);
  const ann = new End();
  await ann.up(key, port);
  const trips: number[] = [];
  const message = random(MESSAGE_BYTES);
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const fromMs = performance.now();
    await new Promise<void>((resolve) => {
      ann.onNews = ({ type }) => type === "message" && resolve();
      ann.host.feed({ type: "send", peer: key, lane: "control", message });
    });
    trips.push((performance.now() - fromMs) * 1_000);
  }
  await flood(ann, key, 20_000);
  const figure = await timed(MESSAGES, () => flood(ann, key, MESSAGES));
  console.error("  ", JSON.stringify(ann.machine.figures(key)));
  await child.stdin.close();
  await lines.cancel();
  await child.status;
  await ann.stop();
  return { ...figure, roundTripUs: median(trips) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function print(row: string, figures: readonly Figure[]): void {
  const perSecond = Math.round(median(figures.map((each) => each.perSecond)));
  const cpuUs = median(figures.map((each) => each.cpuUs)).toFixed(2);
  console.log(`${row.padEnd(52)} ${String(perSecond).padStart(8)}/s  ${cpuUs.padStart(6)} us CPU`);
}

if (Deno.args.includes("--receive")) await receiver();
else if (Deno.args.includes("--profile")) await bothHere();
else {
  const [raws, smallRaws, here, there]: [Figure[], Figure[], Figure[], Figure[]] = [[], [], [], []];
  const trips: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    raws.push(await raw(1_199));
    smallRaws.push(await raw(MESSAGE_BYTES));
    here.push(await bothHere());
    const { roundTripUs, ...figure } = await twoProcesses();
    there.push(figure);
    trips.push(roundTripUs);
  }
  print("raw datagrams of 1,199 bytes, both ends here", raws);
  print("raw datagrams of 200 bytes, both ends here", smallRaws);
  print("messages of 200 bytes, both ends here", here);
  print("messages of 200 bytes to another process, its sender", there);
  console.log(`round trip of a lone message, two processes: ${median(trips).toFixed(0)} us`);
}

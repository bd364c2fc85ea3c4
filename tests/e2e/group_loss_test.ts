/** A group whose datagrams are lost, duplicated and reordered: it is slower, but nothing is missing. */

import { assert, assertEquals } from "@std/assert";
import { Group, isMessage, isView, linesOf } from "./group_world.ts";
import type { Node } from "./node.ts";

/** The share of lost datagrams, in each direction. */
const LOST_SHARE = 0.2;
const REPEATED_SHARE = 0.1;
/** The share of delayed datagrams, which later ones overtake. */
const LATE_SHARE = 0.2;
const LATE_MS_MAX = 30;

/**
 * A lossy line to a member: forwards what is sent to its port to the member, from a separate port for each sender,
 * so that answers reach the sender.
 */
class BadLine implements AsyncDisposable {
  readonly port: number;
  lost = 0;
  readonly #front = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  /** By the sender's port. */
  readonly #backs = new Map<number, Deno.DatagramConn>();
  readonly #loops: Promise<void>[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(readonly to: number) {
    this.port = (this.#front.addr as Deno.NetAddr).port;
    this.#loops.push(this.#receive());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#front.close();
    for (const back of this.#backs.values()) back.close();
    await Promise.all(this.#loops);
  }

  async #receive(): Promise<void> {
    try {
      for await (const [bytes, from] of this.#front) {
        const source = from as Deno.NetAddr;
        this.#pass(this.#backOf(source), bytes.slice(), { ...source, port: this.to });
      }
    } catch {
      // It was closed.
    }
  }

  #backOf(source: Deno.NetAddr): Deno.DatagramConn {
    const known = this.#backs.get(source.port);
    if (known !== undefined) return known;
    const back = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    this.#backs.set(source.port, back);
    this.#loops.push(this.#answer(back, source));
    return back;
  }

  async #answer(back: Deno.DatagramConn, source: Deno.NetAddr): Promise<void> {
    try {
      for await (const [bytes] of back) this.#pass(this.#front, bytes.slice(), source);
    } catch {
      // It was closed.
    }
  }

  #pass(by: Deno.DatagramConn, bytes: Uint8Array, to: Deno.NetAddr): void {
    if (Math.random() < LOST_SHARE) {
      this.lost++;
      return;
    }
    const copies = Math.random() < REPEATED_SHARE ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delayMs = Math.random() < LATE_SHARE ? Math.random() * LATE_MS_MAX : 0;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        by.send(bytes, to).catch(() => {}); // it was closed
      }, delayMs);
      this.#timers.add(timer);
    }
  }
}

Deno.test("group: a fifth of the datagrams lost, others twice or late: all logs are the same", async () => {
  const names = ["Alice", "Bob", "Carol"];
  await using group = await Group.open();
  await using lines = new AsyncDisposableStack();
  const ways = names.map((name) => lines.use(new BadLine(group.datagramPort(name))));
  const members: Node[] = [];
  for (const [at, name] of names.entries()) {
    members.push(await group.start(name, "--advertise", `127.0.0.1:${ways[at]!.port}`));
  }
  await Promise.all(members.map((node) => node.until(isView(...names))));

  const count = 100;
  for (let number = 0; number < count; number++) {
    await Promise.all(members.map((node, at) => node.say(`${names[at]} ${number}`)));
  }
  await Promise.all(members.map((node) => node.untilCount(isMessage, 3 * count)));

  const [first, ...others] = members.map(linesOf);
  for (const other of others) assertEquals(other, first);
  for (const name of names) {
    const own = first!.filter((line) => line.includes(` ${name}: `));
    assertEquals(own.map((line) => line.replace(/.* /, "")), own.map((_, number) => `${number}`));
  }
  await group.sameLogs(...names);
  const lost = ways.reduce((sum, way) => sum + way.lost, 0);
  assert(lost >= 5, `only ${lost} datagrams were lost`); // of a hundred and more
  // Who waits for what was lost, on a busy machine, may be told so.
  const failed = members.flatMap(({ events }) =>
    events.filter(({ event }) => event === "error" || event === "fatal")
  );
  assertEquals(failed, []);
});

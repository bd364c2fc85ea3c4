/** Two friends who send each other messages all the time, and are killed at random moments. */

import { assert, assertEquals } from "@std/assert";
import { Random } from "../sim/random.ts";
import { connection, delivery, FriendsGroup } from "./friends_group.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";

/** At each effect of an exchange somebody is killed in tests/sim/friends_sim_test.ts; here it is the program on a disk. */
const KILLS = 7;
/** The longest time from a start, or from the connection of the two, to a kill. */
const KILL_MS_MAX = 150;
/** The time between two messages of each: so short that every kill interrupts some. */
const WRITE_MS = 3;
/** To use another seed: `SEED=5 deno test ...` */
const SEED = Number(Deno.env.get("SEED") ?? 1);

Deno.test(`friends: killed at ${KILLS} moments, both lose and double nothing (seed ${SEED})`, async () => {
  await using group = new FriendsGroup("alice", "bob");
  const random = new Random(SEED);
  const [alice, bob] = [new Side(group, "alice", "bob"), new Side(group, "bob", "alice")];
  const sides = [alice, bob];
  for (const side of sides) side.begin();
  const writing = sides.map((side) => side.write());

  for (let kill = 0; kill < KILLS; kill++) {
    if (random.chance(0.7)) {
      await Promise.all(sides.map((side) => side.node.until(connection("opened", side.friend))));
    }
    await pause(random.between(0, KILL_MS_MAX));
    const killed = random.pick([[alice], [bob], sides]);
    await Promise.all(killed.map((side) => side.node.kill()));
    if (random.chance(0.3)) await pause(random.between(0, KILL_MS_MAX)); // the other goes on meanwhile
    for (const side of killed) side.begin();
  }
  for (const side of sides) side.over = true;
  await Promise.all(writing);
  for (const side of sides) {
    const { node, friend } = side;
    await node.until(({ event }) => event === "ready");
    await node.tell(friend, "the end", "end");
    await node.until((event) => delivery("delivered")(event) && event.ref === "end", 60_000);
  }
  for (const { node } of sides) {
    await holds("nothing waits", async () => (await node.ask("outbox")).messages.length === 0);
    await node.type("exit");
    assertEquals((await node.ended()).code, 0);
  }

  for (const [from, to] of [[alice, bob], [bob, alice]] as const) {
    const { queued } = from;
    const shown = to.shown;
    const ids = new Set<string>();
    const isFirst = shown.map(({ id }) => ids.size !== ids.add(id).size);
    const first = shown.filter((_, at) => isFirst[at]);
    const again = shown.filter((_, at) => !isFirst[at]);
    const numbers = first.map(({ text }) => Number(text.split(" ")[1] ?? Infinity)).slice(0, -1);
    const stored = group.stored(to.name).map(({ id }) => id);
    const account = `${from.name} to ${to.name}, ${queued.length} queued, ${stored.length} stored`;

    assert(queued.length > 5 * KILLS, `${account}: they wrote a lot`);
    assertEquals(queued.filter((id) => !ids.has(id)), [], `${account}: all is shown`);
    assert(numbers.every((number, at) => number > (numbers[at - 1] ?? -1)), `${account}: in order`);
    assertEquals(first.at(-1)?.text, "the end");
    assertEquals(stored.length, new Set(stored).size, `${account}: stored once`);
    assertEquals(stored, first.map(({ id }) => id), `${account}: stored is what is shown`);
    for (const life of to.lives) assertShownOnce(life);
    assertEquals(again.filter(({ history }) => history !== true), [], `${account}: shown again`);
  }
});

/** One of the two friends, with all its processes. */
class Side {
  readonly lives: Node[] = [];
  over = false;
  #said = 0;

  constructor(readonly group: FriendsGroup, readonly name: string, readonly friend: string) {}

  get node(): Node {
    return this.lives.at(-1)!;
  }

  begin(): void {
    this.lives.push(this.group.launch(this.name));
  }

  /** Sends messages until `over`, whether its program is running or not. */
  async write(): Promise<void> {
    while (!this.over) {
      const text = `${this.name} ${this.#said++}`;
      await this.node.tell(this.friend, text).catch(() => {}); // it was killed
      await pause(WRITE_MS);
    }
  }

  /** The ids of messages that its programs reported as safe, in order. */
  get queued(): readonly string[] {
    return this.#events(delivery("queued")).map(({ id }) => id);
  }

  get shown(): readonly ShownEvent[] {
    return this.#events(({ event }) => event === "message");
  }

  #events(match: (event: ShownEvent) => boolean): readonly ShownEvent[] {
    return this.lives.flatMap(({ events }) => events.filter(match));
  }
}

/** Checks that a program shows messages that an earlier one may not have shown, then new ones, and none twice. */
function assertShownOnce({ events }: Node): void {
  const messages = events.filter(({ event }) => event === "message");
  const fresh = messages.findIndex(({ history }) => history === false);
  assertEquals(new Set(messages.map(({ id }) => id)).size, messages.length);
  assert(fresh === -1 || messages.slice(fresh).every(({ history }) => history === false));
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

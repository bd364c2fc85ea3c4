/** Four friends of one table: what is queued reaches its friend once, in order. */

import { Hosts } from "../e2e/hosts.ts";
import type { Random } from "../sim/random.ts";
import {
  Actor,
  type CommonTroubles,
  isReady,
  sendTcp,
  type Trouble,
  troublesOf,
} from "./actors.ts";
import { firstShown, outOfOrder, shownTwice } from "./shown.ts";
import { eventually, type Tortured } from "./torture.ts";

const NAMES = ["Ann", "Ben", "Cem", "Dan"] as const;
const PORT = 25_109;
/** A friend who isn't there is dialled again after a minute at most. */
const SETTLE_MS = 180_000;

export class TorturedFriends implements Tortured {
  readonly troubles: Readonly<Record<string, Trouble>>;
  readonly #common: CommonTroubles;
  readonly #said: { readonly text: string; readonly by: Actor; readonly to: Actor }[] = [];

  private constructor(
    readonly hosts: Hosts,
    readonly actors: readonly Actor[],
    readonly table: string,
  ) {
    this.#common = troublesOf(actors, hosts);
    this.troubles = {
      ...this.#common.troubles,
      tell: { weight: 30, happen: (random) => this.#tell(random, 1) },
      burst: { weight: 2, happen: (random) => this.#tell(random, 50) },
      garbage: { weight: 2, happen: (random) => this.#garbage(random) },
    };
  }

  static async open(module?: string): Promise<TorturedFriends> {
    await using made = new AsyncDisposableStack();
    const hosts = made.use(await Hosts.open(...NAMES));
    const table = await Deno.makeTempFile({ prefix: "p2pchat-torture-" });
    made.defer(() => Deno.remove(table));
    const rows = NAMES.map((name) => `${name} ${hosts.address(name)} ${PORT}\n`);
    await Deno.writeTextFile(table, rows.join(""));
    const actors: Actor[] = [];
    for (const name of NAMES) {
      const words = () => ["peer", name, "--users", table, "--idle", "10s"];
      const actor = made.use(await Actor.make({ name, hosts, words, module }));
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
      actors.push(actor);
    }
    const world = new TorturedFriends(hosts, actors, table);
    made.move();
    return world;
  }

  async settle(): Promise<void> {
    await this.#common.recover();
    await eventually("all are there, and nothing waits", SETTLE_MS, async () => {
      for (const actor of this.actors) actor.start();
      if (!this.actors.every(({ life }) => isReady(life))) return false;
      const answers = await Promise.all(this.actors.map(({ node }) => node!.ask("status")));
      return answers.every(({ unsent }) => unsent === 0);
    });
  }

  broken(): Promise<readonly string[]> {
    return Promise.resolve([
      ...this.actors.flatMap(({ faults }) => faults),
      ...this.actors.flatMap((actor) => shownTwice(actor)),
      ...this.actors.flatMap((actor) =>
        outOfOrder(actor, (text) => text.startsWith(actor.name) ? null : text.split(" ")[0]!)
      ),
      ...this.#neverShown(),
    ]);
  }

  figures(): Readonly<Record<string, number>> {
    const lives = this.actors.reduce((sum, { lives }) => sum + lives.length, 0);
    const shown = this.actors.reduce((sum, actor) => sum + firstShown(actor).size, 0);
    return { said: this.#said.length, shown, processes: lives };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.actors) await actor[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
    await Deno.remove(this.table);
  }

  async #tell(random: Random, count: number): Promise<void> {
    const awake = this.actors.filter(({ isAwake, life }) => isAwake && isReady(life));
    if (awake.length === 0) return;
    const by = random.pick(awake);
    const to = random.pick(this.actors.filter((other) => other !== by));
    for (let at = 0; at < count; at++) {
      const text = `${by.name} to ${to.name} ${this.#said.length}`;
      this.#said.push({ text, by, to });
      await by.node?.tell(to.name, text, text).catch(() => {}); // it may end at any time
    }
  }

  async #garbage(random: Random): Promise<void> {
    const [from, to] = random.shuffled(this.actors) as [Actor, Actor];
    const bytes = random.bytes(1 + random.below(70_000));
    await sendTcp(this.hosts.within(from.name), this.hosts.address(to.name), PORT, bytes);
  }

  /** What was told as queued. */
  #neverShown(): readonly string[] {
    const queued = new Set(
      this.actors.flatMap(({ events }) =>
        events.filter(({ event, state }) => event === "delivery" && state === "queued")
          .map(({ ref }) => ref as string)
      ),
    );
    const shown = new Map(this.actors.map((actor) => [actor, firstShown(actor)]));
    return this.#said.flatMap(({ text, to }) =>
      queued.has(text) && !shown.get(to)!.has(text) ? [`${to.name} was never shown: ${text}`] : []
    );
  }
}

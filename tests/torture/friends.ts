/** Four friends of one table: what is queued reaches its friend once, in order, and what is offered comes. */

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
import { FILES_BYTES_PER_S, TorturedFiles } from "./files.ts";
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
    readonly files: TorturedFiles,
  ) {
    this.#common = troublesOf(actors, hosts);
    this.troubles = {
      ...this.#common.troubles,
      tell: { weight: 30, happen: (random) => this.#tell(random, 1) },
      burst: { weight: 2, happen: (random) => this.#tell(random, 50) },
      send: { weight: 6, happen: (random) => this.#send(random) },
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
      await hosts.limit(name, FILES_BYTES_PER_S);
      const own = ["peer", name, "--users", table, "--idle", "10s"];
      const words = (self: Actor) => [...own, ...TorturedFiles.words(self)];
      const actor = made.use(await Actor.make({ name, hosts, words, module }));
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
      actors.push(actor);
    }
    const files = made.use(new TorturedFiles(actors));
    const world = new TorturedFriends(hosts, actors, table, files);
    await world.#meet();
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
    await this.files.settle();
  }

  async broken(): Promise<readonly string[]> {
    return [
      ...this.actors.flatMap(({ faults }) => faults),
      ...this.actors.flatMap((actor) => shownTwice(actor)),
      ...this.actors.flatMap((actor) =>
        outOfOrder(actor, (text) => text.startsWith(actor.name) ? null : text.split(" ")[0]!)
      ),
      ...this.#neverShown(),
      ...await this.files.broken(),
    ];
  }

  async peace(): Promise<void> {
    await this.files.clear();
  }

  figures(): Readonly<Record<string, number>> {
    const lives = this.actors.reduce((sum, { lives }) => sum + lives.length, 0);
    const shown = this.actors.reduce((sum, actor) => sum + firstShown(actor).size, 0);
    return { said: this.#said.length, shown, processes: lives, ...this.files.figures };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.actors) await actor[Symbol.asyncDispose]();
    await this.files[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
    await Deno.remove(this.table);
  }

  /** What is offered to somebody whose key isn't known ends with the program. */
  async #meet(): Promise<void> {
    for (const by of this.actors) {
      for (const to of this.actors.filter((other) => other !== by)) {
        const text = await this.#say(by, to);
        await by.node!.until(({ ref, state }) => ref === text && state === "delivered");
      }
    }
  }

  async #tell(random: Random, count: number): Promise<void> {
    const pair = this.#pair(random);
    if (pair === null) return;
    const { by, to } = pair;
    for (let at = 0; at < count; at++) await this.#say(by, to);
  }

  async #say(by: Actor, to: Actor): Promise<string> {
    const text = `${by.name} to ${to.name} ${this.#said.length}`;
    this.#said.push({ text, by, to });
    await by.node?.tell(to.name, text, text).catch(() => {}); // it may end at any time
    return text;
  }

  async #send(random: Random): Promise<void> {
    const pair = this.#pair(random);
    if (pair !== null) await this.files.send(random, pair.by, pair.to);
  }

  #pair(random: Random): { readonly by: Actor; readonly to: Actor } | null {
    const awake = this.actors.filter(({ isAwake, life }) => isAwake && isReady(life));
    if (awake.length === 0) return null;
    const by = random.pick(awake);
    return { by, to: random.pick(this.actors.filter((other) => other !== by)) };
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

/** A room of five: M1 to M4, and private messages, from what the programs show and answer. */

import type { MeshStatus } from "../../lib/protocols/mesh/schema/events.ts";
import { Hosts } from "../e2e/hosts.ts";
import type { ShownEvent } from "../e2e/node.ts";
import type { Random } from "../sim/random.ts";
import {
  Actor,
  type CommonTroubles,
  isReady,
  sendTcp,
  type Trouble,
  troublesOf,
} from "./actors.ts";
import { firstShown, isShown, shownTwice } from "./shown.ts";
import { eventually, type Tortured } from "./torture.ts";

const NAMES = ["Ann", "Ben", "Cem", "Dan", "Eve"] as const;
const PORT = 25_107;
/** A member tries one whom it lost every 22 to 37 s, and what it lacks is asked for after that. */
const SETTLE_MS = 180_000;

/**
 * Of a status. What its program was told, and hadn't shown when it was killed, no other process of it tells: so it
 * isn't the last word about each message that counts.
 */
type Waiting = MeshStatus["waiting"][number];

/** What was typed: `Ann 17`, and for a private one whom to. */
interface Said {
  readonly text: string;
  readonly by: Actor;
  readonly to: Actor | null;
  /** The last one of another author that had been shown to this one. */
  readonly answers: string | null;
}

export class TorturedMesh implements Tortured {
  readonly troubles: Readonly<Record<string, Trouble>>;
  readonly #said = new Map<string, Said>();
  readonly #common: CommonTroubles;
  #moves = 0;

  private constructor(readonly hosts: Hosts, readonly actors: readonly Actor[]) {
    this.#common = troublesOf(actors, hosts);
    this.troubles = {
      ...this.#common.troubles,
      say: { weight: 25, happen: (random) => this.#say(random, 1) },
      burst: { weight: 2, happen: (random) => this.#say(random, 50) },
      tell: { weight: 6, happen: (random) => this.#tell(random) },
      move: { weight: 1, happen: (random) => this.#move(random) },
      garbage: { weight: 2, happen: (random) => this.#garbage(random) },
    };
  }

  static async open(module?: string): Promise<TorturedMesh> {
    await using made = new AsyncDisposableStack();
    const hosts = made.use(await Hosts.open(...NAMES));
    const actors: Actor[] = [];
    for (const name of NAMES) {
      const through = name === NAMES[0] ? [] : [hosts.address(NAMES[0]), String(PORT)];
      // Who was in comes back by itself.
      const words = (self: Actor) => {
        return ["mesh", name, ...self.wasReady ? [] : through, "--port", String(PORT)];
      };
      const actor = made.use(await Actor.make({ name, hosts, words, module }));
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
      actors.push(actor);
    }
    const world = new TorturedMesh(hosts, actors);
    made.move();
    return world;
  }

  async settle(): Promise<void> {
    for (const { name } of this.actors) await this.hosts.move(name, 2);
    await this.#common.recover();
    await eventually("all see all, and have one history", SETTLE_MS, () => this.#isOne());
    await eventually("no private message waits", SETTLE_MS, async () => {
      const all = await Promise.all(this.actors.map(({ node }) => node!.ask("status")));
      const waiting = all.flatMap(({ waiting }, at) =>
        waiting.map(({ name, messages }: Waiting) => `${messages} of ${NAMES[at]}'s to ${name}`)
      );
      if (waiting.length > 0) throw new Error(waiting.join(", "));
      return true;
    });
  }

  async broken(): Promise<readonly string[]> {
    const histories = await Promise.all(
      this.actors.map(async ({ node }) => await node?.history() as readonly ShownEvent[]),
    );
    return [
      ...this.actors.flatMap(({ faults }) => faults),
      ...this.#notInHistory(histories[0] ?? []),
      ...this.actors.flatMap((actor) => this.#wronglyShown(actor)),
    ];
  }

  figures(): Readonly<Record<string, number>> {
    const lives = this.actors.reduce((sum, { lives }) => sum + lives.length, 0);
    const shown = this.actors.reduce((sum, { events }) => sum + events.filter(isShown).length, 0);
    return { said: this.#said.size, shown, processes: lives, moves: this.#moves };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.actors) await actor[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
  }

  async #say(random: Random, count: number): Promise<void> {
    const by = this.#speaker(random);
    if (by === null) return;
    for (let at = 0; at < count; at++) {
      const text = this.#note(by, null);
      await by.node?.say(text).catch(() => {}); // it may end at any time
    }
  }

  async #tell(random: Random): Promise<void> {
    const by = this.#speaker(random);
    if (by === null) return;
    const to = random.pick(this.actors.filter((other) => other !== by));
    await by.node?.tell(to.name, this.#note(by, to)).catch(() => {});
  }

  #speaker(random: Random): Actor | null {
    const awake = this.actors.filter(({ isAwake, life }) => isAwake && isReady(life));
    return awake.length === 0 ? null : random.pick(awake);
  }

  #note(by: Actor, to: Actor | null): string {
    const text = `${by.name} ${this.#said.size}${to === null ? "" : ` to ${to.name}`}`;
    const answers =
      by.life!.events.findLast((event) => isShown(event) && !event.private && !event.self)?.text ??
        null;
    this.#said.set(text, { text, by, to, answers });
    return text;
  }

  async #move(random: Random): Promise<void> {
    this.#moves++;
    await this.hosts.move(random.pick(this.actors).name, 3 + random.below(50));
  }

  async #garbage(random: Random): Promise<void> {
    const [from, to] = random.shuffled(this.actors) as [Actor, Actor];
    const bytes = random.bytes(1 + random.below(70_000));
    await sendTcp(this.hosts.within(from.name), this.hosts.address(to.name), PORT, bytes);
  }

  async #isOne(): Promise<boolean> {
    for (const actor of this.actors) {
      actor.start();
      if (!isReady(actor.life)) return false;
    }
    const answers = await Promise.all(this.actors.map(async ({ node }) => {
      const [{ peers }, history] = await Promise.all([node!.ask("peers"), node!.history()]);
      return { members: peers.length, ids: history.map(({ id }: ShownEvent) => id).join() };
    }));
    return answers.every(({ members, ids }) => members === NAMES.length && ids === answers[0]!.ids);
  }

  /** What its author was shown as said is there, once. */
  #notInHistory(history: readonly ShownEvent[]): readonly string[] {
    const counts = new Map<string, number>();
    for (const { text } of history) counts.set(text, (counts.get(text) ?? 0) + 1);
    const twice = [...counts].filter(([, count]) => count > 1).map(([text]) => `twice: ${text}`);
    // What is beyond the last 10,000 is in nobody's history.
    if (history.length >= 10_000) return twice;
    const lost = [...this.#said.values()].filter(({ text, by, to }) =>
      to === null && !counts.has(text) &&
      by.events.some((event) => isShown(event) && event.text === text)
    );
    return [...twice, ...lost.map(({ text }) => `said, and in no history: ${text}`)];
  }

  /** After its answer, or never. */
  #wronglyShown(actor: Actor): readonly string[] {
    const wrong = [...shownTwice(actor)];
    const places = firstShown(actor);
    for (const [text, place] of places) {
      const answered = this.#said.get(text)?.answers ?? null;
      if (answered !== null && (places.get(answered) ?? -1) > place) {
        wrong.push(`${actor.name} was shown ${answered} after its answer ${text}`);
      }
    }
    for (const { text, by, to } of this.#said.values()) {
      const isOwed = to === actor &&
        by.events.some((event) => isShown(event) && event.text === text);
      if (isOwed && !places.has(text)) wrong.push(`${actor.name} was never shown: ${text}`);
    }
    return wrong;
  }
}

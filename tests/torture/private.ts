/**
 * A private room of five, whose founder and deputy shut members out and let them back: all agree who is in, and whoever
 * isn't reads nothing of what is said then.
 */

import { Hosts } from "../e2e/hosts.ts";
import type { ShownEvent } from "../e2e/node.ts";
import type { Random } from "../sim/random.ts";
import {
  Actor,
  type CommonTroubles,
  endedByItself,
  isReady,
  sendTcp,
  type Trouble,
  troublesOf,
} from "./actors.ts";
import { Newcomers, NEWCOMERS_HOST } from "./newcomers.ts";
import { isShown, shownTwice } from "./shown.ts";
import { eventually, type Tortured } from "./torture.ts";

const NAMES = ["Ann", "Ben", "Cem", "Dan", "Eve"] as const;
const [FOUNDER, DEPUTY] = NAMES;
const PORT = 25_108;
const SETTLE_MS = 180_000;

export class TorturedPrivateRoom implements Tortured {
  readonly troubles: Readonly<Record<string, Trouble>>;
  readonly #common: CommonTroubles;
  readonly #said = new Map<string, Actor>();
  /** What whoever was out at the end of the last round must not read, unless allowed since. */
  readonly #secrets = new Map<Actor, Set<string>>();
  /** Whose removal was asked for in this round, or before and not taken back. */
  readonly #accused = new Set<Actor>();
  #rounds = 0;
  readonly #counts = { removals: 0, allowed: 0 };

  private constructor(
    readonly hosts: Hosts,
    readonly actors: readonly Actor[],
    /** With which somebody is to start who was let back. */
    readonly invites: Map<string, string>,
    readonly newcomers: Newcomers,
  ) {
    this.#common = troublesOf(actors, hosts, [NEWCOMERS_HOST]);
    this.troubles = {
      ...this.#common.troubles,
      say: { weight: 25, happen: (random) => this.#say(random, 1) },
      burst: { weight: 1, happen: (random) => this.#say(random, 50) },
      remove: { weight: 3, happen: (random) => this.#rule(random, "remove") },
      allow: { weight: 3, happen: (random) => this.#rule(random, "allow") },
      appoint: { weight: 2, happen: () => this.#appoint(false) },
      dismiss: { weight: 1, happen: () => this.#appoint(true) },
      words: { weight: 1, happen: (random) => this.#words(random) },
      garbage: { weight: 2, happen: (random) => this.#garbage(random) },
    };
  }

  static async open(module?: string): Promise<TorturedPrivateRoom> {
    await using made = new AsyncDisposableStack();
    const hosts = made.use(await Hosts.open(...NAMES, NEWCOMERS_HOST));
    const invites = new Map<string, string>();
    const actors: Actor[] = [];
    for (const name of NAMES) {
      const words = () => {
        const invite = invites.get(name);
        const more = invite === undefined ? ["--private"] : ["--invite", invite];
        return ["mesh", name, ...more, "--port", String(PORT)];
      };
      const actor = made.use(await Actor.make({ name, hosts, words, module }));
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
      actors.push(actor);
      const { invite } = await actors[0]!.node!.ask("invite");
      for (const other of NAMES.slice(actors.length)) invites.set(other, invite);
      invites.delete(name);
    }
    const newcomers = made.use(
      new Newcomers(hosts, ({ name }) => [hosts.address(name), String(PORT)]),
    );
    const world = new TorturedPrivateRoom(hosts, actors, invites, newcomers);
    made.move();
    return world;
  }

  async settle(): Promise<void> {
    await this.#common.recover();
    await this.newcomers.leave();
    await eventually("all agree who is in, and on one history", SETTLE_MS, () => this.#agree());
  }

  async broken(): Promise<readonly string[]> {
    const { history, removed } = await this.#seenBy(this.actors[0]!);
    const ins = this.actors.filter(({ name }) => !removed.includes(name));
    return [
      ...this.actors.flatMap(({ faults }) => faults),
      ...ins.flatMap((actor) => endedByItself(actor)),
      ...this.actors.flatMap((actor) => shownTwice(actor)),
      ...this.#lost(ins, history),
      ...this.#read(),
      ...this.actors.flatMap((actor) => wronglyRuled(actor)),
      ...this.newcomers.broken,
    ];
  }

  /** Something is said behind the backs of those who are out; then one of them is let back, and reads it. */
  async peace(): Promise<void> {
    const [founder] = this.actors as [Actor];
    const { removed } = await this.#seenBy(founder);
    const ins = this.actors.filter(({ name }) => !removed.includes(name));
    await this.newcomers.comeInPeace(ins[this.#rounds++ % ins.length]!);
    this.#accused.clear();
    this.#secrets.clear();
    const outs = this.actors.filter((actor) => !ins.includes(actor));
    for (const out of outs) {
      this.#secrets.set(out, new Set());
      this.#accused.add(out);
    }
    const text = await this.#note(founder);
    for (const { node } of ins) await node!.until(says(text));
    const [back] = outs;
    if (back === undefined) return;
    await this.#allow(founder, back);
    await founder.node!.until(({ event, name }) => event === "allowed" && name === back.name);
    await this.#startAllowed(back);
    await back.node!.until(says(text));
  }

  figures(): Readonly<Record<string, number>> {
    const events = this.actors.flatMap(({ events }) => events);
    return {
      said: this.#said.size,
      processes: this.actors.reduce((sum, { lives }) => sum + lives.length, 0),
      ...this.#counts,
      kicked: events.filter(isKicked).length,
      ...this.newcomers.figures,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.newcomers[Symbol.asyncDispose]();
    for (const actor of this.actors) await actor[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
  }

  #awake(random: Random): Actor | null {
    const awake = this.actors.filter(({ isAwake, life }) => isAwake && isReady(life));
    return awake.length === 0 ? null : random.pick(awake);
  }

  async #say(random: Random, count: number): Promise<void> {
    const by = this.#awake(random);
    for (let at = 0; by !== null && at < count; at++) await this.#note(by);
  }

  async #note(by: Actor): Promise<string> {
    const text = `${by.name} ${this.#said.size}`;
    this.#said.set(text, by);
    for (const [out, secrets] of this.#secrets) if (out !== by) secrets.add(text);
    await by.node?.say(text).catch(() => {}); // it may end at any time
    return text;
  }

  /** By the founder, or by anybody, who may have no right to it. */
  async #rule(random: Random, command: "remove" | "allow"): Promise<void> {
    const by = random.chance(0.5) ? this.actors[0]! : random.pick(this.actors.slice(1));
    const whom = random.pick(this.actors.slice(1));
    if (!by.isAwake || by === whom) return;
    if (command === "allow") return await this.#allow(by, whom);
    this.#accused.add(whom);
    this.#counts.removals++;
    await by.node?.command({ command, name: whom.name }).catch(() => {});
  }

  async #allow(by: Actor, { name }: Actor): Promise<void> {
    for (const out of this.#secrets.keys()) if (out.name === name) this.#secrets.delete(out);
    this.#counts.allowed++;
    await by.node?.command({ command: "allow", name }).catch(() => {});
  }

  async #appoint(end: boolean): Promise<void> {
    const [{ isAwake, node }] = this.actors as [Actor];
    if (!isAwake) return;
    await node?.command({ command: "deputy", name: DEPUTY, end }).catch(() => {});
  }

  async #words(random: Random): Promise<void> {
    const issuer = this.#awake(random);
    if (issuer !== null) await this.newcomers.come(issuer);
  }

  async #garbage(random: Random): Promise<void> {
    const [from, to] = random.shuffled(this.actors) as [Actor, Actor];
    const bytes = random.bytes(1 + random.below(70_000));
    await sendTcp(this.hosts.within(from.name), this.hosts.address(to.name), PORT, bytes);
  }

  /** With the room's present invite. */
  async #startAllowed(actor: Actor): Promise<void> {
    await actor.leave();
    const { invite } = await this.actors[0]!.node!.ask("invite");
    this.invites.set(actor.name, invite);
    actor.start();
    this.invites.delete(actor.name);
  }

  /** By what the founder says; whoever is out is told so once more. */
  async #agree(): Promise<boolean> {
    const [founder] = this.actors as [Actor];
    founder.start();
    if (!isReady(founder.life)) return false;
    const seen = await this.#seenBy(founder);
    for (const actor of this.actors) {
      const last = actor.life?.events.at(-1);
      if (seen.removed.includes(actor.name)) {
        if (actor.isUp) throw new Error(`${actor.name} is out, and runs`);
        if (last !== undefined && isKicked(last)) continue;
        actor.start();
        throw new Error(`${actor.name} is out, and ended with ${JSON.stringify(last)}`);
      }
      if (this.#accused.has(actor) && (!actor.isUp || needsInvite(actor))) {
        await this.#startAllowed(actor);
      }
      actor.start();
      if (!isReady(actor.life)) throw new Error(`${actor.name} isn't in: ${JSON.stringify(last)}`);
    }
    for (const actor of this.actors.filter(({ isUp }) => isUp)) {
      const other = await this.#seenBy(actor);
      for (const [what, value] of Object.entries(seen) as [keyof typeof seen, string[]][]) {
        if (other[what].join() === value.join()) continue;
        throw new Error(
          `${actor.name} has other ${what}: ${other[what].slice(-9)}, not ${value.slice(-9)}`,
        );
      }
    }
    return seen.peers.length + seen.removed.length === NAMES.length;
  }

  async #seenBy({ node }: Actor) {
    const [{ peers, removed = [] }, messages] = await Promise.all([
      node!.ask("peers"),
      node!.history(),
    ]);
    const namesOf = (list: readonly ShownEvent[]) => list.map(({ name }) => name as string).sort();
    const history = messages.map(({ text }: ShownEvent) => text as string);
    return { peers: namesOf(peers), removed: namesOf(removed), history: history as string[] };
  }

  /** What those who are in, and were all the time, were shown as said. */
  #lost(ins: readonly Actor[], history: readonly string[]): readonly string[] {
    if (history.length >= 10_000) return [];
    const kept = new Set(history);
    const isSure = (by: Actor, text: string) => ins.includes(by) && by.events.some(says(text));
    return [...this.#said].filter(([text, by]) =>
      !this.#accused.has(by) && !kept.has(text) && isSure(by, text)
    ).map(([text]) => `said, and in no history: ${text}`);
  }

  #read(): readonly string[] {
    return [...this.#secrets].flatMap(([out, secrets]) =>
      out.events.filter((event) => isShown(event) && secrets.has(event.text))
        .map(({ text }) => `${out.name} was out, and was shown: ${text}`)
    );
  }
}

function isKicked({ event, code }: ShownEvent): boolean {
  return event === "fatal" && code === "kicked";
}

/** It is told to ask for one: whoever was away when it was removed, and let back, learns of it so. */
function needsInvite({ life }: Actor): boolean {
  return life!.events.some(({ event, text }) =>
    event === "notice" && /start (?:again )?with --invite/.test(text)
  );
}

function says(wanted: string): (event: ShownEvent) => boolean {
  return (event) => isShown(event) && event.text === wanted;
}

/** Only the founder and a deputy may. */
function wronglyRuled({ name, events }: Actor): readonly string[] {
  return events.filter(({ event, by }) =>
    (event === "removed" || event === "allowed") && by !== FOUNDER && by !== DEPUTY
  ).map((event) => `${name} was shown ${JSON.stringify(event)}`);
}

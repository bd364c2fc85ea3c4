/**
 * A coordinator and four members: one log, whoever fails; edits at all or at none. With an engine there are three
 * programs of the coordinator, and three nodes that fail as well.
 */

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
import { ENGINE_HOSTS, shareIdentity, TorturedEngine } from "./engine.ts";
import { eventually, type Tortured } from "./torture.ts";

const COORDINATORS = ["Coord", "Coor2", "Coor3"] as const;
const NAMES = ["Ann", "Ben", "Cem", "Dan"] as const;
const PORT = 25_110;
const SETTLE_MS = 180_000;

interface Entry {
  readonly seq: number;
  readonly from: string;
  readonly text: string;
}

export class TorturedGroup implements Tortured {
  readonly troubles: Readonly<Record<string, Trouble>>;
  readonly #common: CommonTroubles;
  readonly #said = new Map<string, Actor>();
  #edits = 0;
  #logs: readonly (readonly Entry[])[] = [];

  private constructor(
    readonly hosts: Hosts,
    readonly engine: TorturedEngine | null,
    /** One, or with an engine three. */
    readonly coordinators: readonly Actor[],
    readonly members: readonly Actor[],
  ) {
    const nodes = engine === null ? [] : ENGINE_HOSTS;
    this.#common = troublesOf([...coordinators, ...members], hosts, nodes);
    this.troubles = {
      ...this.#common.troubles,
      ...engine?.troubles,
      say: { weight: 30, happen: (random) => this.#say(random, 1) },
      burst: { weight: 2, happen: (random) => this.#say(random, 50) },
      edit: { weight: 5, happen: (random) => this.#edit(random) },
      snapshot: { weight: 1, happen: (random) => this.#snapshot(random) },
      garbage: { weight: 2, happen: (random) => this.#garbage(random) },
    };
  }

  static async open(module?: string, isOverEngine = false): Promise<TorturedGroup> {
    await using made = new AsyncDisposableStack();
    const names = isOverEngine ? COORDINATORS : COORDINATORS.slice(0, 1);
    const nodes = isOverEngine ? ENGINE_HOSTS : [];
    const hosts = made.use(await Hosts.open(...names, ...NAMES, ...nodes));
    const engine = isOverEngine ? made.use(await TorturedEngine.open(hosts)) : null;
    const make = async (name: string, words: readonly string[]) =>
      made.use(await Actor.make({ name, hosts, words: () => words, module }));
    const begun = async (actor: Actor) => {
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
    };
    const over = engine === null ? [] : [...engine.flags, "--group", "tortured"];
    const serve = ["serve", "--port", String(PORT), "--edits", "auto", ...over];
    const coordinators: Actor[] = [];
    for (const name of names) coordinators.push(await make(name, serve));
    await begun(coordinators[0]!);
    await shareIdentity("serve", coordinators);
    for (const other of coordinators.slice(1)) await begun(other);
    const server = `${names.map((name) => hosts.address(name)).join(",")}:${PORT}`;
    const members: Actor[] = [];
    for (const name of NAMES) {
      const member = await make(name, ["peer", name, "--server", server]);
      await begun(member);
      members.push(member);
    }
    const world = new TorturedGroup(hosts, engine, coordinators, members);
    made.move();
    return world;
  }

  async settle(): Promise<void> {
    this.engine?.recover();
    await this.#common.recover();
    await eventually("all are in, with one log", SETTLE_MS, async () => {
      for (const actor of this.#actors) actor.start();
      if (!this.members.every(({ life }) => isReady(life))) return false;
      const [{ members }] = [await this.members[0]!.node!.ask("members")];
      if (members.length !== NAMES.length) return false;
      this.#logs = await Promise.all(this.members.map(async ({ node }) => {
        const { entries } = await node!.ask("log", { n: 1_000_000 });
        return entries as readonly Entry[];
      }));
      const [first] = this.#logs.map((log) => JSON.stringify(log));
      return this.#logs.every((log) => JSON.stringify(log) === first);
    });
  }

  broken(): Promise<readonly string[]> {
    const [log = []] = this.#logs;
    return Promise.resolve([
      ...this.#actors.flatMap(({ faults }) => faults),
      ...this.#wrongLog(log),
      ...this.members.flatMap((member) => this.#wronglyShown(member, log)),
    ]);
  }

  figures(): Readonly<Record<string, number>> {
    const outcomes = this.members.flatMap(({ events }) =>
      events.filter(({ event, outcome }) => event === "edit" && outcome === "committed")
    );
    return {
      said: this.#said.size,
      entries: this.#logs[0]?.length ?? 0,
      edits: this.#edits,
      committed: new Set(outcomes.map(({ edit }) => edit)).size,
      processes: this.#actors.reduce((sum, { lives }) => sum + lives.length, 0),
      ...(this.engine === null ? {} : { nodes: this.engine.starts }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.#actors.toReversed()) await actor[Symbol.asyncDispose]();
    await this.engine?.[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
  }

  get #actors(): readonly Actor[] {
    return [...this.coordinators, ...this.members];
  }

  #awake(random: Random): Actor | null {
    const awake = this.members.filter(({ isAwake, life }) => isAwake && isReady(life));
    return awake.length === 0 ? null : random.pick(awake);
  }

  async #say(random: Random, count: number): Promise<void> {
    const by = this.#awake(random);
    for (let at = 0; by !== null && at < count; at++) {
      const text = `${by.name} ${this.#said.size}`;
      this.#said.set(text, by);
      await by.node?.say(text).catch(() => {}); // it may end at any time
    }
  }

  async #edit(random: Random): Promise<void> {
    const by = this.#awake(random);
    const last = by?.events.findLast(({ event }) => event === "message")?.seq;
    if (by === null || last === undefined) return;
    const seq = 1 + random.below(last);
    await by.node?.type(`/edit edited ${this.#edits++} - ${seq}`).catch(() => {});
  }

  async #snapshot(random: Random): Promise<void> {
    const one = random.pick(this.coordinators);
    if (!one.isAwake) return;
    await one.node?.type("/snapshot").catch(() => {});
  }

  async #garbage(random: Random): Promise<void> {
    const from = random.pick(this.members);
    const bytes = random.bytes(1 + random.below(70_000));
    const { name } = random.pick(this.coordinators);
    await sendTcp(this.hosts.within(from.name), this.hosts.address(name), PORT, bytes);
  }

  /** Numbers without gaps; each text once; those of one author in the order typed. */
  #wrongLog(log: readonly Entry[]): readonly string[] {
    const wrong = log.flatMap(({ seq }, at) => seq === at + 1 ? [] : [`entry ${seq} at ${at + 1}`]);
    const seen = new Set<string>();
    const last = new Map<string, number>();
    for (const { text } of log) {
      const author = this.#said.get(text);
      if (author === undefined) continue; // an edit's
      if (seen.has(text)) wrong.push(`an entry twice: ${text}`);
      seen.add(text);
      const number = Number(text.split(" ")[1]);
      if (number < (last.get(author.name) ?? -1)) wrong.push(`an entry too late: ${text}`);
      last.set(author.name, number);
    }
    return wrong;
  }

  /** Each process shows each entry once, in order, and what all have. */
  #wronglyShown(member: Actor, log: readonly Entry[]): readonly string[] {
    const wrong: string[] = [];
    for (const { events } of member.lives) {
      let last = 0;
      for (const { seq, from, text } of events.filter(isEntry)) {
        if (seq <= last) wrong.push(`${member.name} was shown ${seq} after ${last}`);
        last = seq;
        // What was still on its way comes after the logs were compared.
        if (seq > log.length) continue;
        const entry = log[seq - 1];
        const isOurs = entry!.from === from &&
          (entry!.text === text || entry!.text.startsWith("edited ") || text.startsWith("edited "));
        if (!isOurs) wrong.push(`${member.name} was shown as ${seq} what no log has: ${text}`);
      }
    }
    return wrong;
  }
}

function isEntry({ event }: ShownEvent): boolean {
  return event === "message";
}

/**
 * A room of five: M1 to M4, private messages, files, newcomers by words, and the page of one of them, from what the
 * programs show and answer. With a meeting point nobody can dial anybody of the other of two homes.
 */

import type { MeshStatus } from "../../lib/protocols/mesh/schema/events.ts";
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
import { FILES_BYTES_PER_S, TorturedFiles } from "./files.ts";
import { Newcomers, NEWCOMERS_HOST } from "./newcomers.ts";
import { TorturedPage } from "./page.ts";
import { firstShown, isShown, shownTwice } from "./shown.ts";
import { eventually, type Tortured } from "./torture.ts";

const NAMES = ["Ann", "Ben", "Cem", "Dan", "Eve"] as const;
const PORT = 25_107;
/** Those of each home, where there is a meeting point, which is on a host of its own. */
const HOMES = [["Ann", "Ben", "Cem"], ["Dan", "Eve", NEWCOMERS_HOST]] as const;
const POINT = "Point";
/** Whose page is open. */
const READER = "Ben";
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
  /** Links through the meeting point when all had healed. */
  #relayed = 0;
  #rounds = 0;

  private constructor(
    readonly hosts: Hosts,
    readonly actors: readonly Actor[],
    readonly point: Actor | null,
    readonly page: TorturedPage,
    readonly newcomers: Newcomers,
    readonly files: TorturedFiles,
  ) {
    const all = point === null ? actors : [...actors, point];
    this.#common = troublesOf(all, hosts, [NEWCOMERS_HOST]);
    this.troubles = {
      ...this.#common.troubles,
      say: { weight: 25, happen: (random) => this.#say(random, 1) },
      burst: { weight: 2, happen: (random) => this.#say(random, 50) },
      tell: { weight: 6, happen: (random) => this.#tell(random) },
      send: { weight: 6, happen: (random) => this.#send(random) },
      words: { weight: 1, happen: (random) => this.#words(random) },
      reopen: { weight: 1, happen: () => page.reopen() },
      garbage: { weight: 2, happen: (random) => this.#garbage(random) },
      // Another address is of another home, as the hosts' router sees it.
      ...(point === null ? { move: { weight: 1, happen: (random) => this.#move(random) } } : {}),
    };
  }

  static async open(module?: string, hasPoint = false): Promise<TorturedMesh> {
    await using made = new AsyncDisposableStack();
    const others = hasPoint ? [NEWCOMERS_HOST, POINT] : [NEWCOMERS_HOST];
    const hosts = made.use(await Hosts.open(...NAMES, ...others));
    const point = hasPoint ? made.use(await meetingPoint(hosts, module)) : null;
    const meet = hasPoint ? ["--meet", `${hosts.address(POINT)}:${PORT}`] : [];
    let through = [hosts.address(NAMES[0]), String(PORT)];
    const actors: Actor[] = [];
    for (const name of NAMES) {
      await hosts.limit(name, FILES_BYTES_PER_S);
      const page = name === READER ? ["--web"] : [];
      const words = (self: Actor) => {
        // Who was in comes back by itself.
        const place = self.wasReady || name === NAMES[0] ? [] : through;
        const more = [...meet, ...page, ...TorturedFiles.words(self)];
        return ["mesh", name, ...place, "--port", String(PORT), ...more];
      };
      const actor = made.use(await Actor.make({ name, hosts, words, module }));
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
      if (hasPoint && name === NAMES[0]) through = await invited(actor);
      actors.push(actor);
    }
    const reader = actors.find(({ name }) => name === READER)!;
    const page = made.use(await TorturedPage.open(reader, hosts));
    const newcomers = made.use(
      new Newcomers(hosts, ({ name }) => {
        return hasPoint ? meet : [hosts.address(name), String(PORT)];
      }),
    );
    const files = made.use(new TorturedFiles(actors));
    const world = new TorturedMesh(hosts, actors, point, page, newcomers, files);
    made.move();
    return world;
  }

  async settle(): Promise<void> {
    for (const { name } of this.actors) await this.hosts.move(name, 2);
    await this.#common.recover();
    this.point?.start();
    await this.newcomers.leave();
    await eventually("all are registered", SETTLE_MS, () => this.#areRegistered());
    await eventually("all see all, and have one history", SETTLE_MS, () => this.#isOne());
    await eventually("no private message waits", SETTLE_MS, async () => {
      const all = await Promise.all(this.actors.map(({ node }) => node!.ask("status")));
      const waiting = all.flatMap(({ waiting }, at) =>
        waiting.map(({ name, messages }: Waiting) => `${messages} of ${NAMES[at]}'s to ${name}`)
      );
      if (waiting.length > 0) throw new Error(waiting.join(", "));
      return true;
    });
    await this.files.settle();
    await eventually("the page shows all", SETTLE_MS, () => this.page.isUpToDate);
  }

  async broken(): Promise<readonly string[]> {
    const histories = await Promise.all(
      this.actors.map(async ({ node }) => await node?.history() as readonly ShownEvent[]),
    );
    return [
      ...this.#all.flatMap(({ faults }) => faults),
      ...this.#all.flatMap((actor) => endedByItself(actor)),
      ...this.#notInHistory(histories[0] ?? []),
      ...this.actors.flatMap((actor) => this.#wronglyShown(actor)),
      ...this.page.broken,
      ...await this.files.broken(),
      ...(this.point !== null && this.#relayed === 0 ? ["no link is relayed"] : []),
      ...this.newcomers.broken,
    ];
  }

  /** A good code, and files that are taken back, while all is well. */
  async peace(): Promise<void> {
    await this.newcomers.comeInPeace(this.actors[this.#rounds++ % this.actors.length]!);
    await this.files.clear();
  }

  figures(): Readonly<Record<string, number>> {
    const lives = this.#all.reduce((sum, { lives }) => sum + lives.length, 0);
    const shown = this.actors.reduce((sum, { events }) => sum + events.filter(isShown).length, 0);
    const own = {
      said: this.#said.size,
      shown,
      processes: lives,
      moves: this.#moves,
      relayed: this.#relayed,
    };
    return { ...own, ...this.files.figures, ...this.newcomers.figures, ...this.page.figures };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.newcomers[Symbol.asyncDispose]();
    await this.page[Symbol.asyncDispose]();
    for (const actor of this.#all) await actor[Symbol.asyncDispose]();
    await this.files[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
  }

  get #all(): readonly Actor[] {
    return this.point === null ? this.actors : [...this.actors, this.point];
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

  async #send(random: Random): Promise<void> {
    const by = this.#speaker(random);
    if (by === null) return;
    const others = this.actors.filter((other) => other !== by);
    await this.files.send(random, by, random.chance(0.5) ? null : random.pick(others));
  }

  async #words(random: Random): Promise<void> {
    const issuer = this.#speaker(random);
    if (issuer !== null) await this.newcomers.come(issuer);
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

  /** At the meeting point, where there is one. */
  #areRegistered(): boolean {
    if (this.point === null) return true;
    return this.actors.every(({ life }) => {
      const last = life?.events.findLast(({ event }) => event === "meeting-point");
      return last?.state === "registered";
    });
  }

  async #isOne(): Promise<boolean> {
    for (const actor of this.actors) {
      actor.start();
      if (!isReady(actor.life)) return false;
    }
    const answers = await Promise.all(this.actors.map(async ({ node }) => {
      const [{ peers }, history] = await Promise.all([node!.ask("peers"), node!.history()]);
      const relayed = peers.filter(({ relayed }: ShownEvent) => relayed).length;
      const ids = history.map(({ id }: ShownEvent) => id).join();
      return { members: peers.length, relayed, ids };
    }));
    const isOne = answers.every(({ members, ids }) =>
      members === NAMES.length && ids === answers[0]!.ids
    );
    if (isOne) this.#relayed += answers.reduce((sum, { relayed }) => sum + relayed, 0);
    return isOne;
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
      const { answers: answered = null, to = null } = this.#said.get(text) ?? {};
      // A private answer waits 10 seconds for what it answers: hosts that are slow or parted take longer.
      if (to === null && answered !== null && (places.get(answered) ?? -1) > place) {
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

async function meetingPoint(hosts: Hosts, module: string | undefined): Promise<Actor> {
  for (const one of HOMES[0]) {
    for (const other of HOMES[1]) {
      await hosts.drop(one, other, { protocol: "tcp" });
      await hosts.drop(other, one, { protocol: "tcp" });
    }
  }
  const words = () => ["regserver", "--meeting-point", "--port", String(PORT), "--stay"];
  const point = await Actor.make({ name: POINT, hosts, words, module });
  point.start();
  await point.node!.until(({ event }) => event === "ready");
  return point;
}

/** How others join at a member that is met elsewhere. */
async function invited({ node }: Actor): Promise<string[]> {
  await node!.until(({ event, state }) => event === "meeting-point" && state === "registered");
  return ["--invite", (await node!.ask("invite")).invite];
}

/**
 * Newcomers by words: of two with one code at most one comes in, whatever happens, and exactly one where nothing does;
 * the other one is told why not.
 */

import type { Hosts } from "../e2e/hosts.ts";
import { Node, type ShownEvent } from "../e2e/node.ts";
import { type Actor, after } from "./actors.ts";

/** The host of all newcomers. */
export const NEWCOMERS_HOST = "New";
/** That somebody is waited for who issues a code. */
const WORDS_MS = 5_000;
/** A guess takes 10 s at most, and so does what follows it at each address. */
const END_MS = 60_000;
/** Why somebody isn't let in, if nothing is wrong with the program. */
const REFUSALS = ["bad-credentials", "unreachable", "timeout", "protocol", "too-fast", "full"];

function isTooFast({ events }: Node): boolean {
  return events.at(-1)?.code === "too-fast";
}

export class Newcomers implements AsyncDisposable {
  /** Each with a code of its own. */
  #pairs: (readonly Node[])[] = [];
  #starts = 0;
  #ins = 0;
  readonly #wrong: string[] = [];

  /** @param words What each is started with beside name and code. */
  constructor(readonly hosts: Hosts, readonly words: (issuer: Actor) => readonly string[]) {}

  get figures(): Readonly<Record<string, number>> {
    return { newcomers: this.#starts, "in by words": this.#ins };
  }

  get broken(): readonly string[] {
    return this.#wrong;
  }

  /** Two come with one code of this member, who may be in trouble. */
  async come(issuer: Actor): Promise<void> {
    const words = await this.#wordsOf(issuer);
    if (words === null) return;
    this.#pairs.push([1, 2].map(() => this.#start(issuer, words)));
  }

  /** Waits until each is in or was refused; those who are in leave. */
  async leave(): Promise<void> {
    for (const pair of this.#pairs) {
      const ins = await Promise.all(pair.map((node) => this.#isIn(node)));
      const count = ins.filter((isIn) => isIn).length;
      this.#ins += count;
      if (count > 1) this.#wrong.push("two came in with one code");
      await Promise.all(pair.map((node) => this.#leaves(node)));
    }
    this.#pairs = [];
  }

  /** As `come` and `leave`, where nobody is in trouble. */
  async comeInPeace(issuer: Actor): Promise<void> {
    const before = this.#ins;
    await this.come(issuer);
    const [pair = []] = this.#pairs;
    await this.leave();
    // From one address a member takes five guesses, and then one a minute.
    if (this.#ins === before + 1 || pair.some(isTooFast)) return;
    const ends = pair.map(({ events }) => JSON.stringify(events.at(-1)));
    this.#wrong.push(`nobody came in with a good code of ${issuer.name}: ${ends}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#pairs.flat()) await node[Symbol.asyncDispose]();
  }

  async #wordsOf({ node }: Actor): Promise<string | null> {
    const ref = `words-${this.#starts}`;
    const isAnswer = (event: ShownEvent) => event.ref === ref && event.event !== "notice";
    try {
      await node!.command({ command: "invite", words: true, ref });
      return (await node!.until(isAnswer, WORDS_MS)).words ?? null;
    } catch {
      return null; // it has ended
    }
  }

  #start(issuer: Actor, words: string): Node {
    const name = `New${this.#starts++}`;
    const args = ["mesh", name, "--words", words, ...this.words(issuer), "--port", "0"];
    return Node.start(args, { within: this.hosts.within(NEWCOMERS_HOST) });
  }

  async #isIn(node: Node): Promise<boolean> {
    const found = await Promise.race([
      node.until(({ event }) => event === "ready" || event === "fatal", END_MS).catch(() => null),
      after(END_MS),
    ]);
    if (found?.event === "ready") return true;
    if (!REFUSALS.includes(found?.code)) {
      this.#wrong.push(
        `a newcomer is neither in nor refused: ${JSON.stringify(found)} ${node.stderr}`,
      );
    }
    return false;
  }

  async #leaves(node: Node): Promise<void> {
    await node.type(":q").catch(() => {}); // it has ended
    await node.ended();
    await node[Symbol.asyncDispose]();
  }
}

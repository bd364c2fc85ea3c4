/**
 * Runs of an issuer among honest guests and attackers, from seeds: wrong guesses in a loop, replays, somebody who stands
 * in the middle and passes on or swaps what comes, two at once, links that break, time that passes.
 */

import { assert, assertEquals } from "@std/assert";
import type { WordsMessage } from "../../lib/protocols/words/messages.ts";
import { CODE_MS, EXCHANGE_MS, OPEN_CODES_MAX } from "../../lib/protocols/words/limits.ts";
import {
  bytesFrom,
  HonestGuesser,
  IssuerWorld,
  numberOf,
  partyOf,
  wrongWords,
} from "../protocols/words/words_world.ts";
import { amount } from "../given.ts";

class Run {
  readonly world: IssuerWorld;
  readonly #random: (length: number) => Uint8Array;
  readonly #guests: { readonly guest: HonestGuesser; readonly code: string; isDone: boolean }[] =
    [];
  /** All that was ever said to the issuer: what a capture of whoever could read the links would hold. */
  readonly #heard: WordsMessage[] = [];
  readonly #openedMs = new Map<string, number>();
  /** Who has the invite, by code. */
  readonly #invited = new Map<string, string>();
  #people = 0;

  constructor(readonly seed: number) {
    this.world = new IssuerWorld(`issuer ${seed}`);
    this.#random = bytesFrom(`run ${seed}`);
  }

  go(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#act();
      this.#check();
    }
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.#below(items.length)];
  }

  #below(count: number): number {
    return count === 0 ? 0 : new DataView(this.#random(4).buffer).getUint32(0) % count;
  }

  #act(): void {
    const { world } = this;
    const code = this.#below(3) === 0 ? this.#pick(world.codes) : world.codes.at(-1);
    switch (this.#below(15)) {
      case 0:
        this.#openedMs.set(world.issue(), world.nowMs);
        return;
      case 1:
      case 7:
        if (code !== undefined) this.#come(code);
        return;
      case 2:
        if (code !== undefined) this.#come(wrongWords(code));
        return;
      case 3:
        return world.pass(this.#pick([1, 1_000, EXCHANGE_MS, CODE_MS / 3])!);
      case 4:
        return this.#replay();
      case 5:
        if (code !== undefined) this.#relay(code);
        return;
      case 6: {
        const coming = this.#pick(this.#guests.filter(({ isDone }) => !isDone));
        if (coming === undefined) return;
        world.cut(coming.guest.link);
        coming.isDone = true;
        return;
      }
      default: {
        const coming = this.#pick(this.#guests.filter(({ isDone }) => !isDone));
        if (coming !== undefined) this.#turn(coming);
      }
    }
  }

  #come(code: string): void {
    const guest = new HonestGuesser(this.world, `guest ${this.seed} ${this.#people++}`, code);
    this.#guests.push({ guest, code, isDone: false });
  }

  #turn(coming: { readonly guest: HonestGuesser; readonly code: string; isDone: boolean }): void {
    const { guest, code } = coming;
    this.#heard.push(...guest.sent);
    guest.turn();
    const { outcome } = guest;
    if (outcome === null) return;
    coming.isDone = true;
    if (outcome.type === "failed") return;
    assertEquals(outcome.issuer, this.world.self.key);
    const startedMs = this.#openedMs.get(code);
    assert(startedMs !== undefined, `seed ${this.seed}: an invite for words that nobody was given`);
    assert(!this.#invited.has(code), `seed ${this.seed}: an invite twice for one code`);
    // The exchange itself may take its time beyond the code's.
    assert(this.world.nowMs - startedMs <= CODE_MS + EXCHANGE_MS, `seed ${this.seed}: too late`);
    this.#invited.set(code, guest.self.key);
  }

  /** What others have said, on a link of one's own. */
  #replay(): void {
    const { world } = this;
    const link = world.linked(partyOf(`replayer ${this.#people++}`), this.#random(32));
    for (let count = 0; count < 3; count++) {
      const message = this.#pick(this.#heard);
      if (message !== undefined) world.heard(link, message);
    }
    assert(
      !world.said.get(link)!.some(({ type }) => type === "invite"),
      `seed ${this.seed}: an invite for a replay`,
    );
    world.cut(link);
  }

  /**
   * Stands between a guest and the issuer, as each other's end of a link: passes on what both say, or swaps a share for
   * one of its own.
   */
  #relay(code: string): void {
    const { world } = this;
    const mallory = partyOf(`mallory ${this.#people++}`);
    const link = world.linked(mallory, this.#random(32));
    const guest = new HonestGuesser(world, `relayed ${this.seed} ${this.#people++}`, code);
    const swaps = this.#below(3) === 0;
    const own = new HonestGuesser(world, `own ${this.#people++}`, wrongWords(code)).sent[0]!;
    let passed = 0;
    for (let turn = 0; turn < 3; turn++) {
      const [message] = guest.sent.splice(0);
      if (message === undefined) break;
      world.heard(link, swaps && message.type === "guess" && own.type === "guess" ? own : message);
      for (const each of world.said.get(link)!.slice(passed)) {
        passed++;
        assert(each.type !== "invite", `seed ${this.seed}: the invite went to who only relayed`);
        guest.told(each);
      }
    }
    assert(guest.outcome?.type !== "invited", `seed ${this.seed}: a relayed invite counted`);
    world.cut(link);
    world.cut(guest.link);
  }

  #check(): void {
    const { world } = this;
    assert(world.numbers.length <= OPEN_CODES_MAX);
    const ends = world.ended.filter(({ end }) => end !== "late").map(({ number }) => number);
    for (const number of world.numbers) {
      const open = world.codes.findLast((code) => numberOf(code) === number)!;
      assert(world.nowMs - this.#openedMs.get(open)! < CODE_MS, `seed ${this.seed}: still open`);
    }
    const used = world.ended.filter(({ end }) => end === "used");
    assert(used.length >= this.#invited.size, `seed ${this.seed}: an invite without a notice`);
    assert(ends.length <= world.codes.length, `seed ${this.seed}: a code that ended twice`);
    for (const said of world.said.values()) {
      assert(said.filter(({ type }) => type === "invite").length <= 1);
    }
    const answers = [...world.said.values()].filter((said) => said[0]?.type === "answer").length;
    assert(answers <= world.codes.length, `seed ${this.seed}: two guesses at one code`);
  }

  get invited(): number {
    return this.#invited.size;
  }
}

Deno.test("words: one guess for each code, and the invite for nobody who doesn't know them", () => {
  let invited = 0;
  for (let seed = 1; seed <= amount(12, 400); seed++) {
    const run = new Run(seed);
    run.go(60);
    invited += run.invited;
  }
  assert(invited > 3, `only ${invited} guests came in: the runs test too little`);
});

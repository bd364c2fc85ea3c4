/** The directory's accounts, as its host stores them: they survive every process, and can be restored. */

import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import type { FoldedName } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type {
  Account,
  AccountAnswer,
  AccountQuestion,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import { LOCK_OUT_MS, WRONG_MAX } from "../../../lib/protocols/directory/schema/limits.ts";
import type { VirtualTime } from "../virtual_time.ts";
import { Violation } from "./violation.ts";

interface Kept extends Account {
  readonly password: string;
}

/** A copy of all accounts. */
export type AccountsImage = ReadonlyMap<FoldedName, Kept>;

/** An answer may be based on a state up to this old. */
const ANSWERED_MS_MAX = 2_000;

export class Accounts {
  #kept = new Map<FoldedName, Kept>();
  #versions = 0;
  /** Whether the disk is full. */
  refuses = false;
  /** Devices whose password was right, and which the disk refused to remember: by the account's version, and key. */
  readonly #unremembered = new Set<string>();
  /** When the account of a name last changed: it was created, removed, restored, or got other devices. */
  readonly #changedAtMs = new Map<FoldedName, number>();
  #stall = { fromMs: 0, untilMs: -Infinity };
  /** By address and name: the times of wrong passwords since the last right one. */
  readonly #wrongAtMs = new Map<string, number[]>();

  constructor(readonly time: VirtualTime) {}

  get size(): number {
    return this.#kept.size;
  }

  has(name: string): boolean {
    return this.#kept.has(foldName(name));
  }

  get names(): readonly string[] {
    return [...this.#kept.values()].map(({ name }) => name);
  }

  passwordOf(name: string): string | null {
    return this.#kept.get(foldName(name))?.password ?? null;
  }

  isDevice(name: string, key: Fingerprint): boolean {
    const account = this.#kept.get(foldName(name));
    if (account === undefined) return false;
    return account.keys.includes(key) || this.#unremembered.has(`${account.version} ${key}`);
  }

  /** Whether an answer from before its last change may still be on its way. */
  isUnsettled(name: string): boolean {
    const changedAtMs = this.#changedAtMs.get(foldName(name)) ?? -Infinity;
    const { fromMs, untilMs } = this.#stall;
    const { nowMs } = this.time;
    if (nowMs < changedAtMs + ANSWERED_MS_MAX) return true;
    return nowMs < untilMs + ANSWERED_MS_MAX && changedAtMs > fromMs - ANSWERED_MS_MAX;
  }

  /** The directory gets no answers for this time. */
  stalled(ms: number): void {
    const { nowMs } = this.time;
    const fromMs = nowMs < this.#stall.untilMs ? this.#stall.fromMs : nowMs;
    this.#stall = { fromMs, untilMs: Math.max(this.#stall.untilMs, nowMs + ms) };
  }

  /** The directory's process was restarted, and has forgotten its counts. */
  restarted(): void {
    this.#wrongAtMs.clear();
    this.#unremembered.clear();
  }

  answer(question: AccountQuestion): AccountAnswer {
    if (this.refuses && question.ask !== "find" && question.ask !== "check-password") {
      if (question.ask === "add-key") this.#unremembered.add(`${question.version} ${question.key}`);
      return { outcome: "disk", text: "the disk is full" };
    }
    const folded = foldName(question.name);
    const account = this.#kept.get(folded);
    if (question.ask === "sign-up") {
      if (account !== undefined) return { outcome: "name-taken" };
      const { name, password, key } = question;
      return this.#keep({ name, password, keys: [key], version: this.#version() });
    }
    if (question.ask === "check-password") this.#counts(question, account);
    if (account === undefined) return { outcome: "wrong" };
    switch (question.ask) {
      case "find":
        return { outcome: "ok", account };
      case "check-password":
        return account.password === question.password
          ? { outcome: "ok", account }
          : { outcome: "wrong" };
      case "add-key":
        if (account.version !== question.version) return { outcome: "wrong" };
        return this.#keep({ ...account, keys: [...account.keys, question.key] });
      case "set-password": {
        if (account.version !== question.version) return { outcome: "wrong" };
        const { password, key } = question;
        return this.#keep({ ...account, password, keys: [key], version: this.#version() });
      }
      case "remove":
        if (account.version !== question.version) return { outcome: "wrong" };
        this.remove(account.name);
        return { outcome: "ok", account };
    }
  }

  /** Counts wrong passwords. @throws {Violation} If more are tried than the directory may allow. */
  #counts(
    { name, password, address }: Extract<AccountQuestion, { readonly ask: "check-password" }>,
    account: Kept | undefined,
  ): void {
    const pair = `${address} ${foldName(name)}`;
    if (account?.password === password) return void this.#wrongAtMs.delete(pair);
    const { nowMs } = this.time;
    const before = this.#wrongAtMs.get(pair) ?? [];
    // A fast clock runs up to one percent too fast.
    const recent = before.filter((atMs) => atMs + 0.98 * LOCK_OUT_MS > nowMs);
    if (recent.length >= WRONG_MAX) throw new Violation(`${name}'s password is guessed at`);
    this.#wrongAtMs.set(pair, [...recent, nowMs]);
  }

  // The operator, by another program.

  remove(name: string): void {
    this.#kept.delete(foldName(name));
    this.#changed(name);
  }

  setPassword(name: string, password: string): void {
    const account = this.#kept.get(foldName(name));
    if (account === undefined) return;
    this.#keep({ ...account, password, keys: [], version: this.#version() });
  }

  image(): AccountsImage {
    return new Map(this.#kept);
  }

  restore(image: AccountsImage): void {
    for (const name of [...this.#kept.keys(), ...image.keys()]) this.#changed(name);
    this.#kept = new Map(image);
  }

  #changed(name: string): void {
    this.#changedAtMs.set(foldName(name), this.time.nowMs);
  }

  #version(): string {
    return String(++this.#versions);
  }

  #keep(account: Kept): AccountAnswer {
    this.#kept.set(foldName(account.name), account);
    this.#changed(account.name);
    return { outcome: "ok", account };
  }
}

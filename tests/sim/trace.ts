/**
 * The trace of a run: a hash of all events, which is the same for two runs of a seed, and the last events, which
 * are formatted only when somebody reads them.
 */

const KEPT = 512;

/** Describes the detail of an event; called only for lines that are printed. */
export type Describe = (detail: unknown) => string;

export class Trace {
  /** Events so far. */
  count = 0;
  #low = 0x811c9dc5;
  #high = 0x01000193;
  readonly #times = new Float64Array(KEPT);
  readonly #who: string[] = new Array<string>(KEPT).fill("");
  readonly #kinds: string[] = new Array<string>(KEPT).fill("");
  readonly #details: unknown[] = new Array<unknown>(KEPT).fill(null);

  /** @param print Called with every line at once; null keeps the last events for `tail`. */
  constructor(
    readonly describe: Describe,
    readonly print: ((line: string) => void) | null = null,
  ) {}

  /**
   * Adds an event.
   * @param digest A number that differs when the detail does, such as a size or an index.
   * @param detail Kept, unformatted, until its line is printed or 512 later events have come.
   */
  note(atMs: number, who: string, kind: string, digest: number, detail: unknown): void {
    this.#mix(Math.floor(atMs * 1_000) | 0);
    this.#mix(digest | 0);
    for (let at = 0; at < kind.length; at++) this.#mix(kind.charCodeAt(at));
    for (let at = 0; at < who.length; at++) this.#mix(who.charCodeAt(at));
    const slot = this.count++ % KEPT;
    this.#times[slot] = atMs;
    this.#who[slot] = who;
    this.#kinds[slot] = kind;
    this.#details[slot] = detail;
    if (this.print !== null) this.print(this.#line(slot));
  }

  /** A hash of all events: 16 hexadecimal digits. */
  hash(): string {
    const part = (word: number) => (word >>> 0).toString(16).padStart(8, "0");
    return part(this.#low) + part(this.#high);
  }

  /** The last lines, at most `lines`, and at most 512. */
  tail(lines: number): string[] {
    const from = Math.max(0, this.count - Math.min(lines, KEPT));
    return Array.from({ length: this.count - from }, (_, n) => this.#line((from + n) % KEPT));
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193) ^ (this.#low >>> 15);
    this.#high = Math.imul(this.#high + word, 0x85ebca6b) ^ (this.#high >>> 13);
  }

  #line(slot: number): string {
    const seconds = (this.#times[slot]! / 1_000).toFixed(6).padStart(12);
    const detail = this.#details[slot];
    const words = detail === null ? "" : ` ${this.describe(detail)}`;
    return `${seconds} ${this.#who[slot]!.padEnd(6)} ${this.#kinds[slot]!.padEnd(12)}${words}`;
  }
}

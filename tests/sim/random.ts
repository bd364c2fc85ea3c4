/** Seeded random numbers: all randomness of a simulation comes from here, so that a seed determines the run. */

/** sfc32 (Doty-Humphrey, PractRand): 128 bits of state, a few operations a number. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = 0x2545f491;
    for (let round = 0; round < 12; round++) this.bits();
  }

  /** 32 random bits, as an unsigned number. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  readonly next = (): number => this.bits() / 2 ** 32;

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** A number in [`low`, `high`). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** An exponentially distributed number with this mean: the time between random events. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** One of `items`, which isn't empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** A new array of the items in a random order (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
    }
    return shuffled;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.bits();
    return bytes;
  }

  /** An independent generator, so that further draws in one place change nothing in another. */
  fork(): Random {
    return new Random(this.bits() * 2 ** 21 + (this.bits() & 0x1fffff));
  }
}

/** Which colour each name has: those of people who are present differ, as long as there are enough. */

/**
 * The terminal's own cyan, green, blue and bright blue, which fit its background; its bright cyan and green don't fit a
 * light one. Red and yellow are for problems, magenta is for private messages.
 */
const COLOURS = [36, 32, 34, 94].map((code) => `\x1b[${code}m`);
/**
 * With 256 colours there are some more: orange, violet, olive, teal, pink, brown, steel, moss, slate, plum. Each is
 * legible on white and on black.
 */
const MORE_COLOURS = [166, 99, 101, 30, 168, 137, 67, 64, 61, 95].map((code) =>
  `\x1b[38;5;${code}m`
);

/** The most names whose colour is remembered: more than anybody tells apart. */
const NAMES_MAX = 512;

/** Gives colours out in the order in which names are first shown. A name keeps its colour while it is remembered. */
export class NameColours {
  readonly #colours: readonly string[];
  readonly #byName = new Map<string, number>();

  /** @param present Who is present: asked only for a name without a colour while no colour is left. */
  constructor(has256: boolean, readonly present: () => readonly string[]) {
    this.#colours = has256 ? [...COLOURS, ...MORE_COLOURS] : COLOURS;
  }

  /** The escape sequence that switches the colour on. */
  codeOf(name: string): string {
    let colour = this.#byName.get(name);
    if (colour === undefined) {
      colour = this.#free();
      this.#byName.set(name, colour);
      if (this.#byName.size > NAMES_MAX) this.#byName.delete(this.#byName.keys().next().value!);
    }
    return this.#colours[colour]!;
  }

  /** The first colour that nobody has, or nobody who is present; else the one that fewest of them have. */
  #free(): number {
    const counts = this.#colours.map(() => 0);
    const { size } = this.#byName;
    const isPresent = size < counts.length ? null : new Set(this.present());
    for (const [name, colour] of this.#byName) {
      if (isPresent === null || isPresent.has(name)) counts[colour]! += 1;
    }
    return counts.indexOf(Math.min(...counts));
  }
}

/**
 * What was typed at the terminals of a profile, for the keys that recall it, in a table that `cat` shows:
 *
 *     b1c37e02  p2pchat  typed  1
 *     5f0e1a77  are you coming?
 *     90cc31d8  end      1      3f5ce211
 *
 * Whoever adds lines leaves out what others must not find there (`CommandTable.mayBeKept`). Several programs may use
 * the profile at once: each adds its lines to those that the file has by then.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { Disk, DiskLock } from "../../store/disk/disk.ts";
import { Table } from "../../store/disk/table.ts";
import type { KeptLines } from "../rendering/user_interface.ts";

const FORMAT = { format: "typed", version: 1 } as const;

/** The most lines: what the line editor holds, too. */
const LINES_MAX = 1_000;
/** A longer line, in UTF-16 units, is a pasted text, which nobody looks for there. */
const LINE_UNITS_MAX = 2_048;
/** All lines together: the file is read at each start, and written anew within a millisecond. */
const UNITS_MAX = 131_072;

/** A line is written so long after it was typed, together with those that follow it: one sync for all of them. */
const WRITE_AFTER_MS = 2_000;

/** The file of a profile, or of a server, in `folder`. */
export function typedLinesPath(folder: string): string {
  return `${folder}/typed`;
}

type TakeTurn = () => Promise<Pick<DiskLock, "release">>;

export class TypedLines implements KeptLines {
  readonly lines: readonly string[];
  /** At most `LINES_MAX`. */
  #unwritten: string[] = [];
  #writing: Promise<void> | null = null;
  #hurry: () => void = () => {};
  #isSettling = false;
  #hasFailed = false;

  private constructor(
    readonly disk: Disk,
    readonly path: string,
    readonly takeTurn: TakeTurn,
    readonly warn: (text: string) => void,
    lines: readonly string[],
  ) {
    this.lines = lines;
  }

  /**
   * Reads the lines. What can't be read is told by `warn`: no program stays away for want of them.
   * @param takeTurn Takes the turn of the only program that writes the file now.
   */
  static async open(
    disk: Disk,
    path: string,
    takeTurn: TakeTurn,
    warn: (text: string) => void,
  ): Promise<TypedLines> {
    try {
      return new TypedLines(disk, path, takeTurn, warn, await read(disk, path));
    } catch (error) {
      const typed = new TypedLines(disk, path, takeTurn, warn, []);
      typed.#fail(error);
      return typed;
    }
  }

  add(line: string): void {
    if (this.#hasFailed || line.length > LINE_UNITS_MAX) return;
    this.#unwritten.push(line);
    if (this.#unwritten.length > LINES_MAX) this.#unwritten.shift();
    this.#writing ??= this.#write().finally(() => this.#writing = null);
  }

  /** Writes what isn't written yet; resolves when that is done, or was told to have failed. */
  async settled(): Promise<void> {
    this.#isSettling = true;
    this.#hurry();
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#unwritten.length > 0 && !this.#hasFailed) {
      await this.#pause();
      const lines = this.#unwritten;
      this.#unwritten = [];
      try {
        const turn = await this.takeTurn();
        try {
          const { table, rows } = await Table.open(this.disk, this.path, FORMAT);
          const all = bounded([...linesOf(rows), ...lines]);
          await table.write(all.map((line) => [line]));
        } finally {
          turn.release();
        }
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #pause(): Promise<void> {
    if (this.#isSettling) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, WRITE_AFTER_MS);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #fail(error: unknown): void {
    if (!(error instanceof P2pchatError)) throw error;
    this.#hasFailed = true;
    this.warn(`What you type isn't kept for the next start: ${error.message}`);
  }
}

async function read(disk: Disk, path: string): Promise<readonly string[]> {
  const { rows } = await Table.open(disk, path, FORMAT);
  return bounded(linesOf(rows));
}

function linesOf(rows: readonly (readonly string[])[] | null): readonly string[] {
  return (rows ?? []).map(([line]) => line!);
}

/** The newest lines that may be kept, none twice in a row. */
function bounded(lines: readonly string[]): readonly string[] {
  const kept = lines.filter((line, index) => line !== lines[index - 1]).slice(-LINES_MAX);
  let units = 0;
  const from = kept.findLastIndex((line) => (units += line.length) > UNITS_MAX) + 1;
  return kept.slice(from);
}

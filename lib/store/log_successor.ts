/** A new file that takes a log's place: after a rewrite, or after a failed sync. */

import { type AppendFile, type Disk, diskError } from "./disk.ts";
import type { FileFormat } from "./format_header.ts";
import { addRecords, type Batch } from "./log_batch.ts";
import { headerContent, type LogRecord, numberedContent, recordContent } from "./log_format.ts";
import { LineBuffer } from "./record_line.ts";
import { Replacement } from "./replacement.ts";

/** How much a rewrite writes before it lets others have their turn: some ms of work. */
const PIECE_BYTES = 256 * 1024;

export class LogSuccessor {
  readonly #lines = new LineBuffer();
  #bytes = 0;
  #count = 0;

  private constructor(
    readonly path: string,
    readonly replacement: Replacement,
  ) {}

  /** Begins a file beside the log at `path`, under its name with `suffix`. */
  static async begin(disk: Disk, path: string, suffix: string): Promise<LogSuccessor> {
    return new LogSuccessor(path, await Replacement.begin(disk, path, suffix));
  }

  /** Bytes and records that it has. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Writes header and records, in pieces between which others have their turn.
   * @throws {P2pchatError} `disk`; the file is abandoned then.
   */
  async write(format: FileFormat, records: Iterable<LogRecord>): Promise<void> {
    const lines = this.#lines;
    try {
      lines.add(headerContent(format));
      for (const record of records) {
        const syncedAbove = lines.length === 0;
        lines.add(numberedContent(++this.#count, syncedAbove, recordContent(record)));
        if (lines.length < PIECE_BYTES) continue;
        this.#writeLines();
        await this.replacement.sync();
      }
      this.#writeLines();
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /**
   * Copies the first bytes of the log, which have `count` records, from the open file: its name may be gone.
   * @throws {P2pchatError} `disk`.
   */
  async copy(file: AppendFile, bytes: number, count: number): Promise<void> {
    for await (const chunk of file.readChunks()) {
      if (this.#bytes === bytes) break;
      const piece = chunk.subarray(0, bytes - this.#bytes);
      this.replacement.write(piece);
      this.#bytes += piece.length;
    }
    if (this.#bytes < bytes) {
      throw diskError("read", this.path, new Error("it is shorter than what was synced"));
    }
    this.#count = count;
  }

  /**
   * Adds those of the batches that were written to the log and not refused. They may say that all above
   * them is synced: so it is when this file has the log's name.
   * @throws {P2pchatError} `disk`.
   */
  addBatches(batches: readonly Batch[]): void {
    const written = batches.filter((batch) => batch.state === "written");
    this.#count = addRecords(this.#lines, this.#count, true, written);
    this.#writeLines();
  }

  /** As `Replacement.putInPlace`. */
  putInPlace(): Promise<AppendFile> {
    return this.replacement.putInPlace();
  }

  /** As `Replacement.abandon`. */
  abandon(): Promise<void> {
    return this.replacement.abandon();
  }

  #writeLines(): void {
    this.replacement.write(this.#lines.bytes());
    this.#bytes += this.#lines.length;
    this.#lines.clear();
  }
}

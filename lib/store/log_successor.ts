/** A new file that replaces a log: after a rewrite, or after a failed sync. */

import { type AppendFile, type Disk, diskError } from "./disk.ts";
import type { FileFormat } from "./format_header.ts";
import { addRecords, type Batch } from "./log_batch.ts";
import { headerContent, type LogRecord, numberedContent, recordContent } from "./log_format.ts";
import { LineBuffer } from "./record_line.ts";
import { Replacement } from "./replacement.ts";

/** Bytes that a rewrite writes before it lets other tasks run: some ms of work. */
const PIECE_BYTES = 256 * 1024;

export class LogSuccessor {
  readonly #lines = new LineBuffer();
  #bytes = 0;
  #count = 0;

  private constructor(
    readonly path: string,
    readonly replacement: Replacement,
  ) {}

  /** Begins a file beside the log at `path`, with `suffix` appended to its name. */
  static async begin(disk: Disk, path: string, suffix: string): Promise<LogSuccessor> {
    return new LogSuccessor(path, await Replacement.begin(disk, path, suffix));
  }

  /** Length in bytes; below, number of records. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Writes header and records, in pieces between which other tasks run.
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
   * Copies the first `bytes` of the log, which hold `count` records, from its open file, since its name may be
   * gone.
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
   * Adds the batches that were written to the log and not refused. Their `+` marks, which say that everything above
   * is synced, may be kept: that is true once this file has the log's name.
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

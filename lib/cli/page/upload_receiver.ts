/** Takes the body of a request that brings a file, at the speed of the disk. */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { writeAll } from "../../store/disk/disk.ts";
import type { ByteStream } from "../../transport/byte_stream.ts";
import type { Upload, UploadFolder } from "./upload_folder.ts";

/** Nothing comes from a page that is gone, or a machine that sleeps: it can send the file again. */
const STALLED_MS = 30_000;

/** HTTP statuses, by what went wrong. */
const STATUSES: Readonly<Record<string, number>> = { "too-long": 413, full: 507, disk: 507 };

interface ReceiverParts {
  /** One part of a path. */
  readonly name: string;
  readonly bytes: number;
  readonly clock: Clock;
  readonly stream: ByteStream;
  readonly uploads: UploadFolder;
  /** The file is there, or isn't; called once. `value` is for the page, as JSON. */
  done(status: number, value: Readonly<Record<string, unknown>>): void;
}

export class UploadReceiver {
  #upload: Upload | null = null;
  /** What has come before there is a file. */
  #early: Uint8Array = new Uint8Array();
  #left: number;
  #isDone = false;
  #timer = { cancel() {} };

  constructor(readonly parts: ReceiverParts) {
    this.#left = parts.bytes;
  }

  /** @param early What has come already. */
  async begin(early: Uint8Array): Promise<void> {
    const { stream, uploads, name, bytes } = this.parts;
    this.#early = early;
    stream.setReading(false);
    try {
      const upload = await uploads.begin(name, bytes);
      if (this.#isDone) return upload.giveUp();
      this.#upload = upload;
      this.received(this.#early);
    } catch (error) {
      this.#fail(error);
    }
    stream.setReading(true);
  }

  received(bytes: Uint8Array): void {
    if (this.#isDone) return;
    if (this.#upload === null) return void (this.#early = concatBytes(this.#early, bytes));
    const part = bytes.subarray(0, this.#left); // what is too much is ignored
    try {
      writeAll(this.#upload.file, part);
    } catch (error) {
      return this.#fail(error);
    }
    this.#left -= part.length;
    if (this.#left > 0) return this.#wait();
    this.#isDone = true;
    this.#timer.cancel();
    this.#upload.file.close();
    const { name, bytes: all } = this.parts;
    this.parts.done(201, { path: this.#upload.file.path, name, bytes: all });
  }

  /** The file won't be there. Idempotent. */
  ended(): void {
    if (!this.#isDone) this.#upload?.giveUp();
    this.#isDone = true;
    this.#timer.cancel();
  }

  #fail(error: unknown): void {
    if (!(error instanceof P2pchatError)) throw error;
    if (this.#isDone) return;
    this.ended();
    const { code, message: text } = error;
    this.parts.done(STATUSES[code] ?? 500, { code, text });
  }

  #wait(): void {
    this.#timer.cancel();
    const { clock } = this.parts;
    this.#timer = clock.at(clock.nowMs() + STALLED_MS, () => {
      this.#fail(new P2pchatError("timeout", "Nothing of the file came for 30 s: send it again"));
    });
  }
}

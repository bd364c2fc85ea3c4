/** Takes the body of a request that brings a file, at the speed of the disk. */

import { P2pchatError } from "../../base/errors.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { ByteStream } from "../../transport/byte_stream.ts";
import type { Upload, UploadFolder } from "./upload_folder.ts";

/** Nothing comes from a page that is gone, or a machine that sleeps: it can send the file again. */
const STALLED_MS = 30_000;

/** HTTP statuses, by what went wrong. */
const STATUSES: Readonly<Record<string, number>> = { "too-long": 413, full: 507, disk: 507 };

interface ReceiverPorts {
  readonly clock: Clock;
  readonly stream: ByteStream;
  /** The file is there, or isn't; called once. `value` is for the page, as JSON. */
  done(status: number, value: Readonly<Record<string, unknown>>): void;
}

export class UploadReceiver {
  readonly #ports: ReceiverPorts;
  readonly #name: string;
  readonly #bytes: number;
  #upload: Upload | null = null;
  /** What has come before there is a file. */
  #early: Uint8Array[] = [];
  #isDone = false;
  #timer: { cancel(): void } | null = null;

  constructor(name: string, bytes: number, ports: ReceiverPorts) {
    this.#ports = ports;
    this.#name = name;
    this.#bytes = bytes;
  }

  async begin(folder: UploadFolder): Promise<void> {
    this.#ports.stream.setReading(false);
    try {
      const upload = await folder.begin(this.#name, this.#bytes);
      if (this.#isDone) return upload.giveUp();
      this.#upload = upload;
      for (const bytes of this.#early.splice(0)) upload.write(bytes);
      if (!this.#isDone && upload.isWhole) this.#succeed(upload);
    } catch (error) {
      this.#fail(error);
    }
    this.#ports.stream.setReading(true);
    this.#wait();
  }

  received(bytes: Uint8Array): void {
    if (this.#isDone) return;
    if (this.#upload === null) return void this.#early.push(bytes.slice());
    try {
      this.#upload.write(bytes);
    } catch (error) {
      return this.#fail(error);
    }
    if (this.#upload.isWhole) this.#succeed(this.#upload);
    else this.#wait();
  }

  /** The page is gone. */
  ended(): void {
    this.#giveUp();
  }

  #succeed(upload: Upload): void {
    upload.close();
    this.#end();
    this.#ports.done(201, { path: upload.path, name: this.#name, bytes: this.#bytes });
  }

  #fail(error: unknown): void {
    if (!(error instanceof P2pchatError)) throw error;
    if (!this.#giveUp()) return;
    const { code, message: text } = error;
    this.#ports.done(STATUSES[code] ?? 500, { code, text });
  }

  /** @returns Whether it wasn't done before. */
  #giveUp(): boolean {
    if (this.#isDone) return false;
    this.#upload?.giveUp();
    this.#end();
    return true;
  }

  #end(): void {
    this.#isDone = true;
    this.#early = [];
    this.#timer?.cancel();
  }

  #wait(): void {
    this.#timer?.cancel();
    if (this.#isDone) return;
    const { clock } = this.#ports;
    this.#timer = clock.at(clock.nowMs() + STALLED_MS, () => {
      this.#fail(new P2pchatError("timeout", "Nothing of the file came for 30 s: send it again"));
    });
  }
}

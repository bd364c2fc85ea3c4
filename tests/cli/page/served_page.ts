/** The page's server over streams in memory, in virtual time. */

import { brotliCompressSync } from "node:zlib";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { type Begun, OpenQuestions } from "../../../lib/cli/commands/open_questions.ts";
import { askedBy } from "../../../lib/cli/commands/question_kinds.ts";
import type { DoorEvent, DoorHost } from "../../../lib/cli/doors/door.ts";
import type { DoorCommand } from "../../../lib/cli/doors/door.ts";
import { PageServer } from "../../../lib/cli/page/page_server.ts";
import { UploadFolder } from "../../../lib/cli/page/upload_folder.ts";
import type {
  ByteStream,
  ByteStreamEvents,
  StreamNetwork,
} from "../../../lib/transport/byte_stream.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";
import { MODE } from "../echo_room.ts";
import { PageVisitor, TOKEN } from "./page_visitor.ts";

const PORT = 55_108;
const HI = brotliCompressSync("<p>hi").toBase64();

/** The server's end of a connection; the visitor reads at once, unless it is stuck. */
class MemoryStream implements ByteStream {
  readonly remote = { host: "127.0.0.1", port: 1 };
  readonly localHost = "127.0.0.1";
  readonly visitor = new PageVisitor({ write: (bytes) => this.#toServer(bytes) }, PORT);
  isStuck = false;
  isReading = true;
  isAborted = false;
  #events: ByteStreamEvents | null = null;
  #held: Uint8Array[] = [];
  #unread: Uint8Array[] = [];

  constructor(readonly later: (task: () => void) => void) {}

  handle(events: ByteStreamEvents): void {
    this.#events = events;
  }

  write(bytes: Uint8Array): void {
    this.later(() => {
      if (this.isStuck) return void this.#unread.push(bytes);
      this.visitor.received(bytes);
      if (!this.isAborted) this.#events?.written();
    });
  }

  /** The visitor reads again. */
  unstick(): void {
    this.isStuck = false;
    for (const bytes of this.#unread.splice(0)) this.write(bytes);
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
    if (reading) this.later(() => this.#deliver());
  }

  finish(): void {
    this.later(() => this.visitor.hasEnded = true);
  }

  abort(): void {
    this.isAborted = true;
    this.visitor.hasEnded = true;
  }

  /** The visitor is gone. */
  hangUp(): void {
    this.later(() => this.#events?.ended("gone"));
  }

  #toServer(bytes: Uint8Array): void {
    this.#held.push(bytes.slice());
    this.later(() => this.#deliver());
  }

  #deliver(): void {
    while (this.isReading && !this.isAborted && this.#held.length > 0) {
      this.#events?.received(this.#held.shift()!);
    }
  }
}

interface Asked {
  readonly command: DoorCommand;
  readonly ref: string;
  readonly begun: Begun | undefined;
}

export class ServedPage {
  readonly clock = new VirtualClock();
  readonly disk = new MemoryDisk();
  readonly server: PageServer;
  readonly asked: Asked[] = [];
  readonly events: DoorEvent[] = [];
  /** From that number on all events are kept. */
  wholeFrom = 1;
  lastId = 0;
  names = ["Bob"];
  readonly questions = new OpenQuestions();
  /** What can't be removed. */
  readonly failures: string[] = [];
  #accept: (stream: ByteStream) => void = () => {};
  readonly #tasks: (() => void)[] = [];
  #secrets = 0;

  constructor() {
    const wholeFrom = () => this.wholeFrom;
    const lastId = () => this.lastId;
    const network: StreamNetwork = {
      local: { host: "127.0.0.1", port: PORT },
      connect: () => ({ missing: "", cancel() {} }),
      accept: (accepted) => this.#accept = accepted,
      stopListening: () => Promise.resolve(),
      allClosed: () => Promise.resolve(),
    };
    const host: DoorHost = {
      events: this.events,
      get wholeFrom() {
        return wholeFrom();
      },
      get lastId() {
        return lastId();
      },
      after: (id, max) => {
        const last = Math.max(id, Math.min(id + max, this.lastId));
        return { events: this.events.filter((event) => event.id > id && event.id <= last), last };
      },
      run: (command, ref, begun) => void this.asked.push({ command, ref, begun }),
      ready: () => null,
      questions: this.questions,
      askedBy: (question) =>
        this.events.findLast(({ fields }) => askedBy(fields)?.id === question)?.id ?? null,
      commands: MODE.commands,
      names: () => this.names,
      prompt: () => ({ text: "Alice", self: "Alice" }),
      pausedBecause: null,
      failed(reason) {
        throw new P2pchatError("internal", reason);
      },
    };
    this.server = new PageServer({
      ...{ network, host, clock: this.clock, token: TOKEN, mode: "mesh", version: "1.2.3" },
      comesBack: true,
      assets: new Map([["index.html", { type: "text/html; charset=utf-8", brotli: HI }]]),
      uploads: new UploadFolder(this.disk, {
        above: "/p/uploads",
        run: "run",
        failed: ({ message }) => this.failures.push(message),
      }),
      secret: () => `s${++this.#secrets}`.padEnd(43, "x"),
    });
  }

  connect(): MemoryStream {
    const stream = new MemoryStream((task) => void this.#tasks.push(task));
    this.#accept(stream);
    return stream;
  }

  /** Lets everything happen that waits for nothing but its turn. */
  run(): void {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task();
  }

  /** As `run`, with what waits for the disk. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      this.run();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Something happens that the door is shown. */
  show(fields: Readonly<Record<string, unknown>>): void {
    const event = { id: ++this.lastId, fields: { event: "message", ...fields }, lines: [] };
    this.events.push(event);
    this.server.shown();
    this.run();
  }

  /** A connection that has upgraded, and been challenged. */
  challenged(): MemoryStream {
    const stream = this.connect();
    stream.visitor.upgrade();
    this.run();
    stream.visitor.hello();
    this.run();
    return stream;
  }

  /** A window that is in. */
  window(id: string, more: Readonly<Record<string, unknown>> = {}): MemoryStream {
    const stream = this.challenged();
    stream.visitor.logIn(id, more);
    this.run();
    return stream;
  }
}

/**
 * Serves the page on the loopback address: a door with several windows, all of which show the same. Whoever can't prove to
 * have the token takes little, and for a short time.
 */

import type { Clock } from "../../base/machine/clock.ts";
import type { ByteStream, StreamNetwork } from "../../transport/byte_stream.ts";
import { helpEvent } from "../args/help_text.ts";
import { wordsFor } from "../commands/foreign_commands.ts";
import type { Door, DoorEvent, DoorHost } from "../doors/door.ts";
import { audienceOf } from "../doors/event_audience.ts";
import { type PageAsset, PageConnection, type PageSite } from "./page_connection.ts";
import { isSameSecret } from "./page_proofs.ts";
import { CLOSED, type PageSocket } from "./page_socket.ts";
import { PageWindow } from "./page_window.ts";
import { type UploadFolder, UPLOADS_BYTES_MAX } from "./upload_folder.ts";
import type { Refusal } from "./window_messages.ts";

/** More windows of one page than anybody looks at: each takes a part of the processor for each event. */
const WINDOWS_MAX = 16;
/** Connections that may be anybody's. With one more the oldest goes: a browser is through within milliseconds. */
const STRANGERS_MAX = 48;

interface ServerParts {
  readonly network: StreamNetwork;
  readonly clock: Clock;
  readonly host: DoorHost;
  readonly token: string;
  /** By name. */
  readonly assets: ReadonlyMap<string, PageAsset>;
  readonly uploads: UploadFolder;
  /** An unpredictable text of 43 characters. */
  readonly secret: () => string;
  readonly mode: string;
  /** The program's. */
  readonly version: string;
  /** Whether the next start serves the page at the same address, as far as it can. */
  readonly comesBack: boolean;
}

export class PageServer implements Door, PageSite {
  readonly port: number;
  readonly clock: Clock;
  readonly uploads: UploadFolder;
  readonly #parts: ServerParts;
  readonly #run: string;
  readonly #welcome: Readonly<Record<string, unknown>>;
  /** In the order in which they came. */
  readonly #strangers = new Set<PageConnection>();
  /** Those that bring a file. */
  readonly #uploading = new Map<PageWindow, PageConnection>();
  /** Those that are in. */
  readonly #windows = new Map<string, PageWindow>();
  #progress: string | null = null;
  /** Each event as JSON, as those see it that haven't asked for it. */
  readonly #texts = new WeakMap<DoorEvent, string>();

  /** Serves from now on. */
  constructor(parts: ServerParts) {
    const { network, clock, uploads, host, mode, version, comesBack, secret } = parts;
    this.#parts = parts;
    this.port = network.local.port;
    this.clock = clock;
    this.uploads = uploads;
    this.#run = secret();
    const entries = host.commands.commands;
    const commands = helpEvent(entries).commands.map((entry, at) => ({
      ...entry,
      words: wordsFor(entries[at]!, entries),
    }));
    const forms = host.commands.bareForms;
    const fileBytes = UPLOADS_BYTES_MAX;
    this.#welcome = { mode, version, comesBack, commands, forms, fileBytes };
    network.accept((stream) => this.#accept(stream));
  }

  // The door.

  shown(event: DoorEvent): void {
    this.uploads.uses.shown(event);
    for (const window of this.#windows.values()) window.pump();
  }

  paused(reason: string | null): void {
    this.#tellAll({ type: "paused", reason });
  }

  prompted(): void {
    this.#tellAll({ type: "prompt", ...this.#parts.host.prompt() });
  }

  progress(text: string | null): void {
    this.#progress = text;
    this.#tellAll({ type: "progress", text });
  }

  async close(): Promise<void> {
    for (const window of [...this.#windows.values()]) window.close();
    for (const connection of [...this.#strangers, ...this.#uploading.values()]) connection.abort();
    const { network } = this.#parts;
    await network.stopListening();
    await network.allClosed(); // windows say goodbye, or are cut within a second
    await this.uploads.close();
  }

  #tellAll(message: { readonly type: string; readonly [more: string]: unknown }): void {
    for (const window of this.#windows.values()) window.tell(message);
  }

  // Connections.

  #accept(stream: ByteStream): void {
    const connection = new PageConnection(stream, this);
    this.#strangers.add(connection);
    const [oldest] = this.#strangers;
    if (this.#strangers.size > STRANGERS_MAX) oldest!.giveWay();
  }

  settled(connection: PageConnection): void {
    this.#strangers.delete(connection);
  }

  asset(name: string): PageAsset | null {
    return this.#parts.assets.get(name) ?? null;
  }

  opened(socket: PageSocket, connection: PageConnection): void {
    const { host, token, secret } = this.#parts;
    new PageWindow(socket, {
      ...{ host, token, secret, clock: this.clock, runId: this.#run, welcome: this.#welcome },
      port: this.port,
      progress: () => this.#progress,
      run: (command, ref, begun) => {
        this.uploads.uses.asked(command, ref);
        host.run(command, ref, begun);
      },
      textOf: (event, window) => this.#textOf(event, window),
      admit: (window) => this.#admit(window, connection),
      left: (window) => {
        if (this.#windows.get(window.id) === window) this.#windows.delete(window.id);
      },
    });
  }

  #admit(window: PageWindow, connection: PageConnection): Refusal | null {
    const before = this.#windows.get(window.id);
    if (before === undefined && this.#windows.size >= WINDOWS_MAX) {
      return { code: "full", text: `${WINDOWS_MAX} windows are open already: close one` };
    }
    this.#windows.set(window.id, window);
    const text = "Another window has taken the place of this one";
    before?.refuse({ code: "replaced", text }, CLOSED.refused);
    connection.settle();
    return null;
  }

  takesFile(ticket: string, connection: PageConnection) {
    const window = [...this.#windows.values()].find((one) => isSameSecret(one.ticket, ticket));
    if (window === undefined) {
      return { status: 401, text: "A file needs the ticket of an open page" };
    }
    if (this.#uploading.has(window)) {
      return { status: 429, text: "Another file of this window is being sent" };
    }
    this.#uploading.set(window, connection);
    return { release: () => void this.#uploading.delete(window) };
  }

  /** What begins with a window's id answers that one, see `PageWindow`. */
  #textOf(event: DoorEvent, window: string): string | null {
    const { id, fields } = event;
    const { ref, ...rest } = fields;
    if (typeof ref !== "string") return this.#sharedText(event, fields);
    const [asker = "", own = ""] = splitRef(ref);
    if (asker === window) return JSON.stringify({ id, fields: { ...rest, ref: own } });
    return audienceOf(fields, true) === "all" ? this.#sharedText(event, rest) : null;
  }

  #sharedText(event: DoorEvent, fields: DoorEvent["fields"]): string {
    const known = this.#texts.get(event);
    if (known !== undefined) return known;
    const text = JSON.stringify({ id: event.id, fields });
    this.#texts.set(event, text);
    return text;
  }
}

function splitRef(ref: string): readonly string[] {
  const at = ref.indexOf(" ");
  return [ref.slice(0, at), ref.slice(at + 1)];
}

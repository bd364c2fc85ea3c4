/**
 * Serves the page on the loopback address: a door with several windows, all of which show the same. Whoever can't prove to
 * have the token takes little, and for a short time.
 */

import type { StreamNetwork } from "../../transport/byte_stream.ts";
import { helpEvent } from "../args/help_text.ts";
import { wordsFor } from "../commands/foreign_commands.ts";
import { askedBy } from "../commands/question_kinds.ts";
import type { Door, DoorEvent } from "../doors/door.ts";
import { audienceOf } from "../doors/event_audience.ts";
import { PageConnection } from "./page_connection.ts";
import { isSameSecret } from "./page_proofs.ts";
import { CLOSED } from "./page_socket.ts";
import type { PageWindow } from "./page_window.ts";
import { UPLOADS_BYTES_MAX } from "./upload_folder.ts";
import { harmless, type Refusal } from "./window_messages.ts";

/** More windows of one page than anybody looks at: each takes a part of the processor for each event. */
const WINDOWS_MAX = 16;
/** Connections that may be anybody's. With one more the oldest goes: a browser is through within milliseconds. */
const STRANGERS_MAX = 128;

type ServerParts = PageConnection["server"]["parts"] & {
  readonly network: StreamNetwork;
  readonly mode: string;
  /** The program's. */
  readonly version: string;
  /** Whether the next start serves the page at the same address, as far as it can. */
  readonly comesBack: boolean;
};

export class PageServer implements Door {
  readonly port: number;
  readonly run: string;
  readonly welcome: Readonly<Record<string, unknown>>;
  progressText: string | null = null;
  /** In the order in which they came. */
  readonly #strangers = new Set<PageConnection>();
  /** Those that bring a file, and for which window. */
  readonly #uploading = new Map<PageConnection, PageWindow>();
  /** Those that are in. */
  readonly #windows = new Map<string, PageWindow>();
  /** Each event as JSON, as those see it that haven't asked for it. */
  readonly #texts = new WeakMap<DoorEvent, string>();

  /** Serves from now on. */
  constructor(readonly parts: ServerParts) {
    const { network, host, mode, version, comesBack, secret } = parts;
    this.port = network.local.port;
    this.run = secret();
    const entries = host.commands.commands;
    const commands = helpEvent(entries).commands.map((entry, at) => ({
      ...entry,
      words: wordsFor(entries[at]!, entries),
    }));
    this.welcome = { mode, version, comesBack, commands, fileBytes: UPLOADS_BYTES_MAX };
    network.accept((stream) => {
      this.#strangers.add(new PageConnection(stream, this));
      const [oldest] = this.#strangers;
      if (this.#strangers.size > STRANGERS_MAX) oldest!.abort();
    });
  }

  // The door.

  shown(): void {
    for (const window of this.#windows.values()) window.pump();
  }

  paused(reason: string | null): void {
    this.#tellAll({ type: "paused", reason });
  }

  prompted(): void {
    this.#tellAll({ type: "prompt", ...this.parts.host.prompt() });
  }

  progress(text: string | null): void {
    this.progressText = text;
    this.#tellAll({ type: "progress", text });
  }

  async close(): Promise<void> {
    for (const window of [...this.#windows.values()]) window.close();
    for (const connection of [...this.#strangers, ...this.#uploading.keys()]) connection.abort();
    const { network, uploads } = this.parts;
    await network.stopListening();
    await network.allClosed(); // windows say goodbye, or are cut within a second
    await uploads.close();
  }

  #tellAll(message: { readonly type: string; readonly [more: string]: unknown }): void {
    for (const window of this.#windows.values()) window.tell(message);
  }

  // What connections report.

  /** It has proved to come from the page. */
  settled(connection: PageConnection): void {
    this.#strangers.delete(connection);
  }

  /** It, or what it was for, is over. Idempotent. */
  over(connection: PageConnection): void {
    this.#strangers.delete(connection);
    this.#uploading.delete(connection);
  }

  /** Who has the ticket wants to send a file. @returns Why not; null: the connection has a place for it, until it is over. */
  refusalOf(ticket: string, connection: PageConnection): { status: number; text: string } | null {
    const window = this.#windows.values().find((one) => isSameSecret(one.ticket, ticket));
    if (window === undefined) {
      return { status: 401, text: "A file needs the ticket of an open page" };
    }
    if ([...this.#uploading.values()].includes(window)) {
      return { status: 429, text: "Another file of this window is being sent" };
    }
    this.#uploading.set(connection, window);
    return null;
  }

  // What windows ask.

  /** A window has proved itself. @returns Why it can't come in; null: it is in. */
  admit(window: PageWindow): Refusal | null {
    const before = this.#windows.get(window.id);
    if (before === undefined && this.#windows.size >= WINDOWS_MAX) {
      return { code: "full", text: `${WINDOWS_MAX} windows are open already: close one` };
    }
    this.#windows.set(window.id, window);
    const text = "Another window has taken the place of this one";
    before?.refuse({ code: "replaced", text }, CLOSED.refused);
    return null;
  }

  left(window: PageWindow): void {
    if (this.#windows.get(window.id) === window) this.#windows.delete(window.id);
  }

  /** The event as that window is shown it, as JSON; null: it isn't for it. */
  textOf(event: DoorEvent, window: string): string | null {
    const { ref, ...rest } = event.fields;
    if (typeof ref === "string") {
      const own = `${window} `;
      if (ref.startsWith(own)) return textOf(event, { ...rest, ref: ref.slice(own.length) });
      if (audienceOf(event.fields, true) !== "all") return null;
    }
    const text = this.#texts.get(event) ?? textOf(event, rest);
    this.#texts.set(event, text);
    return text;
  }
}

/** `asks`: what it asks the user, see `question_kinds.ts`. */
function textOf({ id, lines }: DoorEvent, fields: DoorEvent["fields"]): string {
  const more = JSON.stringify({ lines, asks: askedBy(fields)?.id }); // lines are harmless already
  return `{"id":${id},"fields":${harmless(fields)},${more.slice(1)}`;
}

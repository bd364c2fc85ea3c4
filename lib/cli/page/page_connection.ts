/** One connection from a browser, or from whoever else is on this machine: a request, and what becomes of it. */

import { utf8 } from "../../base/crypto/crypto.ts";
import type { Clock } from "../../base/machine/clock.ts";
import type { ByteStream } from "../../transport/byte_stream.ts";
import { HttpHeadReader, type HttpRequest } from "../http/http_head_reader.ts";
import { answerBytes, jsonBytes, sentenceBytes, upgradeBytes } from "./http_answers.ts";
import { CLOSED, PageSocket } from "./page_socket.ts";
import { type Route, routeOf } from "./page_routes.ts";
import { StreamOutput } from "./stream_output.ts";
import type { UploadFolder } from "./upload_folder.ts";
import { UploadReceiver } from "./upload_receiver.ts";

/** Without cookies: a browser sends about one kilobyte. */
const HEAD_BYTES_MAX = 32 * 1_024;
/** For a request, and for each answer, and until a window has logged in: all are on this machine. */
const COMING_IN_MS = 10_000;
/** What comes before a window has logged in are two short messages; whoever sends more is no page. */
const STRANGER_BYTES_MAX = 4 * 1_024;
/** How long what nobody waits for is still read after an answer: without that it may be lost on its way. */
const LINGERING_MS = 1_000;

export interface PageAsset {
  readonly type: string;
  readonly text: string;
}

/** What holds a place for a file that is being taken. */
interface UploadPlace {
  /** Gives it back; to be called once. */
  release(): void;
}

/** The page's server, as a connection sees it. */
export interface PageSite {
  readonly port: number;
  readonly clock: Clock;
  readonly uploads: UploadFolder;
  asset(name: string): PageAsset | null;
  /** A WebSocket was opened, and has to log in. */
  opened(socket: PageSocket, connection: PageConnection): void;
  /** Who has the ticket wants to send a file. @returns Why not. */
  takesFile(ticket: string, by: PageConnection): UploadPlace | { status: number; text: string };
  /** It has proved to come from the page, or is over: it doesn't count among those that may be anybody's. */
  settled(connection: PageConnection): void;
}

/** What has become of the request; until then its head is read. */
type Purpose =
  | { readonly kind: "head"; readonly reader: HttpHeadReader }
  | { readonly kind: "socket"; readonly socket: PageSocket }
  | { readonly kind: "upload"; readonly receiver: UploadReceiver; readonly place: UploadPlace }
  | { readonly kind: "over" };

export class PageConnection {
  readonly #stream: ByteStream;
  readonly #site: PageSite;
  readonly #output: StreamOutput;
  /** What came over a socket that hasn't logged in; null once it has. */
  #strangerBytes: number | null = 0;
  /** See `LINGERING_MS`. */
  #lingeringMs = LINGERING_MS;
  #purpose: Purpose = { kind: "head", reader: new HttpHeadReader(HEAD_BYTES_MAX) };
  #timer: { cancel(): void };

  constructor(stream: ByteStream, site: PageSite) {
    this.#stream = stream;
    this.#site = site;
    this.#output = new StreamOutput(stream);
    this.#timer = this.#after(COMING_IN_MS, () => this.#tooSlow());
    stream.handle({
      received: (bytes) => this.#received(bytes),
      written: () => this.#written(),
      ended: () => this.abort(),
    });
  }

  /** It is known to be the page's: it isn't in a hurry any more. */
  settle(): void {
    this.#strangerBytes = null;
    this.#timer.cancel();
    this.#site.settled(this);
  }

  /** Refuses it whatever it wants. @param text A sentence without a full stop. */
  refuse(status: number, text: string): void {
    this.#answer(sentenceBytes(this.#site.port, { status, text }));
  }

  /** There are too many like it: it is told so, and ends as soon as that is written. */
  giveWay(): void {
    this.#site.settled(this);
    if (this.#purpose.kind !== "head") return this.abort();
    this.#lingeringMs = 0;
    this.refuse(503, "Too many connect at once: try again");
  }

  /** Ends it at once. Idempotent. */
  abort(): void {
    const purpose = this.#purpose;
    this.#purpose = { kind: "over" };
    this.#timer.cancel();
    this.#site.settled(this);
    this.#stream.abort();
    if (purpose.kind === "socket") purpose.socket.ended();
    if (purpose.kind !== "upload") return;
    purpose.receiver.ended();
    purpose.place.release();
  }

  #tooSlow(): void {
    const purpose = this.#purpose;
    if (purpose.kind === "head") this.refuse(408, "The request didn't come in time");
    else if (purpose.kind === "socket") {
      purpose.socket.close(CLOSED.later, "It hasn't logged in in time");
    } else this.abort();
  }

  #received(bytes: Uint8Array): void {
    const purpose = this.#purpose;
    if (purpose.kind === "socket") return this.#receivedBy(purpose.socket, bytes);
    if (purpose.kind === "upload") return purpose.receiver.received(bytes);
    if (purpose.kind === "over") return;
    const head = purpose.reader.push(bytes);
    if (head === null) return;
    if (head.type === "fault") return this.refuse(head.status, head.text);
    this.#take(head.request, head.rest);
  }

  #receivedBy(socket: PageSocket, bytes: Uint8Array): void {
    socket.received(bytes);
    if (this.#strangerBytes === null) return;
    this.#strangerBytes += bytes.length;
    if (this.#strangerBytes <= STRANGER_BYTES_MAX) return;
    socket.close(CLOSED.tooLong, "It says much, and hasn't logged in");
  }

  #written(): void {
    const purpose = this.#purpose;
    if (purpose.kind === "socket") purpose.socket.written();
    else {
      this.#output.written();
      if (purpose.kind === "over" && this.#output.waitingBytes === 0) this.#linger();
    }
  }

  #take(request: HttpRequest, rest: Uint8Array): void {
    const route = routeOf(request, this.#site.port);
    switch (route.to) {
      case "nothing":
        return this.#answer(sentenceBytes(this.#site.port, route));
      case "asset":
        return this.#sendAsset(route.name, route.isHead);
      case "socket":
        return this.#openSocket(route.key, rest);
      case "upload":
        return this.#takeFile(route, rest);
    }
  }

  #sendAsset(name: string, isHead: boolean): void {
    const asset = this.#site.asset(name);
    if (asset === null) return this.refuse(404, "There is nothing here of that name");
    const { type, text } = asset;
    this.#answer(answerBytes(this.#site.port, { status: 200, type, body: utf8(text), isHead }));
  }

  #openSocket(key: string, rest: Uint8Array): void {
    this.#output.write(upgradeBytes(key));
    const socket = new PageSocket(this.#output, this.#site.clock, () => this.abort());
    this.#purpose = { kind: "socket", socket };
    this.#site.opened(socket, this);
    if (rest.length > 0) this.#receivedBy(socket, rest);
  }

  #takeFile({ ticket, name, bytes }: Extract<Route, { to: "upload" }>, rest: Uint8Array): void {
    const place = this.#site.takesFile(ticket, this);
    if ("status" in place) return this.refuse(place.status, place.text);
    this.settle();
    const { clock, port, uploads } = this.#site;
    const receiver = new UploadReceiver(name, bytes, {
      clock,
      stream: this.#stream,
      done: (status, value) => {
        place.release();
        this.#answer(jsonBytes(port, status, value));
      },
    });
    this.#purpose = { kind: "upload", receiver, place };
    void receiver.begin(uploads); // rejects only for bugs
    if (rest.length > 0) receiver.received(rest);
  }

  /** Answers, and closes the connection once that is read. */
  #answer(bytes: Uint8Array): void {
    this.#purpose = { kind: "over" };
    this.#output.write(bytes);
    this.#output.finish();
    this.#timer.cancel();
    this.#timer = this.#after(COMING_IN_MS, () => this.abort());
  }

  /** The answer is out: what still comes isn't read for long. */
  #linger(): void {
    this.#timer.cancel();
    this.#timer = this.#after(this.#lingeringMs, () => this.abort());
  }

  #after(ms: number, callback: () => void): { cancel(): void } {
    const { clock } = this.#site;
    return clock.at(clock.nowMs() + ms, callback);
  }
}

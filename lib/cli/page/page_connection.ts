/** One connection from a browser, or from whoever else is on this machine: a request, and what becomes of it. */

import { brotliDecompressSync } from "node:zlib";
import { utf8 } from "../../base/crypto/crypto.ts";
import type { ByteStream } from "../../transport/byte_stream.ts";
import { HttpHeadReader, type HttpRequest } from "../http/http_head_reader.ts";
import { guarded, upgradeBytes } from "./page_answers.ts";
import { type Refused, type Route, routeOf } from "./page_routes.ts";
import { CLOSED, PageSocket } from "./page_socket.ts";
import { PageWindow, type WindowSite } from "./page_window.ts";
import { StreamOutput } from "./stream_output.ts";
import type { UploadFolder } from "./upload_folder.ts";
import { UploadReceiver } from "./upload_receiver.ts";

/** A browser sends the cookies of all that was ever served from this machine, at whichever port: sixty of 4 KiB, here. */
const HEAD_BYTES_MAX = 256 * 1_024;
/** For a request, and for each answer, and until a window has logged in: all are on this machine. */
const COMING_IN_MS = 10_000;
/** What comes before a window has logged in are two short messages; whoever sends more is no page. */
const STRANGER_BYTES_MAX = 4 * 1_024;
/** How long what nobody waits for is still read after an answer: without that it may be lost on its way. */
const LINGERING_MS = 1_000;

export interface PageAsset {
  readonly type: string;
  /** Its text, compressed, in base64. */
  readonly brotli: string;
}

/** The server, as its connections see it. */
interface ConnectionSite extends WindowSite {
  readonly parts: WindowSite["parts"] & { readonly uploads: UploadFolder } & {
    /** By name. */
    readonly assets: ReadonlyMap<string, PageAsset>;
  };
  settled(connection: PageConnection): void;
  over(connection: PageConnection): void;
  refusalOf(ticket: string, connection: PageConnection): { status: number; text: string } | null;
}

export class PageConnection {
  readonly #output: StreamOutput;
  /** Of the request's head; null: it was read. */
  #reader: HttpHeadReader | null = new HttpHeadReader(HEAD_BYTES_MAX);
  #socket: PageSocket | null = null;
  #upload: UploadReceiver | null = null;
  /** What came over a socket that hasn't logged in; null once it has. */
  #strangerBytes: number | null = 0;
  #timer = { cancel() {} };

  constructor(readonly stream: ByteStream, readonly server: ConnectionSite) {
    this.#output = new StreamOutput(stream);
    this.#in(COMING_IN_MS, () => this.#tooSlow());
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
    this.server.settled(this);
  }

  /** Ends it at once. Idempotent. */
  abort(): void {
    this.#timer.cancel();
    this.server.over(this);
    this.stream.abort();
    this.#socket?.ended();
    this.#upload?.ended();
  }

  #tooSlow(): void {
    if (this.#reader !== null) {
      this.#refuse({ status: 408, text: "The request didn't come in time" });
    } else this.#socket?.close(CLOSED.later, "It hasn't logged in in time");
  }

  #received(bytes: Uint8Array): void {
    if (this.#socket !== null) this.#receivedBy(this.#socket, bytes);
    this.#upload?.received(bytes);
    const head = this.#reader?.push(bytes) ?? null;
    if (head?.type === "fault") this.#refuse(head);
    else if (head !== null) this.#take(head.request, head.rest);
  }

  #receivedBy(socket: PageSocket, bytes: Uint8Array): void {
    socket.received(bytes);
    if (this.#strangerBytes === null) return;
    this.#strangerBytes += bytes.length;
    if (this.#strangerBytes <= STRANGER_BYTES_MAX) return;
    socket.close(CLOSED.tooLong, "It says much, and hasn't logged in");
  }

  #written(): void {
    this.#output.written();
    if (this.#output.waitingBytes > 0) return;
    if (this.#socket !== null) this.#socket.drained();
    else this.#in(LINGERING_MS, () => this.abort());
  }

  #take(request: HttpRequest, rest: Uint8Array): void {
    const route = routeOf(request, this.server.port);
    this.#reader = null;
    switch (route.to) {
      case "nothing":
        return this.#refuse(route);
      case "asset":
        return this.#sendAsset(route);
      case "socket":
        return this.#openSocket(route.key, rest);
      case "upload":
        return this.#takeFile(route, rest);
    }
  }

  #sendAsset({ name, isHead, takesBrotli }: Extract<Route, { to: "asset" }>): void {
    const asset = this.server.parts.assets.get(name);
    if (asset === undefined) {
      return this.#refuse({ status: 404, text: "There is nothing here of that name" });
    }
    const packed = Uint8Array.fromBase64(asset.brotli);
    const body = takesBrotli ? packed : brotliDecompressSync(packed);
    const headers = ["Vary: Accept-Encoding", ...(takesBrotli ? ["Content-Encoding: br"] : [])];
    this.#answer({ status: 200, type: asset.type, body, headers, isHead });
  }

  #openSocket(key: string, rest: Uint8Array): void {
    this.#output.write(upgradeBytes(key));
    const { server } = this;
    const socket = new PageSocket(this.#output, server.parts.clock, () => this.abort());
    this.#socket = socket;
    new PageWindow(socket, server, () => this.settle());
    this.#receivedBy(socket, rest);
  }

  #takeFile({ ticket, name, bytes }: Extract<Route, { to: "upload" }>, rest: Uint8Array): void {
    const refusal = this.server.refusalOf(ticket, this);
    if (refusal !== null) return this.#refuse(refusal);
    this.settle();
    const { clock, uploads } = this.server.parts;
    this.#upload = new UploadReceiver({
      ...{ name, bytes, clock, uploads, stream: this.stream },
      done: (status, value) => {
        this.server.over(this);
        const body = utf8(JSON.stringify(value));
        this.#answer({ status, type: "application/json; charset=utf-8", body });
      },
    });
    void this.#upload.begin(rest.slice()); // rejects only for bugs
  }

  /** Refuses what was asked, in a sentence. */
  #refuse({ status, text, allow }: Omit<Refused, "to">): void {
    const headers = allow === undefined ? [] : [`Allow: ${allow}`];
    const body = utf8(`${text}.\n`);
    this.#answer({ status, type: "text/plain; charset=utf-8", body, headers });
  }

  /** Answers, and closes the connection once that is read. */
  #answer(answer: Parameters<typeof guarded>[1]): void {
    this.#reader = null;
    this.#output.write(guarded(this.server.port, answer));
    this.#output.finish();
    this.#in(COMING_IN_MS, () => this.abort());
  }

  #in(ms: number, callback: () => void): void {
    const { clock } = this.server.parts;
    this.#timer.cancel();
    this.#timer = clock.at(clock.nowMs() + ms, callback);
  }
}

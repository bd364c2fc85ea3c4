/** Someone who connects to the page's server, over streams in memory or a real socket: speaks HTTP, and the socket's protocol. */

import { createHmac } from "node:crypto";
import { clientFrame, framesIn } from "./web_socket_client.ts";

export const TOKEN = "T".repeat(43);

type Message = Record<string, unknown>;

/** Bytes to and from a server. */
export interface Wire {
  write(bytes: Uint8Array): void;
}

/** What a program says over the socket, read. */
export class PageVisitor {
  /** All that came, as text, up to the end of a head; and of an answer that isn't a socket, its body. */
  text = "";
  readonly messages: Message[] = [];
  /** The status with which the socket was closed; null: it wasn't. */
  closed: number | null = null;
  hasEnded = false;
  #isSocket = false;
  /** What came before the head of the answer was whole. */
  #head: Uint8Array = new Uint8Array();
  #rest: Uint8Array = new Uint8Array();
  readonly #wire: Wire;
  readonly #nonce = "N".repeat(22);
  readonly port: number;

  constructor(wire: Wire, port: number) {
    this.#wire = wire;
    this.port = port;
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0);
  }

  get body(): string {
    return this.text.slice(this.text.indexOf("\r\n\r\n") + 4);
  }

  received(bytes: Uint8Array): void {
    if (!this.#isSocket) {
      this.#head = joined(this.#head, bytes);
      this.text = LATIN.decode(this.#head);
      const end = this.text.indexOf("\r\n\r\n");
      if (this.status !== 101 || end < 0) {
        this.text = new TextDecoder().decode(this.#head);
        return;
      }
      this.#isSocket = true;
      bytes = this.#head.slice(end + 4);
      this.text = this.text.slice(0, end);
    }
    const all = joined(this.#rest, bytes);
    const { frames, rest } = framesIn(all);
    this.#rest = rest;
    for (const { opcode, payload } of frames) {
      if (opcode === 1) this.messages.push(JSON.parse(new TextDecoder().decode(payload)));
      if (opcode === 8) this.closed = payload[0]! * 256 + payload[1]!;
    }
  }

  ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body = "",
  ): void {
    const all = { Host: `127.0.0.1:${this.port}`, ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    this.raw(`${[`${method} ${path} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n${body}`);
  }

  raw(text: string | Uint8Array): void {
    this.#wire.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  upgrade(headers: Readonly<Record<string, string>> = {}): void {
    this.ask("GET", "/socket", {
      Origin: `http://127.0.0.1:${this.port}`,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Protocol": "p2pchat.1",
      ...headers,
    });
  }

  send(message: unknown): void {
    this.raw(clientFrame(1, new TextEncoder().encode(JSON.stringify(message))));
  }

  hello(): void {
    this.send({ type: "hello", protocol: 1, nonce: this.#nonce });
  }

  /** After the challenge came. */
  logIn(window: string, more: Message = {}, token = TOKEN): void {
    this.send({
      type: "login",
      window,
      proof: this.proof("window", token),
      run: null,
      after: 0,
      ...more,
    });
  }

  /** @param port That the one who proves believes to be connected to. */
  proof(side: string, token = TOKEN, port = this.port): string {
    const challenge = this.messages.find(({ type }) => type === "challenge");
    const text = `p2pchat page: ${side} ${port} ${this.#nonce} ${challenge?.["nonce"]}`;
    return createHmac("sha256", token).update(text).digest("base64url");
  }

  get welcome(): Message | undefined {
    return this.of("welcome")[0];
  }

  of(type: string): readonly Message[] {
    return this.messages.filter((message) => message["type"] === type);
  }

  get events(): readonly { readonly id: number; readonly fields: Message }[] {
    return this.of("events").flatMap((message) =>
      message["events"] as { id: number; fields: Message }[]
    );
  }

  /** Texts of the events, or their names. */
  get shown(): readonly unknown[] {
    return this.events.map(({ fields }) => fields["text"] ?? fields["event"]);
  }
}

/** One character for each byte. */
const LATIN = new TextDecoder("latin1");

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

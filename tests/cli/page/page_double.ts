/**
 * A program that serves the page, as `tools/page_assets.ts` has put it into the real one, but whose events are given by the test: it comes and goes, forgets,
 * and says what no real one would.
 */

import { askedBy } from "../../../lib/cli/commands/question_kinds.ts";
import { RegistryRendering } from "../../../lib/cli/directory/registry_rendering.ts";
import { type DoorRendering, doorRendering } from "../../../lib/cli/doors/door_lines.ts";
import { friendsLines } from "../../../lib/cli/friends/friends_rendering.ts";
import { memberCommands } from "../../../lib/cli/group/member_commands.ts";
import { MemberRendering } from "../../../lib/cli/group/member_rendering.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { meshLines } from "../../../lib/cli/mesh/mesh_rendering.ts";
import { harmless } from "../../../lib/cli/page/window_messages.ts";
import { PAGE_ASSETS } from "../../../lib/cli/page/page_assets.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Numbered {
  readonly id: number;
  readonly fields: Fields;
}

interface PageDoubleOptions {
  readonly mode: string;
  readonly self?: string;
  readonly run?: string;
  readonly port?: number;
  readonly commands?: readonly Fields[];
  /** What comes of a command of the page. */
  readonly asked?: (asked: Fields, page: PageDouble) => void;
  /** What it sends first instead of a challenge, one to each connection. */
  readonly rubbish?: readonly (string | ArrayBuffer)[];
  /** Waited for when a file has come, before that is answered. */
  readonly taken?: () => Promise<void>;
}

export class PageDouble {
  static readonly TOKEN = "0123456789012345678901234567890123456789012";
  /** What windows have asked, in order. */
  readonly asked: Fields[] = [];
  readonly uploads: { readonly name: string; readonly text: string }[] = [];
  readonly #events: Numbered[] = [];
  readonly #windows = new Set<WebSocket>();
  readonly #lines: DoorRendering;
  readonly #options: PageDoubleOptions;
  readonly #rubbish: (string | ArrayBuffer)[];
  #isGone = false;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(options: PageDoubleOptions) {
    this.#options = options;
    this.#lines = RENDERINGS[options.mode]!();
    this.#rubbish = [...options.rubbish ?? []];
    const serve = { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} };
    this.#server = Deno.serve(serve, (request) => this.#answer(request));
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/#${PageDouble.TOKEN}`;
  }

  /** Shows events to all windows, and keeps them. */
  show(...events: readonly Fields[]): void {
    const numbered = events.map((fields) => {
      const at = new Date().toISOString();
      const lines = this.#lines(fields, this.#options.self ?? "Alice");
      const asks = askedBy({ event: "", ...fields })?.id;
      const shown = JSON.parse(harmless({ at, ...fields }));
      const event = { id: this.#events.length + 1, fields: shown, lines, asks };
      this.#events.push(event);
      return event;
    });
    this.send({ type: "events", last: this.#events.length, events: numbered });
  }

  send(message: Fields): void {
    const text = message["type"] === "events" ? JSON.stringify(message) : harmless(message);
    for (const window of this.#windows) window.send(text);
  }

  /** Lets no window go on. */
  refuse(code: string, text: string): void {
    this.send({ type: "refused", code, text });
    for (const window of this.#windows) window.close(1008);
  }

  /** The connections are lost; whoever had one may come in again. */
  cut(): void {
    for (const window of this.#windows) window.close(1001);
    this.#windows.clear();
  }

  /** The program has ended; what answers from now on is another one. */
  leave(): void {
    this.#isGone = true;
    this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/socket") return this.#open(request);
    if (pathname === "/files") return await this.#take(request);
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    const asset = PAGE_ASSETS.get(name);
    if (asset === undefined) return new Response("There is no such page.", { status: 404 });
    return new Response(Uint8Array.fromBase64(asset.brotli), {
      headers: { ...this.#headers(), "Content-Type": asset.type, "Content-Encoding": "br" },
    });
  }

  #headers(): Record<string, string> {
    const socket = `ws://127.0.0.1:${this.port}`;
    return {
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
        `connect-src 'self' ${socket}; base-uri 'none'; form-action 'none'; ` +
        "frame-ancestors 'none'; require-trusted-types-for 'script'",
    };
  }

  async #take(request: Request): Promise<Response> {
    const name = decodeURIComponent(request.headers.get("X-File-Name") ?? "");
    const text = await request.text();
    this.uploads.push({ name, text });
    await this.#options.taken?.();
    return Response.json({ path: `/uploads/${name}`, name, bytes: text.length }, { status: 201 });
  }

  #open(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "p2pchat.1" });
    if (this.#isGone) return response;
    let [nonces, isIn] = ["", false];
    socket.onmessage = async ({ data }) => {
      const message = JSON.parse(data);
      const rubbish = this.#rubbish.shift();
      if (rubbish !== undefined) return socket.send(rubbish);
      if (message.type === "hello") {
        nonces = `${this.port} ${message.nonce} own-nonce-of-the-double`;
        const proof = await hmac(`p2pchat page: program ${nonces}`);
        socket.send(JSON.stringify({ type: "challenge", nonce: "own-nonce-of-the-double", proof }));
      } else if (message.type === "login") {
        if (message.proof !== await hmac(`p2pchat page: window ${nonces}`)) {
          socket.send(JSON.stringify({ type: "refused", code: "bad-credentials", text: "Wrong." }));
          return socket.close(1008);
        }
        isIn = true;
        this.#welcome(socket, message);
      } else if (isIn && message.type === "ping") {
        socket.send(JSON.stringify({ type: "pong" }));
      } else if (isIn && message.type === "run") {
        this.asked.push(message);
        this.#options.asked?.(message, this);
      }
    };
    socket.onclose = () => this.#windows.delete(socket);
    return response;
  }

  #welcome(
    socket: WebSocket,
    { run, after }: { readonly run: string | null; readonly after: number },
  ) {
    const { mode, self = "Alice", run: own = "run 1", commands = COMMANDS } = this.#options;
    const resumed = run === own;
    const last = this.#events.length;
    socket.send(JSON.stringify({
      type: "welcome",
      protocol: 1,
      version: "0.2.0",
      run: own,
      mode,
      resumed,
      missed: false,
      last,
      ticket: "ticket",
      prompt: { text: self, self },
      paused: null,
      names: [],
      commands,
      fileBytes: 1e9,
    }));
    this.#windows.add(socket);
    const events = resumed ? this.#events.slice(after) : this.#events;
    for (let at = 0; at < events.length; at += 500) {
      const some = events.slice(at, at + 500);
      socket.send(JSON.stringify({ type: "events", last: some.at(-1)!.id, events: some }));
    }
  }
}

async function hmac(text: string): Promise<string> {
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const raw = bytes.encode(PageDouble.TOKEN);
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  const signed = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(text)));
  return signed.toBase64({ alphabet: "base64url", omitPadding: true });
}

const COMMANDS = [
  ["msg", "NAME TEXT", "a message that NAME alone can read"],
  ["me", "ACTION", "say what you do"],
  ["peers", "", "all members, yourself first, with their addresses"],
  ["history", "[NAME] [/TEXT/] [N]", "the last N messages"],
  ["search", "TEXT", "the last 20 messages that have TEXT in them"],
  ["send", "[NAME] FILE", "offer a file to NAME alone, or to all"],
  ["get", "N [AS]", "fetch file N into the folder of downloads"],
  ["invite", "[--rotate]", "what others need to join"],
  ["status", "", "who is connected, what is unsent, what is wrong"],
  ["verify", "NAME [ANSWER]", "digits to compare by voice"],
  ["whois", "NAME", "key, address and route of NAME"],
  ["ignore", "NAME", "show nothing of what NAME says"],
  ["quit", "", "leave the room, and every other one"],
].map(([name, form, help]) => ({
  ...{ name, form, help, aliases: [], example: "" },
  words: name === "peers" ? ["who"] : [],
}));

/** The tables of their modes have everything that sentences name. */
export const RENDERINGS: Readonly<Record<string, () => DoorRendering>> = {
  mesh: () => doorRendering(meshLines, meshCommands, Date.now),
  friends: () =>
    doorRendering(
      (event: Parameters<typeof friendsLines>[0], context) => friendsLines(event, context, "Alice"),
      meshCommands,
      Date.now,
    ),
  group: () => {
    const rendering = new MemberRendering();
    return doorRendering(rendering.lines.bind(rendering), memberCommands, Date.now);
  },
  directory: () => {
    const rendering = new RegistryRendering();
    return doorRendering(rendering.lines.bind(rendering), meshCommands, Date.now);
  },
};

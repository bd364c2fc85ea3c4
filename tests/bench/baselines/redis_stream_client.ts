/**
 * The same job as a friend's or a group's, over a stream of redis-server, the baseline of their rows: adds the lines
 * of standard input and prints the id of each when redis has it; reads them and prints each when redis has noted up
 * to where they were read (`read`), or at once (`watch`).
 *
 *     deno run -A tests/bench/baselines/redis_stream_client.ts PORT add|read|watch
 */

import { linePrinter, linesOf } from "./lines.ts";

const STREAM = "messages";
/** Where the reader notes how far it came. */
const NOTE = "read";
const IN_FLIGHT_MAX = 256;

type Reply = string | number | null | readonly Reply[];

const encoder = new TextEncoder();

/** Commands of one turn go out in one write; replies come in their order. */
class Redis {
  #outgoing: string[] = [];
  #isWriting = false;
  readonly #waiting: ((reply: Reply) => void)[] = [];

  constructor(readonly connection: Deno.TcpConn) {
    connection.setNoDelay(true);
    void this.#read();
  }

  send(args: readonly string[], replied: (reply: Reply) => void): void {
    let text = `*${args.length}\r\n`;
    for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`; // all of it is ASCII
    this.#outgoing.push(text);
    this.#waiting.push(replied);
    if (this.#isWriting) return;
    this.#isWriting = true;
    queueMicrotask(() => void this.#write());
  }

  async #write(): Promise<void> {
    while (this.#outgoing.length > 0) {
      let bytes = encoder.encode(this.#outgoing.join(""));
      this.#outgoing = [];
      while (bytes.length > 0) bytes = bytes.subarray(await this.connection.write(bytes));
    }
    this.#isWriting = false;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(256 * 1_024);
    let text = "";
    for (;;) {
      const count = await this.connection.read(buffer);
      if (count === null) return;
      text += decoder.decode(buffer.subarray(0, count));
      let at = 0;
      for (let parsed; (parsed = parseReply(text, at)) !== null; at = parsed.end) {
        this.#waiting.shift()!(parsed.reply);
      }
      text = text.slice(at);
    }
  }
}

/** The reply that begins at `from`; null where it hasn't come completely. */
function parseReply(
  text: string,
  from: number,
): { readonly reply: Reply; readonly end: number } | null {
  const lineEnd = text.indexOf("\r\n", from);
  if (lineEnd === -1) return null;
  const line = text.slice(from + 1, lineEnd);
  let end = lineEnd + 2;
  switch (text[from]) {
    case "+":
      return { reply: line, end };
    case ":":
      return { reply: Number(line), end };
    case "$": {
      if (line === "-1") return { reply: null, end };
      const start = end;
      end = start + Number(line) + 2;
      return end > text.length ? null : { reply: text.slice(start, end - 2), end };
    }
    case "*": {
      const replies: Reply[] = [];
      while (replies.length < Number(line)) {
        const parsed = parseReply(text, end);
        if (parsed === null) return null;
        replies.push(parsed.reply);
        end = parsed.end;
      }
      return { reply: replies, end };
    }
    default:
      throw new Error(`redis-server says ${text.slice(from, lineEnd)}`);
  }
}

const [port, role] = Deno.args as [string, string];
const redis = new Redis(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
const print = linePrinter();

/** Reads on from `last`; `note` does with what was read. */
function readFrom(last: string, note: (through: string, printAll: () => void) => void): void {
  const read = ["XREAD", "COUNT", String(IN_FLIGHT_MAX), "BLOCK", "0", "STREAMS", STREAM, last];
  redis.send(read, (reply) => {
    type Entry = readonly [string, readonly [string, string, string, string]];
    const [[_stream, entries]] = reply as unknown as [[string, readonly Entry[]]];
    const through = entries.at(-1)![0];
    note(through, () => {
      for (const [_id, [_from, _name, _text, text]] of entries) print(text);
    });
    readFrom(through, note);
  });
}

if (role === "read") {
  readFrom("0", (through, printAll) => redis.send(["SET", NOTE, through], printAll));
  print("ready");
} else if (role === "watch") {
  readFrom("0", (_through, printAll) => printAll());
  print("ready");
} else {
  print("ready");
  let inFlight = 0;
  let room = () => {};
  for await (const line of linesOf(Deno.stdin.readable)) {
    if (inFlight >= IN_FLIGHT_MAX) await new Promise<void>((resolve) => room = resolve);
    inFlight++;
    redis.send(["XADD", STREAM, "*", "from", "ann", "text", line], (id) => {
      inFlight--;
      print(String(id));
      room();
    });
  }
}

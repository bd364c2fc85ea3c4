/** A client of IRC that is only a socket, for tests. */

import { assert } from "@std/assert";

export type IrcAddress = { readonly host: string; readonly port: number } | {
  readonly path: string;
};

/** How long anything is waited for. */
const WAIT_MS = 60_000;

export class RawIrc {
  #text = "";
  #isEnded = false;
  readonly #decoder = new TextDecoder();

  constructor(readonly stream: Deno.Conn) {}

  static async open({ at }: { readonly at: IrcAddress }): Promise<RawIrc> {
    return new RawIrc(
      "path" in at
        ? await Deno.connect({ transport: "unix", path: at.path })
        : await Deno.connect({ hostname: at.host, port: at.port }),
    );
  }

  async send(...lines: readonly string[]): Promise<void> {
    const bytes = new TextEncoder().encode(`${lines.join("\r\n")}\r\n`);
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.stream.write(rest));
  }

  /** Registers. @returns What came up to the end of the names, or that of the connection where it isn't let in. */
  async join(password: string): Promise<string> {
    await this.send(`PASS :${password}`, "NICK a", "USER a 0 * a");
    return await this.upTo(" 366 ");
  }

  /** What comes up to a line that has `part`; the rest is for the next call. */
  async until(part: string): Promise<string> {
    const text = await this.upTo(part);
    assert(text.includes(part), `${part} never came: ${text.slice(-2_000)}`);
    return text;
  }

  /** What comes up to such a line, or to the end of the connection. */
  async upTo(part: string): Promise<string> {
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      this.stream.close();
    }, WAIT_MS);
    const text = await this.#read(part).finally(() => clearTimeout(late));
    assert(!isLate, `neither ${part} came nor the end: ${text.slice(-2_000)}`);
    return text;
  }

  async #read(part: string): Promise<string> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const at = this.#text.indexOf(part);
      const end = at < 0 ? -1 : this.#text.indexOf("\n", at);
      if (end >= 0) {
        const text = this.#text.slice(0, end + 1);
        this.#text = this.#text.slice(end + 1);
        return text;
      }
      if (this.#isEnded) return this.#text;
      const length = await this.stream.read(buffer).catch(() => null);
      if (length === null) this.#isEnded = true;
      else this.#text += this.#decoder.decode(buffer.subarray(0, length), { stream: true });
    }
  }

  close(): void {
    this.stream.close();
  }
}

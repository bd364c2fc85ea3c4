/** A port of loopback that leads to another one, as a router on the way: it notes all that passes. */

export class RecordingWire implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: { readonly there: Uint8Array[]; readonly back: Uint8Array[] }[] = [];
  readonly #passing: Promise<void>[] = [];
  readonly #open = new Set<Deno.Conn>();

  constructor(readonly to: number) {
    this.#passing.push(this.#accept());
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** What whoever has dialled has sent, of each connection, in pieces as they came. */
  get sentThere(): readonly (readonly Uint8Array[])[] {
    return this.#connections.map(({ there }) => there);
  }

  /** All that passed, one character for each byte. */
  get text(): string {
    return this.#connections.flatMap(({ there, back }) => [...there, ...back])
      .map((bytes) => bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""))
      .join("");
  }

  async #accept(): Promise<void> {
    try {
      for await (const near of this.#listener) {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: this.to });
        const noted = { there: [], back: [] };
        this.#connections.push(noted);
        this.#passing.push(this.#pass(near, far, noted.there), this.#pass(far, near, noted.back));
      }
    } catch {
      // It is closed.
    }
  }

  async #pass(from: Deno.Conn, to: Deno.Conn, noted: Uint8Array[]): Promise<void> {
    for (const one of [from, to]) this.#open.add(one);
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        const bytes = buffer.slice(0, count);
        noted.push(bytes);
        for (let at = 0; at < count;) at += await to.write(bytes.subarray(at));
      }
    } catch {
      // One side has closed it: so is the other.
    }
    for (const one of [from, to]) this.#close(one);
  }

  #close(connection: Deno.Conn): void {
    if (this.#open.delete(connection)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of [...this.#open]) this.#close(connection);
    await Promise.all(this.#passing);
  }
}

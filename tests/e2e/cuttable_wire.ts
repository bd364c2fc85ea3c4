/** A port of loopback that leads to another one, until it is cut: then nothing passes, and nobody is told. */

export class CuttableWire {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  #isCut = false;

  constructor(readonly to: number) {
    void this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** From now on what is sent on it is lost; connections are taken, and nothing comes of them. */
  cut(): void {
    this.#isCut = true;
  }

  /** What was open while it was cut is closed. */
  mend(): void {
    this.#isCut = false;
    for (const connection of [...this.#open]) this.#close(connection);
  }

  close(): void {
    this.#listener.close();
    this.mend();
  }

  async #accept(): Promise<void> {
    try {
      for await (const near of this.#listener) {
        this.#open.add(near);
        void this.#join(near);
      }
    } catch {
      // It is closed.
    }
  }

  async #join(near: Deno.Conn): Promise<void> {
    try {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.to });
      this.#open.add(far);
      await Promise.all([this.#copy(near, far), this.#copy(far, near)]);
    } catch {
      this.#close(near); // nothing is there
    }
  }

  async #copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    try {
      for await (const bytes of from.readable) {
        if (this.#isCut) continue;
        const writer = to.writable.getWriter();
        await writer.write(bytes);
        writer.releaseLock();
      }
    } catch {
      // One of them is closed.
    }
    if (!this.#isCut) { for (const one of [from, to]) this.#close(one); }
  }

  #close(connection: Deno.Conn): void {
    if (!this.#open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // The stream that was read has closed it.
    }
  }
}

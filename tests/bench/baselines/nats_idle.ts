/**
 * Clients of nats-server that have nothing to do but to answer its pings, all in this process, over plain sockets.
 */

export class IdleNatsClients implements AsyncDisposable {
  readonly #connections: Deno.TcpConn[] = [];
  readonly #reading: Promise<void>[] = [];

  private constructor() {}

  /** So many, each subscribed to a subject of its own and one of all. */
  static async connect(port: number, count: number): Promise<IdleNatsClients> {
    const clients = new IdleNatsClients();
    const encoder = new TextEncoder();
    for (let at = 0; at < count; at++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      clients.#connections.push(connection);
      const up = Promise.withResolvers<void>();
      clients.#reading.push(answer(connection, up.resolve));
      const options = JSON.stringify({ verbose: false, pedantic: false, name: `client-${at}` });
      const words = `CONNECT ${options}\r\nSUB all 1\r\nSUB client.${at} 2\r\nPING\r\n`;
      await connection.write(encoder.encode(words));
      await up.promise;
    }
    return clients;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#reading);
  }
}

async function answer(connection: Deno.TcpConn, up: () => void): Promise<void> {
  const buffer = new Uint8Array(4_096);
  const decoder = new TextDecoder();
  const pong = new TextEncoder().encode("PONG\r\n");
  try {
    for (let count; (count = await connection.read(buffer)) !== null;) {
      const text = decoder.decode(buffer.subarray(0, count));
      if (text.includes("PING")) await connection.write(pong);
      if (text.includes("PONG")) up();
    }
  } catch {
    // It was closed.
  }
}

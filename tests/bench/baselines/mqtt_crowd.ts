/**
 * Subscribers of an MQTT broker, all in this process, over plain sockets: what of MQTT 3.1.1 is needed to publish
 * with QoS 0 or 1, and to acknowledge each message that comes.
 */

const CONNECT = 0x10;
const CONNACK = 0x20;
const PUBLISH = 0x30;
const PUBACK = 0x40;
const SUBSCRIBE = 0x82;
const SUBACK = 0x90;
const PINGRESP = 0xd0;
/** Nobody is silent for so long here, in seconds. */
const KEEP_ALIVE_S = 3_600;

const encoder = new TextEncoder();

export class MqttClient {
  /** Called with each payload that comes. */
  heard: (payload: Uint8Array) => void = () => {};
  readonly #reading: Promise<void>;
  readonly #connection: Deno.TcpConn;
  #waiting: { readonly kind: number; readonly resolve: () => void } | null = null;
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #packetId = 0;
  #out: Uint8Array[] = [];
  #writing: Promise<void> | null = null;
  readonly #unacknowledged = new Map<number, () => void>();

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    connection.setNoDelay(true);
    this.#reading = this.#read();
  }

  static async connect(port: number, name: string): Promise<MqttClient> {
    const client = new MqttClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    const keepAlive = Uint8Array.of(KEEP_ALIVE_S >> 8, KEEP_ALIVE_S & 0xff);
    const protocol = [...textField("MQTT"), 4, 2, ...keepAlive];
    client.#send(packet(CONNECT, [Uint8Array.from(protocol), textField(name)]));
    await client.#answer(CONNACK);
    return client;
  }

  async subscribe(topic: string, qos: 0 | 1): Promise<void> {
    const id = this.#nextId();
    this.#send(packet(SUBSCRIBE, [idField(id), textField(topic), Uint8Array.of(qos)]));
    await this.#answer(SUBACK);
  }

  /** Resolves when it is sent, with QoS 1 when the broker has it. */
  async publish(topic: string, payload: Uint8Array, qos: 0 | 1): Promise<void> {
    if (qos === 0) return this.#send(packet(PUBLISH, [textField(topic), payload]));
    const id = this.#nextId();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unacknowledged.set(id, resolve);
    this.#send(packet(PUBLISH | 2, [textField(topic), idField(id), payload]));
    await promise;
  }

  async close(): Promise<void> {
    this.#connection.close();
    await this.#reading;
  }

  #nextId(): number {
    return this.#packetId = this.#packetId % 65_535 + 1;
  }

  async #answer(kind: number): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting = { kind, resolve });
  }

  /** What is sent in one turn goes out in one write. */
  #send(bytes: Uint8Array): void {
    this.#out.push(bytes);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#out.length > 0) {
        const bytes = joined(this.#out);
        this.#out = [];
        for (let at = 0; at < bytes.length;) {
          at += await this.#connection.write(bytes.subarray(at));
        }
      }
    } catch {
      // It was closed.
    }
    this.#writing = null;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      for (let count; (count = await this.#connection.read(buffer)) !== null;) {
        const came = buffer.subarray(0, count);
        this.#take(this.#rest.length === 0 ? came : joined([this.#rest, came]));
      }
    } catch {
      // It was closed.
    }
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    let offset = 0;
    for (;;) {
      let length = 0;
      let at = offset + 1;
      for (let shift = 0; at < bytes.length; shift += 7) {
        const byte = bytes[at++]!;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (at >= bytes.length && length > 0 || bytes.length - at < length || at === offset + 1) {
        break;
      }
      this.#packet(bytes[offset]!, bytes.subarray(at, at + length));
      offset = at + length;
      if (offset === bytes.length) break;
    }
    this.#rest = bytes.slice(offset);
  }

  #packet(head: number, body: Uint8Array): void {
    const kind = head & 0xf0;
    switch (kind) {
      case PUBLISH: {
        const afterTopic = 2 + body[0]! * 256 + body[1]!;
        const isAcknowledged = (head & 0x06) !== 0;
        if (isAcknowledged) {
          this.#send(packet(PUBACK, [body.subarray(afterTopic, afterTopic + 2)]));
        }
        this.heard(body.subarray(isAcknowledged ? afterTopic + 2 : afterTopic));
        return;
      }
      case PUBACK: {
        const id = body[0]! * 256 + body[1]!;
        this.#unacknowledged.get(id)?.();
        this.#unacknowledged.delete(id);
        return;
      }
      case PINGRESP:
        return;
      default:
        if (this.#waiting?.kind === kind) this.#waiting.resolve();
    }
  }
}

function packet(head: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = joined(parts);
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push(rest % 128 + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return joined([Uint8Array.of(head, ...length), body]);
}

function textField(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return joined([idField(bytes.length), bytes]);
}

function idField(id: number): Uint8Array {
  return Uint8Array.of(id >> 8, id & 0xff);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

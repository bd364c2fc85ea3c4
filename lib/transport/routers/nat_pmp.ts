/** NAT-PMP (RFC 6886): a question of a few bytes to the router, and its answer. */

import { isSystemError } from "../../base/errors.ts";
import type {
  MappingFailure,
  PortRequest,
  RouterAnswer,
} from "../../protocols/port_mapping/port_mapping_io.ts";
import { closeSurely, isClosedSocket } from "../sockets.ts";

/** Section 3.1: the first pause until a question is sent again; each is twice as long as the one before. */
export const AGAIN_MS = 250;
/** The RFC sends nine times, over a minute: people wait for this. */
const SENT_MAX = 3;
/** The longest answer has 16. */
const ANSWER_BYTES_MAX = 64;
const VERSION = 0;
const ANSWERED = 128;

const OPCODES = { address: 0, udp: 1, tcp: 2 } as const;

interface Answer {
  readonly result: number;
  readonly view: DataView;
}

interface NatPmpOptions {
  readonly port: number;
  readonly againMs: number;
}

export class NatPmp {
  readonly #open = new Set<Deno.DatagramConn>();

  constructor(private readonly options: NatPmpOptions) {}

  /** The first of these hosts that answers; null where none does. */
  async find(hosts: readonly string[]): Promise<string | null> {
    if (hosts.length === 0) return null;
    const question = new Uint8Array([VERSION, OPCODES.address]);
    const found = await this.#ask(hosts, question, OPCODES.address);
    return found?.host ?? null;
  }

  /** @returns Null where the router doesn't answer. */
  async map(
    router: string,
    { transport, internal, external }: PortRequest,
    leaseS: number,
  ): Promise<RouterAnswer | null> {
    const address = await this.#ask(
      [router],
      new Uint8Array([VERSION, OPCODES.address]),
      OPCODES.address,
    );
    if (address === null) return null;
    if (address.answer.result !== 0) return failed(router, address.answer.result);
    if (address.answer.view.byteLength < 12) return nonsense(router);
    const host = [8, 9, 10, 11].map((at) => address.answer.view.getUint8(at)).join(".");
    const found = await this.#ask(
      [router],
      question(OPCODES[transport], internal, external, leaseS),
      OPCODES[transport],
    );
    if (found === null) return null;
    const { result, view } = found.answer;
    if (result !== 0) return failed(router, result);
    if (view.byteLength < 16 || view.getUint16(8) !== internal) return nonsense(router);
    const granted = view.getUint32(12);
    if (granted === 0) return nonsense(router); // that would be the answer to a deletion
    return {
      kind: "mapped",
      by: "NAT-PMP",
      router,
      external: { host, port: view.getUint16(10) },
      leaseS: granted,
    };
  }

  /** @returns Whether the router has said that the mapping is gone. */
  async drop(router: string, { transport, internal }: PortRequest): Promise<boolean> {
    const opcode = OPCODES[transport];
    const found = await this.#ask([router], question(opcode, internal, 0, 0), opcode);
    return found?.answer.result === 0;
  }

  close(): void {
    for (const socket of this.#open) closeSurely(socket);
  }

  /** Sends the question to all of them, until one of them answers it. */
  async #ask(
    hosts: readonly string[],
    bytes: Uint8Array,
    opcode: number,
  ): Promise<{ readonly host: string; readonly answer: Answer } | null> {
    const { port, againMs } = this.options;
    let socket: Deno.DatagramConn | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const own = socket = Deno.listenDatagram({ hostname: "0.0.0.0", port: 0, transport: "udp" });
      this.#open.add(own);
      let sent = 0;
      const send = async () => {
        if (sent === SENT_MAX) return closeSurely(own);
        timer = setTimeout(() => void send(), againMs * 2 ** sent++);
        // Where nothing leads there, the others may still answer.
        const to = (hostname: string) => own.send(bytes, { transport: "udp", hostname, port });
        await Promise.allSettled(hosts.map(to));
      };
      await send();
      for (;;) {
        const [received, from] = await own.receive(new Uint8Array(ANSWER_BYTES_MAX));
        const { hostname: host, port: fromPort } = from as Deno.NetAddr;
        const answer = fromPort === port && hosts.includes(host) ? parsed(received, opcode) : null;
        if (answer !== null) return { host, answer };
      }
    } catch (error) {
      if (!isSystemError(error) && !isClosedSocket(error)) throw error;
      return null;
    } finally {
      clearTimeout(timer);
      if (socket !== null) {
        this.#open.delete(socket);
        closeSurely(socket);
      }
    }
  }
}

function question(opcode: number, internal: number, external: number, leaseS: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint8(0, VERSION);
  view.setUint8(1, opcode);
  view.setUint16(4, internal);
  view.setUint16(6, external);
  view.setUint32(8, leaseS);
  return new Uint8Array(view.buffer);
}

/** The answer to a question of this kind; null for anything else. */
function parsed(bytes: Uint8Array, opcode: number): Answer | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint8(0) !== VERSION || view.getUint8(1) !== ANSWERED + opcode) return null;
  return { result: view.getUint16(2), view };
}

function failed(router: string, result: number): RouterAnswer {
  const failure: MappingFailure = result === 3
    ? { kind: "no-address", router }
    : { kind: "refused", router, text: REFUSALS[result] ?? `it answers with the code ${result}` };
  return { kind: "failed", failure };
}

/** Section 3.5. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: "it speaks another version of NAT-PMP",
  2: "giving ports is turned off in its settings",
  4: "it has no more ports to give",
  5: "it gives no ports by NAT-PMP",
};

function nonsense(router: string): RouterAnswer {
  const text = "its answer by NAT-PMP isn't one";
  return { kind: "failed", failure: { kind: "nonsense", router, text } };
}

/** A router of the test's own on the loopback address: NAT-PMP over UDP, and UPnP over UDP and HTTP. */

export interface FakeRouterOptions {
  /** Which protocols it speaks. */
  readonly speaks: readonly ("NAT-PMP" | "UPnP")[];
}

/** What it answers to an action by UPnP, instead of what a router would: status and body. */
type Answers = (action: string, body: string) => readonly [number, string] | null;

const DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1";

export class FakeRouter {
  readonly #natPmp: Deno.DatagramConn;
  readonly #ssdp: Deno.DatagramConn;
  readonly #http: Deno.HttpServer<Deno.NetAddr>;
  readonly #done: Promise<void>[] = [];
  readonly #closing = new AbortController();
  /** Questions that it doesn't answer until it is closed. */
  readonly #silent: (() => void)[] = [];
  /** What it passes on, as `tcp 55107`, each to the port of the machine. */
  readonly held = new Map<string, number>();
  /** Ports that it has given to others. */
  readonly others = new Set<number>();
  /** The leases that it was asked for, seconds. */
  readonly leases: number[] = [];
  /** The machines to which it was to pass something on. */
  readonly clients = new Set<string>();
  host = "198.51.100.7";
  /** Whether a port that is given is given again to the one that has it. */
  renews = true;
  mood: "well" | "silent" | "refusing" = "well";
  /** Where it says that it is described; null: where it is. */
  location: string | null = null;
  /** The description, instead of its own. */
  description: Response | null = null;
  controlPath = "/control";
  answers: Answers = () => null;
  /** What it answers by NAT-PMP, instead of what a router would. */
  natPmpAnswer: ((question: Uint8Array) => Uint8Array[]) | null = null;
  /** Who has asked last by a datagram. */
  asker: Deno.Addr | null = null;
  /** How many questions came by HTTP. */
  asked = 0;

  constructor(private readonly options: FakeRouterOptions) {
    const local = { hostname: "127.0.0.1", port: 0 };
    this.#natPmp = Deno.listenDatagram({ ...local, transport: "udp" });
    this.#ssdp = Deno.listenDatagram({ ...local, transport: "udp" });
    this.#http = Deno.serve(
      { ...local, signal: this.#closing.signal, onListen: () => {} },
      async (request) =>
        this.#overHttp(new URL(request.url).pathname, request, await request.text()),
    );
    this.#done.push(this.#serve(this.#natPmp, (bytes) => this.#byNatPmp(bytes)));
    this.#done.push(this.#serve(this.#ssdp, (bytes) => this.#bySsdp(bytes)));
  }

  get natPmpPort(): number {
    return (this.#natPmp.addr as Deno.NetAddr).port;
  }

  get ssdpPort(): number {
    return (this.#ssdp.addr as Deno.NetAddr).port;
  }

  get httpPort(): number {
    return this.#http.addr.port;
  }

  async close(): Promise<void> {
    this.#natPmp.close();
    this.#ssdp.close();
    for (const end of this.#silent) end();
    this.#closing.abort();
    await Promise.all([...this.#done, this.#http.finished]);
  }

  async #serve(
    socket: Deno.DatagramConn,
    answer: (bytes: Uint8Array) => readonly Uint8Array[],
  ): Promise<void> {
    for await (const [bytes, from] of socket) {
      this.asker = from;
      for (const each of answer(bytes)) await socket.send(each, from);
    }
  }

  #byNatPmp(question: Uint8Array): readonly Uint8Array[] {
    if (this.natPmpAnswer !== null) return this.natPmpAnswer(question);
    if (this.mood === "silent" || !this.options.speaks.includes("NAT-PMP")) return [];
    const view = new DataView(question.buffer, question.byteOffset, question.length);
    const opcode = view.getUint8(1);
    const answer = new DataView(new ArrayBuffer(opcode === 0 ? 12 : 16));
    answer.setUint8(1, 128 + opcode);
    answer.setUint16(2, this.mood === "refusing" ? 2 : 0);
    if (opcode === 0) this.host.split(".").forEach((part, at) => answer.setUint8(8 + at, +part));
    else {
      const [internal, wished, leaseS] = [view.getUint16(4), view.getUint16(6), view.getUint32(8)];
      const transport = opcode === 1 ? "udp" : "tcp";
      const external = this.others.has(wished) ? wished + 1 : wished;
      if (leaseS > 0) {
        this.leases.push(leaseS);
        this.held.set(`${transport} ${external}`, internal);
      } else {
        for (const [name, port] of this.held) {
          if (name.startsWith(transport) && port === internal) this.held.delete(name);
        }
      }
      answer.setUint16(8, internal);
      answer.setUint16(10, external);
      answer.setUint32(12, leaseS);
    }
    return [new Uint8Array(answer.buffer)];
  }

  #bySsdp(question: Uint8Array): readonly Uint8Array[] {
    if (this.mood === "silent" || !this.options.speaks.includes("UPnP")) return [];
    const wanted = /^ST: (\S+)/m.exec(new TextDecoder().decode(question))?.[1];
    if (wanted !== DEVICE) return [];
    return [this.found(this.location ?? `http://127.0.0.1:${this.httpPort}/root.xml`)];
  }

  /** The answer of a router that is described there. */
  found(location: string): Uint8Array {
    const lines = [
      "HTTP/1.1 200 OK",
      `ST: ${DEVICE}`,
      `LOCATION: ${location}`,
      "USN: uuid:1",
      "",
      "",
    ];
    return new TextEncoder().encode(lines.join("\r\n"));
  }

  #overHttp(path: string, { headers }: Request, body: string): Response | Promise<Response> {
    this.asked++;
    if (this.mood === "silent") {
      return new Promise((resolve) => this.#silent.push(() => resolve(new Response(""))));
    }
    if (path === "/root.xml") {
      return this.description ?? new Response(
        `<?xml version="1.0"?><root><device><friendlyName>K\u00fcche</friendlyName><serviceList>` +
          `<service><serviceType>urn:other:1</serviceType><controlURL>/no</controlURL></service>` +
          `<service><serviceType>${SERVICE}</serviceType>` +
          `<controlURL>${this.controlPath}</controlURL></service></serviceList></device></root>`,
      );
    }
    const action = headers.get("soapaction")?.split("#")[1]?.replace('"', "") ?? "";
    const [status, inner] = this.answers(action, body) ?? this.#do(action, body);
    return new Response(`<s:Envelope><s:Body>${inner}</s:Body></s:Envelope>`, { status });
  }

  #do(action: string, body: string): readonly [number, string] {
    if (this.mood === "refusing") return fault(606);
    const given = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? "";
    const port = Number(given("NewExternalPort"));
    const name = `${given("NewProtocol").toLowerCase()} ${port}`;
    switch (action) {
      case "GetExternalIPAddress":
        return [200, `<u:R><NewExternalIPAddress>${this.host}</NewExternalIPAddress></u:R>`];
      case "GetSpecificPortMappingEntry":
        return this.held.has(name)
          ? [
            200,
            `<u:R><NewInternalPort>${this.held.get(name)}</NewInternalPort>` +
            `<NewInternalClient>${[...this.clients].at(-1)}</NewInternalClient></u:R>`,
          ]
          : fault(714);
      case "AddPortMapping":
        if (this.others.has(port) || !this.renews && this.held.has(name)) return fault(718);
        this.leases.push(Number(given("NewLeaseDuration")));
        this.clients.add(given("NewInternalClient"));
        this.held.set(name, Number(given("NewInternalPort")));
        return [200, "<u:R/>"];
      case "DeletePortMapping":
        return this.held.delete(name) ? [200, "<u:R/>"] : fault(714);
      default:
        return fault(401);
    }
  }
}

export function fault(code: number): readonly [number, string] {
  return [
    500,
    `<s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`,
  ];
}

/**
 * What routers don't answer, by NAT-PMP, SSDP and HTTP, over sockets of the target's own: each question gets an answer
 * that is one, nobody is asked but who is near and has answered, what is sent is well-formed, no more is read than may be,
 * all is closed, and a port is believed only at an address that the internet knows.
 *
 * An input is a row of parcels (`parcels.ts`), each an answer: its kind says to which protocol, from whom, and how it is
 * cut.
 */

import { assert, assertMatch } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { isPublicAddress, parseHost, PORT_MAX } from "../../../lib/base/text/endpoints.ts";
import { PortMapping } from "../../../lib/protocols/port_mapping/port_mapping.ts";
import type {
  PortMappingEffect,
  PortMappingInput,
  RouterAnswer,
} from "../../../lib/protocols/port_mapping/port_mapping_io.ts";
import { SystemRouter } from "../../../lib/transport/routers/system_router.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import { parcelOf, parcelsIn } from "../parcels.ts";
import type { Target } from "../target.ts";

const PORT = 55_107;
const OWN = { address: "10.0.0.2", netmask: "255.255.255.0", family: "IPv4" } as const;
/** Two that NAT-PMP asks, one that is only near, and one that isn't. */
const HOSTS = ["10.0.0.1", "10.0.0.254", "10.0.0.77", "198.51.100.9"];
const LIKELY = HOSTS.slice(0, 2);
const FAR = HOSTS[3]!;
const NAT_PMP_PORT = 5_351;
const SSDP_PORT = 1_900;
/** Bytes of a description, and one more, which tells that there are too many. */
const READ_MAX = 128 * 1_024 + 1;
/** More than one search: each asks those that were found, by some questions each. */
const ASKS_MAX = 12;

/** As the runtime has it. */
const REFUSED = "Connection refused (os error 111)";

/** Bits of a kind, after the two of the protocol and the two of the host. */
const ODD_PORT = 16;
const BY_BYTES = 32;
const ENDLESS = 64;

interface Answer {
  readonly host: string;
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** What stands for the sockets of this machine: whoever is asked says what the input says, until that is used up. */
class Network {
  readonly #answers: Record<"natPmp" | "ssdp" | "http", Answer[]> = {
    natPmp: [],
    ssdp: [],
    http: [],
  };
  readonly #open = new Set<unknown>();
  /** Near ones that have answered to a search. */
  readonly #found = new Set<string>();

  constructor(input: Uint8Array) {
    for (const { kind, bytes } of parcelsIn(input)) {
      const answers = [this.#answers.natPmp, this.#answers.ssdp, this.#answers.http];
      (answers[kind & 3] ?? this.#answers.http).push({ kind, bytes, host: HOSTS[kind >> 2 & 3]! });
    }
  }

  get isUsedUp(): boolean {
    return Object.values(this.#answers).every(({ length }) => length === 0);
  }

  get openCount(): number {
    return this.#open.size;
  }

  readonly listenDatagram = () => {
    let answers: Answer[] = [];
    let port = 0;
    const socket = {
      send: (bytes: Uint8Array, to: Deno.NetAddr): Promise<number> => {
        port = to.port;
        const isSearch = port === SSDP_PORT;
        assert(isSearch || (port === NAT_PMP_PORT && HOSTS.includes(to.hostname)), "known hosts");
        answers = isSearch ? this.#answers.ssdp : this.#answers.natPmp;
        return Promise.resolve(bytes.length);
      },
      receive: (buffer: Uint8Array): Promise<[Uint8Array, Deno.NetAddr]> => {
        const next = answers.shift();
        if (next === undefined || !this.#open.has(socket)) {
          return Promise.reject(new Deno.errors.Interrupted());
        }
        const { host: hostname, kind, bytes } = next;
        if (port === SSDP_PORT && hostname !== FAR) this.#found.add(hostname);
        buffer.set(bytes.subarray(0, buffer.length));
        const from = { hostname, port: port + ((kind & ODD_PORT) === 0 ? 0 : 1) };
        const received = buffer.subarray(0, Math.min(bytes.length, buffer.length));
        return Promise.resolve([received, { ...from, transport: "udp" }]);
      },
      close: () => void this.#open.delete(socket),
    };
    this.#open.add(socket);
    return socket;
  };

  readonly connect = ({ hostname, port }: { hostname: string; port: number }) => {
    assert(this.#found.has(hostname), `${hostname} hasn't answered`);
    assert(Number.isInteger(port) && port >= 0 && port <= PORT_MAX);
    const next = this.#answers.http.shift();
    if (next === undefined) return Promise.reject(new Deno.errors.ConnectionRefused(REFUSED));
    const { kind, bytes } = next;
    const source = (kind & ENDLESS) === 0 || bytes.length === 0 ? bytes : endless(bytes);
    const piece = source === bytes && (kind & BY_BYTES) !== 0 ? 1 : Infinity;
    let [at, readBytes, written] = [0, 0, ""];
    const connection = {
      localAddr: { hostname: OWN.address },
      write: (bytes: Uint8Array) => {
        written += new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
      read: (buffer: Uint8Array) => {
        checkQuestion(written);
        const part = source.subarray(at, at + Math.min(piece, buffer.length));
        if (part.length === 0) return Promise.resolve(null);
        buffer.set(part);
        at += part.length;
        readBytes += part.length;
        assert(readBytes <= READ_MAX, "it reads no more than it may");
        return Promise.resolve(part.length);
      },
      close: () => void this.#open.delete(connection),
    };
    this.#open.add(connection);
    return Promise.resolve(connection);
  };
}

/** Longer than anything that is read to its end. */
function endless(bytes: Uint8Array): Uint8Array {
  const long = new Uint8Array(2 * READ_MAX);
  for (let at = 0; at < long.length; at += bytes.length) {
    long.set(bytes.subarray(0, long.length - at), at);
  }
  return long;
}

/** What a router or its description says can't make it another question. */
function checkQuestion(written: string): void {
  const [head = "", ...bodies] = written.split("\r\n\r\n");
  assert(bodies.length === 1, "one question");
  const [first = "", ...fields] = head.split("\r\n");
  assertMatch(first, /^(GET|POST) \/[\x21-\x7e]* HTTP\/1\.1$/);
  for (const field of fields) assertMatch(field, /^[A-Za-z-]+: [\x20-\x7e]+$/);
}

/** @returns Whether the router gives the port. */
function checkAnswer(answer: RouterAnswer): boolean {
  if (answer.kind === "failed") {
    const { failure } = answer;
    if (failure.kind !== "no-router") assert(HOSTS.includes(failure.router));
    const text = "text" in failure ? failure.text : "none";
    assertMatch(text, /^[a-z][\x20-\x7e]+$/);
    assert(text.length < 100, "part of a sentence");
    return false;
  }
  assert(answer.router !== FAR && HOSTS.includes(answer.router), "who was asked");
  if (answer.kind === "taken") return false;
  const { by, router, external, leaseS } = answer;
  assert(by === "UPnP" || (LIKELY.includes(router) && leaseS > 0));
  assert(parseHost(external.host) === external.host && Number.isInteger(leaseS) && leaseS >= 0);
  return true;
}

function checkEffect(effect: PortMappingEffect): void {
  if (effect.type === "dial" || effect.type === "announce" || effect.type === "mapped") {
    if (effect.external === null) return;
    const { host, port } = effect.external;
    assert(isPublicAddress(host) && parseHost(host) === host, host);
    assert(Number.isInteger(port) && port > 0 && port <= PORT_MAX, `${port}`);
  }
  if (effect.type === "delete") assert(effect.request.external > 0);
}

/** @returns Whether a port was given. */
async function maps(input: Uint8Array): Promise<boolean> {
  const network = new Network(input);
  const { connect, listenDatagram } = Deno;
  Object.assign(Deno, { connect: network.connect, listenDatagram: network.listenDatagram });
  let nowMs = 0;
  const router = new SystemRouter({ interfaces: () => [OWN] });
  const mapping = new PortMapping({
    port: PORT,
    transports: ["tcp", "udp"],
    ownHosts: () => [OWN.address],
    dials: true,
  }, { random: () => 0.5 });
  let isGiven = false;
  try {
    const due: PortMappingInput[] = [{ type: "start" }];
    for (let asks = 0; asks < ASKS_MAX && (due.length > 0 || !network.isUsedUp);) {
      const effects = mapping.step(due.shift() ?? { type: "tick" }, nowMs);
      for (const effect of effects) {
        checkEffect(effect);
        if (effect.type === "ask") {
          asks++;
          const { ask, request, leaseS } = effect;
          const answer = await router.map(request, leaseS);
          if (checkAnswer(answer)) isGiven = true;
          due.push({ type: "answered", ask, answer });
        } else if (effect.type === "delete") {
          const { request } = effect;
          due.push({ type: "deleted", request, isDone: await router.drop(request) });
        } else if (effect.type === "dial") due.push({ type: "proven", external: effect.external });
        assert(network.openCount === 0, "all is closed");
      }
      if (due.length === 0) nowMs = Math.max(nowMs + 1, mapping.nextDeadlineMs() ?? Infinity);
      if (nowMs === Infinity) break;
    }
    for (const effect of mapping.step({ type: "stop" }, nowMs)) checkEffect(effect);
  } finally {
    router.close();
    Object.assign(Deno, { connect, listenDatagram });
  }
  return isGiven;
}

// What routers answer.

const DEVICES = [1, 2].map((version) =>
  `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`
);
const SERVICES = ["WANIPConnection:1", "WANIPConnection:2", "WANPPPConnection:1", "Layer3:1"]
  .map((service) => `urn:schemas-upnp-org:service:${service}`);
const PATHS = ["/control", "control?x=1", "http://10.0.0.77/c", "http://198.51.100.9/c", "//h/c"]
  .concat(["file:///c", "http://10.0.0.1:0/c", "/a\r\nX: y", "/\u00e9 ", "http://[::1]/", ""]);
const ADDRESSES = ["203.0.113.5", "0.0.0.0", "", "192.168.1.1", "255.255.255.255", "fe80::1"]
  .concat(["2001:db8::1", "a.example", " 9.9.9.9 ", "127.0.0.1", "1.2"]);
const CODES = [718, 725, 714, 501, 606, 715, 724, 728, 402, 99_999];

function serviceXml(random: Random): string {
  const [type, path] = [random.pick(SERVICES), random.chance(0.6) ? "/c" : random.pick(PATHS)];
  return `<service><serviceType>${type}</serviceType><controlURL>${path}</controlURL></service>`;
}

function body(random: Random): string {
  switch (random.below(4)) {
    case 0:
      return `<root>${
        Array.from({ length: random.below(4) }, () => serviceXml(random)).join("")
      }</root>`;
    case 1:
      return `<NewExternalIPAddress>${
        random.pick(random.chance(0.6) ? ADDRESSES.slice(0, 1) : ADDRESSES)
      }</NewExternalIPAddress>`;
    case 2:
      return `<errorCode>${random.pick(CODES)}</errorCode>`;
    default:
      return "<ok/>";
  }
}

function overHttp(text: string, random: Random): string {
  const status = random.pick(text.startsWith("<errorCode>") ? [500] : [200, 200, 200, 404]);
  const isLong = random.chance(0.04);
  const first = `HTTP/1.${random.below(2)} ${status} x`;
  const more = isLong ? [`X: ${"x".repeat(random.below(9_000))}`] : [];
  const [fields, sent] = random.pick<readonly [string[], string]>([
    [[], text],
    [[`Content-Length: ${text.length}`], text],
    [[`content-length:${random.below(400)}`], text],
    [["Transfer-Encoding: chunked"], inChunks(text, random)],
  ]);
  const end = isLong ? " ".repeat(random.below(50_000)) : "";
  return [first, ...more, ...fields, "", sent + end].join("\r\n");
}

function inChunks(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const parts = [text.slice(0, at), text.slice(at), ""].filter((part, i) => part !== "" || i === 2);
  return parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
}

function byNatPmp(opcode: number, random: Random): Uint8Array {
  const view = new DataView(new ArrayBuffer(opcode === 0 ? 12 : 16));
  view.setUint8(1, 128 + opcode);
  view.setUint16(2, random.chance(0.95) ? 0 : random.below(7));
  view.setUint32(4, random.pick([1_000, 1_200, 0]));
  if (opcode === 0) view.setUint32(8, random.chance(0.7) ? 0xcb007105 : random.bits());
  else {
    view.setUint16(8, random.chance(0.9) ? PORT : random.below(65_536));
    view.setUint16(10, random.chance(0.8) ? PORT : random.pick([0, 1, 40_000]));
    view.setUint32(12, random.pick([1_200, 1_200, 1, 0, 0xffffffff]));
  }
  return new Uint8Array(view.buffer);
}

function found(host: string, random: Random): string {
  const at = random.chance(0.8) ? host : random.pick(HOSTS);
  const location = random.chance(0.8) ? `http://${at}:5000/root.xml` : random.pick(PATHS);
  return ["HTTP/1.1 200 OK", `ST: ${random.pick(DEVICES)}`, `LOCATION: ${location}`, "", ""]
    .join("\r\n");
}

/** A router that speaks both protocols, or one, mostly as it should. */
function make(random: Random): Uint8Array {
  const router = random.pick([0, 0, 0, 1, 2, 3]);
  const parcels: Uint8Array[] = [];
  const say = (protocol: number, bytes: Uint8Array) => {
    const from = random.chance(0.97) ? router : random.below(4);
    const bits = [ODD_PORT, BY_BYTES, ENDLESS].reduce(
      (sum, bit) => sum | (random.chance(bit === BY_BYTES ? 0.2 : 0.02) ? bit : 0),
      0,
    );
    const sent = random.chance(0.06) ? spoilt(bytes, PIECES, random) : bytes;
    parcels.push(parcelOf(protocol | from << 2 | bits, sent));
  };
  if (random.chance(0.4)) {
    for (const opcode of [0, 0, 2, 0, 1]) {
      if (random.chance(0.95)) say(0, byNatPmp(random.chance(0.95) ? opcode : 1, random));
    }
  }
  for (let more = random.below(4); more > 0; more--) say(1, utf8(found(HOSTS[router]!, random)));
  const answers = random.chance(0.7)
    ? [
      `<root>${serviceXml(random)}${serviceXml(random)}</root>`,
      ...Array.from({ length: random.below(3) }, () => [
        `<NewExternalIPAddress>${ADDRESSES[0]}</NewExternalIPAddress>`,
        "<ok/>",
      ]).flat(),
    ]
    : [];
  while (random.chance(0.5)) answers.push(body(random));
  for (const text of answers) say(2, utf8(overHttp(text, random)));
  return concatBytes(...parcels);
}

const PIECES = ["<", ">", "</", "&a;", "<!--", "\r\n", "\n", "\r\n\r\n", ":", " ", "\t", "\0"]
  .concat(["<service>", "</service>", "<errorCode>", "</errorCode>", "<NewExternalIPAddress>"])
  .concat(["ffffff\r\n", "0\r\n", "Content-Length: 999999999", "Transfer-Encoding: chunked"])
  .concat(["HTTP/1.1 200", "LOCATION: ", "ST: "], DEVICES, SERVICES, PATHS, ADDRESSES)
  .map(utf8)
  .concat(NUMBERS, NO_TEXT);

export const routersTarget: Target = { name: "routers", pieces: PIECES, make, check: maps };

/**
 * Messages of multicast DNS about one type of service: made, and read. The package `dns-packet` has the form of DNS; here
 * is what of it may come in. It reserves memory for as many records as a header claims, some 2 MB for 12 bytes, and
 * throws where a record is broken: so the header is looked at first, and what is thrown is one answer, null.
 */

import { Buffer } from "node:buffer";
import dnsPacket from "dns-packet";
import { isAddress } from "../../base/text/endpoints.ts";
import type { Service } from "./service_discovery.ts";

/** The type under which rooms are announced. */
const SERVICE_TYPE = "_p2pchat._tcp.local";

/** Its first label. */
const SERVICE_LABEL = SERVICE_TYPE.slice(0, SERVICE_TYPE.indexOf("."));

/** Longer than any message of ours; longer ones of others are of other services. */
export const MESSAGE_BYTES_MAX = 1_472;
/** How long an announcement counts, s: as RFC 6762, section 10 has it for what names a host. */
const LIFE_S = 120;
/** More than any responder sends in one message of that length that concerns us. */
const RECORDS_MAX = 64;
/** Services looked at in one message: each machine sends its own alone. */
const SERVICES_MAX = 4;
const TEXTS_MAX = 16;
const HEADER_BYTES = 12;
/** A label of DNS, and nothing in it that has a meaning of its own there. */
const INSTANCE = /^[a-z0-9-]{1,63}$/;

interface Question {
  readonly name: string;
  readonly type: string;
}

interface DnsRecord extends Question {
  readonly ttl?: number;
  readonly flush?: boolean;
  readonly data?: unknown;
}

/** What of the package is used: it has no types of its own. */
interface DnsCodec {
  encode(message: {
    readonly type: "query" | "response";
    readonly flags?: number;
    readonly questions?: readonly Question[];
    readonly answers?: readonly DnsRecord[];
  }): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array): {
    readonly type: "query" | "response";
    readonly opcode: string;
    readonly questions: readonly Question[];
    readonly answers: readonly DnsRecord[];
    readonly additionals: readonly DnsRecord[];
  };
  readonly AUTHORITATIVE_ANSWER: number;
}

const codec = dnsPacket as unknown as DnsCodec;

/** What a message says of services of our type; each `host` is of its record. */
interface DiscoveryMessage {
  readonly isAsking: boolean;
  readonly services: readonly { readonly service: Service; readonly lifeMs: number }[];
  /** The instances that end. */
  readonly ended: readonly string[];
}

/** Asks for all services of the type. */
export function askingMessage(): Uint8Array<ArrayBuffer> {
  return codec.encode({ type: "query", questions: [{ name: SERVICE_TYPE, type: "PTR" }] });
}

/**
 * Announces the service.
 * @param address Of the interface through which it goes out.
 */
export function announcingMessage(service: Service, address: string): Uint8Array<ArrayBuffer> {
  return responseOf(service, address, LIFE_S);
}

/** Takes the announcement back. */
export function goodbyeMessage(service: Service, address: string): Uint8Array<ArrayBuffer> {
  return responseOf(service, address, 0);
}

function responseOf(
  { instance, port, texts }: Service,
  address: string,
  ttl: number,
): Uint8Array<ArrayBuffer> {
  const name = `${instance}.${SERVICE_TYPE}`;
  const target = `p2pchat-${instance}.local`;
  return codec.encode({
    type: "response",
    flags: codec.AUTHORITATIVE_ANSWER,
    answers: [
      { name: SERVICE_TYPE, type: "PTR", ttl, data: name },
      { name, type: "SRV", ttl, flush: true, data: { port, target } },
      { name, type: "TXT", ttl, flush: true, data: [...texts] },
      { name: target, type: "A", ttl, flush: true, data: address },
    ],
  });
}

/**
 * Reads what came in; null where it isn't DNS, says nothing of our type, or is longer than what does. Never throws. Most
 * that comes on a network is of others, and isn't read: a name stands in full where it comes first.
 */
export function readMessage(bytes: Uint8Array): DiscoveryMessage | null {
  const { buffer, byteOffset, length } = bytes;
  if (length > MESSAGE_BYTES_MAX || recordsClaimed(bytes) > RECORDS_MAX) return null;
  const whole = Buffer.from(buffer, byteOffset, length); // the package reads no other arrays
  if (!whole.includes(SERVICE_LABEL)) return null;
  let message: ReturnType<DnsCodec["decode"]>;
  try {
    message = codec.decode(whole);
  } catch {
    return null;
  }
  if (message.opcode !== "QUERY") return null;
  if (message.type === "query") {
    return { isAsking: message.questions.some(isOurs), services: [], ended: [] };
  }
  return { isAsking: false, ...servicesIn([...message.answers, ...message.additionals]) };
}

/** How many records the header says that there are; Infinity where there is no whole header. */
function recordsClaimed(bytes: Uint8Array): number {
  if (bytes.length < HEADER_BYTES) return Infinity;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [4, 6, 8, 10].reduce((sum, at) => sum + view.getUint16(at), 0);
}

/** Whether this asks for all services of the type, or for one of them. */
function isOurs({ name, type }: Question): boolean {
  const asked = lowerCase(name);
  if (asked === SERVICE_TYPE) return type === "PTR" || type === "ANY";
  return instanceOf(asked) !== null;
}

function servicesIn(
  records: readonly DnsRecord[],
): Pick<DiscoveryMessage, "services" | "ended"> {
  const services: { service: Service; lifeMs: number }[] = [];
  const ended: string[] = [];
  const pointers = records.filter(({ name, type }) =>
    type === "PTR" && lowerCase(name) === SERVICE_TYPE
  );
  for (const { data, ttl = 0 } of pointers.slice(0, SERVICES_MAX)) {
    const instance = instanceOf(lowerCase(data));
    if (instance === null) continue;
    if (ttl === 0) ended.push(instance);
    else {
      const service = serviceOf(instance, records);
      if (service !== null) services.push({ service, lifeMs: Math.min(ttl, LIFE_S) * 1_000 });
    }
  }
  return { services, ended };
}

/** Null where the message has not all of it: a program of ours sends all at once. */
function serviceOf(instance: string, records: readonly DnsRecord[]): Service | null {
  const name = `${instance}.${SERVICE_TYPE}`;
  const dataOf = (wanted: string, of = name) =>
    records.find((record) => record.type === wanted && lowerCase(record.name) === of)?.data;
  const place = dataOf("SRV");
  if (typeof place !== "object" || place === null) return null;
  const { port = 0, target = "" } = place as { readonly port?: unknown; readonly target?: unknown };
  if (typeof port !== "number" || port < 1 || port > 65_535) return null;
  const texts = dataOf("TXT");
  if (!Array.isArray(texts) || texts.length > TEXTS_MAX) return null;
  const host = dataOf("A", lowerCase(target));
  const at = typeof host === "string" && isAddress(host) ? { host } : {}; // it may be cut short
  return { instance, port, ...at, texts: texts.map(textOf) };
}

const UTF8 = new TextDecoder();

function textOf(data: unknown): string {
  return data instanceof Uint8Array ? UTF8.decode(data) : "";
}

/** The label before the type; null where there is none, or an odd one. */
function instanceOf(name: string): string | null {
  const suffix = `.${SERVICE_TYPE}`;
  if (!name.endsWith(suffix)) return null;
  const instance = name.slice(0, -suffix.length);
  return INSTANCE.test(instance) ? instance : null;
}

/** DNS doesn't tell cases apart. */
function lowerCase(text: unknown): string {
  return typeof text === "string" ? text.toLowerCase() : "";
}

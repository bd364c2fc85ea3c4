/**
 * One HTTP question to a device of this network. Neither `fetch` nor a library: this reads no more than it is told to,
 * ends when it is told to, follows no redirect, heeds no proxy of the environment, and says from which address of this
 * machine it asked, which the router has to be told.
 */

import { isSystemError } from "../../base/errors.ts";
import { closeSurely, isClosedSocket } from "../sockets.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** This machine's address on the connection. */
  readonly localHost: string;
}

interface HttpQuestion {
  /** An IP address and a path on it; `http:`. */
  readonly url: URL;
  /** Sent by POST; null: GET. */
  readonly body: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly bytesMax: number;
  /** For all of it. */
  readonly ms: number;
  /** Ends it before. */
  readonly signal?: AbortSignal;
}

/** Of a head: real ones have some hundreds. */
const HEAD_BYTES_MAX = 8_192;

/** One character for each byte, so that lengths fit: what is read of an answer is ASCII. */
const LATIN = new TextDecoder("latin1");

/** @returns Null where nobody answers in time, or what comes is longer, or isn't HTTP. */
export async function askByHttp(question: HttpQuestion): Promise<HttpAnswer | null> {
  const { url, bytesMax, ms, signal } = question;
  if (signal?.aborted === true) return null;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), ms);
  let connection: Deno.TcpConn | null = null;
  const end = () => {
    if (connection !== null) closeSurely(connection);
  };
  timeout.signal.addEventListener("abort", end);
  const abort = () => timeout.abort();
  signal?.addEventListener("abort", abort);
  try {
    const port = url.port === "" ? 80 : Number(url.port);
    const to = { hostname: url.hostname, port, signal: timeout.signal };
    connection = await Deno.connect(to);
    await writeAll(connection, new TextEncoder().encode(textOf(question)));
    const { hostname } = connection.localAddr as Deno.NetAddr;
    const bytes = await readAll(connection, bytesMax);
    return bytes === null ? null : parsed(bytes, hostname);
  } catch (error) {
    if (!isSystemError(error) && !isCutOff(error)) throw error;
    return null;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    end();
  }
}

function textOf({ url, body, headers }: HttpQuestion): string {
  const length: readonly (readonly [string, string])[] = body === null
    ? []
    : [["Content-Length", String(new TextEncoder().encode(body).length)]];
  const lines = [
    `${body === null ? "GET" : "POST"} ${url.pathname}${url.search} HTTP/1.1`,
    ...[["Host", url.host] as const, ["Connection", "close"] as const, ...headers, ...length]
      .map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/**
 * What comes until the other side ends, or has sent as much as it announced; null where that is too much. It may come byte
 * by byte: each is looked at once for the end of the head, and what has none in its place isn't read further.
 */
async function readAll(connection: Deno.TcpConn, bytesMax: number): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(bytesMax + 1);
  let [length, end] = [0, null as number | null];
  while (length < buffer.length) {
    const read = await connection.read(buffer.subarray(length));
    if (read === null) return buffer.subarray(0, length);
    length += read;
    end ??= announcedEnd(buffer.subarray(0, length), length - read);
    if (end !== null && length >= end) return buffer.subarray(0, length);
  }
  return null;
}

/**
 * Where the answer ends by its head, Infinity where that doesn't say it; null as long as the head hasn't ended. Some devices
 * keep the connection open although they are asked not to.
 * @param from Where it hasn't ended before.
 */
function announcedEnd(bytes: Uint8Array, from: number): number | null {
  const { head, bodyAt } = parts(bytes, from);
  if (head === null) return bytes.length < HEAD_BYTES_MAX ? null : HEAD_BYTES_MAX;
  const announced = /^content-length:[ \t]*(\d{1,9})[ \t]*$/im.exec(head)?.[1];
  return announced === undefined ? Infinity : bodyAt + Number(announced);
}

/** The head as text, and where the body begins; null where it hasn't ended. @param from It ends there, or behind. */
function parts(
  bytes: Uint8Array,
  from = 0,
): { readonly head: string | null; readonly bodyAt: number } {
  const most = Math.min(bytes.length, HEAD_BYTES_MAX);
  for (let at = Math.max(from, 3); at < most; at++) {
    const isEnd = bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10;
    if (isEnd) return { head: LATIN.decode(bytes.subarray(0, at)), bodyAt: at + 1 };
  }
  return { head: null, bodyAt: 0 };
}

function parsed(bytes: Uint8Array, localHost: string): HttpAnswer | null {
  const { head, bodyAt } = parts(bytes);
  const status = head === null ? undefined : /^HTTP\/1\.[01] (\d{3})\b/.exec(head)?.[1];
  if (head === null || status === undefined) return null;
  const isChunked = /^transfer-encoding:[ \t]*chunked[ \t]*$/im.test(head);
  const text = LATIN.decode(bytes.subarray(bodyAt));
  const body = isChunked ? joined(text) : text;
  return { status: Number(status), body, localHost };
}

/** The chunks of a body, one after the other. */
function joined(text: string): string {
  const chunks: string[] = [];
  for (let at = 0;;) {
    const size = /^([0-9a-f]{1,6})[^\n]{0,64}\r\n/i.exec(text.slice(at, at + 80));
    const length = size === null ? 0 : parseInt(size[1]!, 16);
    if (size === null || length === 0) return chunks.join("");
    at += size[0].length;
    chunks.push(text.slice(at, at + length));
    at += length + 2;
  }
}

function isCutOff(error: unknown): boolean {
  return isClosedSocket(error) || (error instanceof DOMException && error.name === "AbortError");
}

/**
 * Finds routers by SSDP (UPnP Device Architecture 1.1, section 1.3): who answers a question to all says where it is
 * described. Anybody may answer; only what is on the host that answers, and near, is heeded.
 */

import { isSystemError } from "../../base/errors.ts";
import { type Interface, isNear } from "./near_hosts.ts";
import { closeSurely, isClosedSocket } from "../sockets.ts";

/** Answers within a second. */
const MX_S = 1;
/** The question goes out twice, as datagrams get lost. */
const SENT = 2;
const SENT_AGAIN_MS = 500;
export const HEARD_MS = 2_500;
/** A network has one router, or two; others' answers aren't waited for. */
const FOUND_MAX = 4;
/** Answers that are looked at, whoever sends more. */
const ANSWERS_MAX = 64;
const ANSWER_BYTES_MAX = 2_048;
const WANTED = [1, 2].map((version) =>
  `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`
);

export interface SsdpOptions {
  readonly host: string;
  readonly port: number;
  /** How long answers are waited for. */
  readonly heardMs: number;
  readonly interfaces: () => readonly Interface[];
}

/** Where the devices that answer as routers are described, the first first. @param signal Ends the search. */
export async function findByUpnp(
  { host, port, heardMs, interfaces }: SsdpOptions,
  signal: AbortSignal,
): Promise<readonly URL[]> {
  const found = new Map<string, URL>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let socket: Deno.DatagramConn | null = null;
  const end = () => {
    if (socket !== null) closeSurely(socket);
  };
  signal.addEventListener("abort", end);
  try {
    const own = socket = Deno.listenDatagram({ hostname: "0.0.0.0", port: 0, transport: "udp" });
    timer = setTimeout(end, heardMs);
    const near = interfaces();
    let sent = 0;
    const send = async () => {
      if (++sent < SENT) again = setTimeout(() => void send(), SENT_AGAIN_MS);
      const to = { transport: "udp", hostname: host, port } as const;
      // Where there is no route to groups, nobody is heard.
      await Promise.allSettled(WANTED.map((wanted) => own.send(searching(wanted, host, port), to)));
    };
    await send();
    for (let heard = 0; heard < ANSWERS_MAX && found.size < FOUND_MAX; heard++) {
      const [bytes, from] = await own.receive(new Uint8Array(ANSWER_BYTES_MAX));
      const { hostname } = from as Deno.NetAddr;
      const url = isNear(hostname, near) ? locationIn(bytes, hostname) : null;
      if (url !== null) found.set(url.href, url);
    }
  } catch (error) {
    if (!isSystemError(error) && !isClosedSocket(error)) throw error;
  } finally {
    clearTimeout(timer);
    clearTimeout(again);
    signal.removeEventListener("abort", end);
    end();
  }
  return [...found.values()];
}

function searching(wanted: string, host: string, port: number): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${host}:${port}`,
    'MAN: "ssdp:discover"',
    `MX: ${MX_S}`,
    `ST: ${wanted}`,
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Where the device is described that answers; null where it is no router, or is described on another host. */
function locationIn(bytes: Uint8Array, from: string): URL | null {
  const text = new TextDecoder().decode(bytes);
  const isAnswer = /^HTTP\/1\.[01] 200\b/.test(text);
  const kind = /^st:[ \t]*(\S+)[ \t]*$/im.exec(text)?.[1];
  const location = /^location:[ \t]*(\S+)[ \t]*$/im.exec(text)?.[1];
  if (!isAnswer || kind === undefined || !WANTED.includes(kind) || location === undefined) {
    return null;
  }
  const url = URL.parse(location);
  return url?.protocol === "http:" && url.hostname === from ? url : null;
}

/** Where a client comes in: a port of this machine's own, or a socket in the file system. */

import { isSystemError, P2pchatError, systemErrorCode, systemText } from "../../base/errors.ts";
import { IRC_PORT_DEFAULT, type IrcPlace } from "../args/options.ts";

/** Nobody else's network reaches it. */
const LOOPBACK = "127.0.0.1";
const SOCKET_MODE = 0o600;

interface IrcListener {
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  /** For the user, and for scripts. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  /** What the user has to know of it; null: nothing. */
  readonly warning: string | null;
}

/** @throws {P2pchatError} `port-in-use`, `in-use`, `bad-file` or `disk`. */
export async function openIrcListener(place: IrcPlace): Promise<IrcListener> {
  if (place.type === "path") return await openSocket(place.path);
  const listener = openPort(place.port ?? IRC_PORT_DEFAULT) ??
    (place.port === null ? openPort(0) : null);
  if (listener === null) {
    const text = `Cannot serve IRC at port ${place.port}: another program listens there; ` +
      "choose another one with --irc PORT";
    throw new P2pchatError("port-in-use", text);
  }
  const { port } = listener.addr;
  const isMoved = place.port === null && port !== IRC_PORT_DEFAULT;
  return { listener, at: { host: LOOPBACK, port }, warning: isMoved ? movedText(port) : null };
}

function movedText(port: number): string {
  return `IRC is at port ${port}, as another program listens at ${IRC_PORT_DEFAULT}: a client that connects there tells ` +
    "that program your password; on a machine that others use --irc PATH is safe from that";
}

/** Null where the port is taken. */
function openPort(port: number): Deno.TcpListener | null {
  try {
    return Deno.listen({ hostname: LOOPBACK, port });
  } catch (error) {
    if (systemErrorCode(error) === "EADDRINUSE") return null;
    throw notOpened(`port ${port}`, error);
  }
}

async function openSocket(path: string): Promise<IrcListener> {
  let listener: Deno.UnixListener | null = null;
  try {
    listener = bound(path);
    if (listener === null) {
      await removeStale(path);
      listener = bound(path);
    }
    if (listener === null) throw taken(path);
    Deno.chmodSync(path, SOCKET_MODE); // before anybody is let in
    return { listener: removedAtClose(listener, path), at: { path }, warning: null };
  } catch (error) {
    listener?.close();
    if (error instanceof P2pchatError) throw error;
    throw notOpened(path, error);
  }
}

/** The runtime removes a socket only once nobody waits for clients there: the program may have ended by then. */
function removedAtClose(listener: Deno.UnixListener, path: string): IrcListener["listener"] {
  return {
    accept: () => listener.accept(),
    close() {
      try {
        Deno.removeSync(path);
      } catch {
        // It is gone, or stays as a killed program's does, and the next start takes it over.
      }
      listener.close();
    },
  };
}

/** Null where something is at the path. */
function bound(path: string): Deno.UnixListener | null {
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    if (systemErrorCode(error) === "EADDRINUSE") return null;
    throw error;
  }
}

/** A program that was killed leaves its socket, at which nobody answers. Nothing else is removed. */
async function removeStale(path: string): Promise<void> {
  const { isSocket } = Deno.lstatSync(path);
  if (isSocket !== true) {
    const text = `Cannot serve IRC at ${path}: that file is there, and isn't a socket; ` +
      "choose another path";
    throw new P2pchatError("bad-file", text);
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (systemErrorCode(error) !== "ECONNREFUSED") throw error;
    Deno.removeSync(path);
    return;
  }
  throw taken(path);
}

function taken(path: string): P2pchatError {
  const text = `Cannot serve IRC at ${path}: another program listens there; choose another path`;
  return new P2pchatError("in-use", text);
}

function notOpened(where: string, cause: unknown): P2pchatError {
  if (!isSystemError(cause)) throw cause;
  const text = `Cannot serve IRC at ${where}: ${systemText(cause)}; choose another with --irc`;
  return new P2pchatError("bad-file", text, { cause });
}

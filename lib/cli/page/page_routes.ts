/** What a request is for. One of somebody else's page gets nothing: neither the page, nor a word of what is said. */

import { safeFileName } from "../../protocols/transfer/file_names.ts";
import { foreignRequest } from "../http/foreign_requests.ts";
import type { HttpRequest } from "../http/http_head_reader.ts";

export type Route =
  | {
    readonly to: "asset";
    readonly name: string;
    readonly isHead: boolean;
    readonly takesBrotli: boolean;
  }
  /** A WebSocket. `key`: the client's, for `acceptOf`. */
  | { readonly to: "socket"; readonly key: string }
  /** Whoever has the ticket has logged in. `name`: one part of a path, and harmless. */
  | {
    readonly to: "upload";
    readonly ticket: string;
    readonly name: string;
    readonly bytes: number;
  }
  | Refused;

/** `text`: a sentence without a full stop. `allow`: the methods that there are at the path, with status 405. */
export interface Refused {
  readonly to: "nothing";
  readonly status: number;
  readonly text: string;
  readonly allow?: string;
}

/** What the client and we speak over the socket. */
export const SUBPROTOCOL = "p2pchat.1";

/** @param port The one that the page is served at. */
export function routeOf({ method, path, headers }: HttpRequest, port: number): Route {
  // Not localhost: at ::1 another program may listen, which would be given the token.
  const foreign = foreignRequest(headers, [`127.0.0.1:${port}`]);
  if (foreign !== null) return { to: "nothing", ...foreign };
  const [name = ""] = path.slice(1).split("?", 1);
  if (name === "socket") return method === "GET" ? socketOf(headers) : notAllowed("GET");
  if (name === "files") return method === "POST" ? uploadOf(headers) : notAllowed("POST");
  if (method !== "GET" && method !== "HEAD") return notAllowed("GET, HEAD");
  return {
    to: "asset",
    name: name === "" ? "index.html" : name,
    isHead: method === "HEAD",
    takesBrotli: listOf(headers.get("accept-encoding")).includes("br"),
  };
}

function socketOf(headers: HttpRequest["headers"]): Route {
  if (!headers.has("origin")) return refused(403, "A WebSocket needs the header Origin");
  const key = headers.get("sec-websocket-key") ?? "";
  const isOurs = listOf(headers.get("connection")).includes("upgrade") &&
    headers.get("upgrade")?.toLowerCase() === "websocket" &&
    /^[A-Za-z0-9+/]{22}==$/.test(key) && headers.get("sec-websocket-version") === "13" &&
    listOf(headers.get("sec-websocket-protocol")).includes(SUBPROTOCOL);
  if (isOurs) return { to: "socket", key };
  return refused(400, `Only a WebSocket of version 13 for ${SUBPROTOCOL} can be opened here`);
}

function uploadOf(headers: HttpRequest["headers"]): Route {
  if (!headers.has("origin")) return refused(403, "A file needs the header Origin");
  const authorization = headers.get("authorization") ?? "";
  const [, ticket] = /^Bearer ([A-Za-z0-9_-]{1,100})$/.exec(authorization) ?? [];
  if (ticket === undefined) return refused(401, "A file needs the ticket of an open page");
  const length = headers.get("content-length");
  if (length === undefined || headers.has("transfer-encoding")) {
    return refused(411, "A file needs its length");
  }
  const name = decoded(headers.get("x-file-name") ?? "");
  if (name === null || !/^\d{1,15}$/.test(length)) {
    return refused(400, "A file needs a name, and its length as a number");
  }
  return { to: "upload", ticket, name: safeFileName(name), bytes: Number(length) };
}

function decoded(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

/** More words no browser sends. */
function listOf(header = ""): readonly string[] {
  return header.toLowerCase().split(",", 20).map((word) => word.trim());
}

function refused(status: number, text: string): Refused {
  return { to: "nothing", status, text };
}

function notAllowed(allow: string): Refused {
  return { ...refused(405, `Here is only ${allow}`), allow };
}

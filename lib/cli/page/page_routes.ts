/** What a request is for. One of somebody else's page gets nothing: neither the page, nor a word of what is said. */

import { safeFileName } from "../../protocols/transfer/file_names.ts";
import { foreignRequest } from "../http/foreign_requests.ts";
import type { HttpRequest } from "../http/http_head_reader.ts";

export type Route =
  | { readonly to: "asset"; readonly name: string; readonly isHead: boolean }
  /** A WebSocket. `key`: the client's, for `acceptOf`. */
  | { readonly to: "socket"; readonly key: string }
  | {
    readonly to: "upload";
    /** Whoever has it has logged in. */
    readonly ticket: string;
    readonly name: string;
    readonly bytes: number;
  }
  | {
    readonly to: "nothing";
    readonly status: number;
    readonly text: string;
    /** The methods that there are at the path, with status 405. */
    readonly allow?: string;
  };

/** What the client and we speak over the socket. */
export const SUBPROTOCOL = "p2pchat.1";

const FILE_NAME_BYTES_MAX = 255;

/** @param port The one that the page is served at. */
export function routeOf(request: HttpRequest, port: number): Route {
  const { method, path, headers } = request;
  // Not localhost: at ::1 another program may listen, which would be given the token.
  const foreign = foreignRequest(headers, [`127.0.0.1:${port}`]);
  if (foreign !== null) return { to: "nothing", ...foreign };
  const [name = ""] = path.slice(1).split("?", 1);
  if (name === "socket") return method === "GET" ? socketOf(headers) : notAllowed("GET");
  if (name === "files") return method === "POST" ? uploadOf(headers) : notAllowed("POST");
  if (method !== "GET" && method !== "HEAD") return notAllowed("GET, HEAD");
  return { to: "asset", name: name === "" ? "index.html" : name, isHead: method === "HEAD" };
}

function socketOf(headers: HttpRequest["headers"]): Route {
  if (!headers.has("origin")) return refused(403, "A WebSocket needs the header Origin");
  const upgrades = listOf(headers.get("connection")).includes("upgrade") &&
    headers.get("upgrade")?.toLowerCase() === "websocket";
  const key = headers.get("sec-websocket-key") ?? "";
  if (!upgrades || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    return refused(400, "Only a WebSocket can be opened here");
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return refused(400, "The version of a WebSocket must be 13");
  }
  if (!listOf(headers.get("sec-websocket-protocol")).includes(SUBPROTOCOL)) {
    return refused(400, `The subprotocol of a WebSocket must be ${SUBPROTOCOL}`);
  }
  return { to: "socket", key };
}

function uploadOf(headers: HttpRequest["headers"]): Route {
  if (!headers.has("origin")) return refused(403, "A file needs the header Origin");
  const [, ticket] = /^Bearer ([A-Za-z0-9_-]{1,100})$/.exec(headers.get("authorization") ?? "") ??
    [];
  if (ticket === undefined) return refused(401, "A file needs the ticket of an open page");
  const length = headers.get("content-length");
  if (length === undefined || headers.has("transfer-encoding")) {
    return refused(411, "A file needs its length");
  }
  const bytes = /^\d{1,15}$/.test(length) ? Number(length) : NaN;
  if (Number.isNaN(bytes)) return refused(400, "The length of a file must be a number");
  const name = nameIn(headers.get("x-file-name") ?? "");
  if (name === null) {
    return refused(400, `A file needs a name of 1 to ${FILE_NAME_BYTES_MAX} bytes, and no path`);
  }
  return { to: "upload", ticket, name: safeFileName(name), bytes };
}

/** A name that is one part of a path; null: it isn't. */
function nameIn(encoded: string): string | null {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    return null;
  }
  const bytes = new TextEncoder().encode(name).length;
  const isPart = name.trim() !== "" && name !== "." && name !== ".." &&
    bytes <= FILE_NAME_BYTES_MAX;
  // deno-lint-ignore no-control-regex
  return isPart && !/[/\\\u0000-\u001f\u007f\u2028\u2029]/.test(name) ? name : null;
}

function listOf(header = ""): readonly string[] {
  return header.toLowerCase().split(",").map((word) => word.trim());
}

function refused(status: number, text: string): Route {
  return { to: "nothing", status, text };
}

function notAllowed(allow: string): Route {
  return { to: "nothing", status: 405, text: `Here is only ${allow}`, allow };
}

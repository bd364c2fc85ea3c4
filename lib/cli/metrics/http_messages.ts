/** The little of HTTP/1.1 that a monitor needs: the head of a request, and the answer to it, as text. */

/** A request that can be answered. Its body, if it has one, is nothing to us. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  /** Without the query. */
  readonly path: string;
  /** What `Accept` says; empty where it isn't there. */
  readonly accept: string;
}

export interface HttpAnswer {
  readonly status: Status;
  readonly type: string;
  readonly body: string;
}

const REASONS = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
} as const;

type Status = keyof typeof REASONS;

const METHODS = ["GET", "HEAD"] as const;

/** An answer of one line, for people. */
export function plain(status: Status, line: string): HttpAnswer {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}

/** @param head All up to the empty line, one character for each byte. @returns A refusal where it can't be answered. */
export function parseRequest(head: string): HttpRequest | HttpAnswer {
  const [first = "", ...fields] = head.split(/\r?\n/);
  const [, named, target, version] = /^([!-~]+) ([!-~]+) HTTP\/(\d\.\d)$/.exec(first) ?? [];
  if (named === undefined || target === undefined) return plain(400, "This is no HTTP request");
  if (!version!.startsWith("1.")) return plain(505, "HTTP/1.1, or HTTP/1.0, is spoken here");
  const method = METHODS.find((each) => each === named);
  if (method === undefined) return plain(405, "Only GET and HEAD are answered");
  const path = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(target)![1]!;
  return { method, path, accept: fieldIn(fields, "accept") };
}

/** The values of a field of the head, in one line. */
function fieldIn(fields: readonly string[], name: string): string {
  return fields.filter((field) => field.slice(0, name.length + 1).toLowerCase() === `${name}:`)
    .map((field) => field.slice(name.length + 1).trim()).join();
}

/** The whole answer. @param method With HEAD all but the body. */
export function answerText(
  { status, type, body }: HttpAnswer,
  method: HttpRequest["method"],
): string {
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Content-Type: ${type}`,
    `Content-Length: ${new TextEncoder().encode(body).length}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Connection: close",
    ...(status === 405 ? [`Allow: ${METHODS.join(", ")}`] : []),
  ];
  return `${head.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : body}`;
}

import { assert, assertEquals } from "@std/assert";
import type { HttpRequest } from "../../../lib/cli/http/http_head_reader.ts";
import { routeOf } from "../../../lib/cli/page/page_routes.ts";

const PORT = 55_108;
const OWN = { host: `127.0.0.1:${PORT}`, origin: `http://127.0.0.1:${PORT}` };
const SOCKET = {
  ...OWN,
  connection: "keep-alive, Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
  "sec-websocket-protocol": "p2pchat.1",
};
const PACKED = { ...OWN, "accept-encoding": "gzip, deflate, br" };
const FILE = {
  ...OWN,
  authorization: "Bearer ticket",
  "content-length": "5",
  "x-file-name": "a%20b.txt",
};

function request(
  method: string,
  path: string,
  headers: Readonly<Record<string, string | undefined>> = OWN,
): HttpRequest {
  const given = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]]
  );
  return { method, path, headers: new Map(given) };
}

const statusOf = (...args: Parameters<typeof request>) => {
  const route = routeOf(request(...args), PORT);
  return route.to === "nothing" ? route.status : route.to;
};

Deno.test("what the page needs is served", () => {
  assertEquals(routeOf(request("GET", "/"), PORT), {
    ...{ to: "asset", name: "index.html", isHead: false, takesBrotli: false },
  });
  assertEquals(routeOf(request("HEAD", "/page.js?1", PACKED), PORT), {
    ...{ to: "asset", name: "page.js", isHead: true, takesBrotli: true },
  });
  assertEquals(routeOf(request("GET", "/socket", SOCKET), PORT), {
    ...{ to: "socket", key: SOCKET["sec-websocket-key"] },
  });
  assertEquals(routeOf(request("POST", "/files", FILE), PORT), {
    ...{ to: "upload", ticket: "ticket", name: "a b.txt", bytes: 5 },
  });
});

Deno.test("a host name that was made to lead here gets nothing", () => {
  for (const host of [undefined, "evil.example", `evil.example:${PORT}`, `localhost:${PORT}`]) {
    assertEquals(statusOf("GET", "/", { host }), 421);
    assertEquals(statusOf("GET", "/socket", { ...SOCKET, host }), 421);
    assertEquals(statusOf("POST", "/files", { ...FILE, host }), 421);
  }
});

Deno.test("another origin gets nothing, and a socket or a file needs to say its own", () => {
  for (const origin of ["http://evil.example", "null"]) {
    assertEquals(statusOf("GET", "/page.js", { ...OWN, origin }), 403);
    assertEquals(statusOf("GET", "/socket", { ...SOCKET, origin }), 403);
    assertEquals(statusOf("POST", "/files", { ...FILE, origin }), 403);
  }
  assertEquals(statusOf("GET", "/socket", { ...SOCKET, origin: undefined }), 403);
  assertEquals(statusOf("POST", "/files", { ...FILE, origin: undefined }), 403);
});

Deno.test("unknown methods are refused with those that there are", () => {
  for (
    const [method, path] of [["PUT", "/"], ["OPTIONS", "/"], ["POST", "/socket"], ["GET", "/files"]]
  ) {
    const route = routeOf(request(method!, path!, FILE), PORT);
    assert(route.to === "nothing" && route.status === 405 && route.allow !== undefined);
  }
});

Deno.test("what isn't a WebSocket of ours isn't opened", () => {
  for (
    const name of [
      "connection",
      "upgrade",
      "sec-websocket-key",
      "sec-websocket-version",
      "sec-websocket-protocol",
    ]
  ) {
    assertEquals(statusOf("GET", "/socket", { ...SOCKET, [name]: undefined }), 400, name);
    assertEquals(statusOf("GET", "/socket", { ...SOCKET, [name]: "x" }), 400, name);
  }
});

Deno.test("a file needs a ticket, a length and a name, of which no path is made", () => {
  assertEquals(statusOf("POST", "/files", { ...FILE, authorization: undefined }), 401);
  assertEquals(statusOf("POST", "/files", { ...FILE, authorization: "Basic eA==" }), 401);
  assertEquals(statusOf("POST", "/files", { ...FILE, "content-length": undefined }), 411);
  assertEquals(statusOf("POST", "/files", { ...FILE, "transfer-encoding": "chunked" }), 411);
  assertEquals(statusOf("POST", "/files", { ...FILE, "content-length": "-1" }), 400);
  assertEquals(statusOf("POST", "/files", { ...FILE, "x-file-name": "%ff" }), 400);
  const names = [
    ["..", "file"],
    ["%2e%2e%2Fetc", "_etc"],
    ["%2Fetc%2Fpasswd", "_etc_passwd"],
    ["a%5Cb%00%0A", "a_b__"],
    ["%C3%A9%20..txt", "\u00e9 ..txt"],
    // What would mislead whoever reads the name is gone before anything has it.
    ["a%E2%80%AEfdp.exe", "a_fdp.exe"],
  ];
  for (const [given, name] of names) {
    const route = routeOf(request("POST", "/files", { ...FILE, "x-file-name": given }), PORT);
    assertEquals(route.to === "upload" && route.name, name);
  }
});

import { assertEquals, assertMatch } from "@std/assert";
import { foreignRequest } from "../../../lib/cli/http/foreign_requests.ts";

const PORT = 55_108;

function statusOf(
  headers: Readonly<Record<string, string>>,
  own = { host: "127.0.0.1", port: PORT },
): number | null {
  return foreignRequest(new Map(Object.entries(headers)), own)?.status ?? null;
}

Deno.test("programs of this machine ask by its own address", () => {
  for (const host of [`127.0.0.1:${PORT}`, `localhost:${PORT}`]) {
    assertEquals(statusOf({ host }), null);
    assertEquals(statusOf({ host, origin: `http://${host}` }), null);
  }
  assertEquals(statusOf({ host: "[::1]:9440" }, { host: "::1", port: 9_440 }), null);
  for (const host of ["127.0.0.1:80", "127.0.0.1", "localhost"]) {
    assertEquals(
      statusOf({ host, origin: `http://${host}` }, { host: "127.0.0.1", port: 80 }),
      null,
    );
  }
});

Deno.test("a host name that was made to lead here is refused in words", () => {
  for (
    const host of ["", "evil.example", `evil.example:${PORT}`, "127.0.0.1", "localhost:1"]
      .concat(`127.0.0.1.evil.example:${PORT}`, `127.0.0.2:${PORT}`, `evil@127.0.0.1:${PORT}`)
  ) assertEquals(statusOf({ host, origin: `http://${host}` }), 421, host);
  const { text = "" } = foreignRequest(new Map(), { host: "127.0.0.1", port: PORT }) ?? {};
  assertMatch(text, /^Only what is asked of 127\.0\.0\.1:55108 is answered here/);
});

Deno.test("another origin is refused in words", () => {
  const host = `127.0.0.1:${PORT}`;
  for (
    const origin of [
      "http://evil.example",
      "null",
      "",
      `https://${host}`,
      `http://localhost:${PORT}`,
    ]
  ) assertEquals(statusOf({ host, origin }), 403, origin);
});

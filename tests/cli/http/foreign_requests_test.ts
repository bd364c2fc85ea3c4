import { assertEquals, assertMatch } from "@std/assert";
import { foreignRequest } from "../../../lib/cli/http/foreign_requests.ts";

const PORT = 55_108;

function statusOf(
  headers: Readonly<Record<string, string>>,
  hosts: readonly string[] = [`127.0.0.1:${PORT}`],
): number | null {
  return foreignRequest(new Map(Object.entries(headers)), hosts)?.status ?? null;
}

Deno.test("programs of this machine ask by its own address", () => {
  for (const host of [`127.0.0.1:${PORT}`, `localhost:${PORT}`]) {
    assertEquals(statusOf({ host }, [`127.0.0.1:${PORT}`, `localhost:${PORT}`]), null);
    assertEquals(statusOf({ host, origin: `http://${host}` }, [host]), null);
  }
  for (const host of ["127.0.0.1:80", "127.0.0.1"]) {
    assertEquals(statusOf({ host, origin: `http://${host}` }, ["127.0.0.1:80"]), null);
  }
});

Deno.test("a host name that was made to lead here is refused in words", () => {
  for (
    const host of ["", "evil.example", `evil.example:${PORT}`, "127.0.0.1", `localhost:${PORT}`]
      .concat(`127.0.0.1.evil.example:${PORT}`, `127.0.0.2:${PORT}`, `evil@127.0.0.1:${PORT}`)
  ) assertEquals(statusOf({ host, origin: `http://${host}` }), 421, host);
  const { text = "" } = foreignRequest(new Map(), [`127.0.0.1:${PORT}`]) ?? {};
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

import { assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { askByHttp, type HttpAnswer } from "../../../lib/transport/routers/bounded_http.ts";

/** What comes of an answer whose bytes come one by one, and how many of them are read. */
async function read(text: string): Promise<{ answer: HttpAnswer | null; count: number }> {
  const bytes = utf8(text);
  let count = 0;
  const connection = {
    localAddr: { hostname: "10.0.0.2" },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    read: (buffer: Uint8Array) => {
      if (count === bytes.length) return Promise.resolve(null);
      buffer[0] = bytes[count++]!;
      return Promise.resolve(1);
    },
    close: () => {},
  };
  const { connect } = Deno;
  Object.assign(Deno, { connect: () => Promise.resolve(connection) });
  try {
    const url = new URL("http://10.0.0.1/");
    const question = { url, body: null, headers: [], bytesMax: 20_000, ms: 10_000 };
    return { answer: await askByHttp(question), count };
  } finally {
    Object.assign(Deno, { connect });
  }
}

Deno.test("askByHttp() gives up what has a head without an end, however long it goes on", async () => {
  assertEquals(await read(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(19_000)}`), {
    answer: null,
    count: 8_192,
  });
});

Deno.test("askByHttp() reads as much as was announced, or all where nothing was", async () => {
  const body = "x".repeat(9_000);
  const whole = { status: 200, body, localHost: "10.0.0.2" };
  const head = "HTTP/1.1 200 OK\r\n";

  assertEquals((await read(`${head}Content-Length: 9000\r\n\r\n${body}more`)).answer, whole);
  assertEquals((await read(`${head}\r\n${body}`)).answer, whole);
  assertEquals((await read(`${head}\r\n${body.repeat(3)}`)).answer, null);
});

/** `--mcp` as the client of the protocol's own makers sees it: of both eras. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Client } from "npm:@modelcontextprotocol/client@2.4.0";
import { StdioClientTransport } from "npm:@modelcontextprotocol/client@2.4.0/stdio";
import { Nodes, PROGRAM } from "./node.ts";

const ERAS = [
  { name: "an earlier revision", options: {}, revision: "2025-11-25" },
  {
    name: "the present revision",
    options: { versionNegotiation: { mode: "auto" } },
    revision: "2026-07-28",
  },
] as const;

for (const { name, options, revision } of ERAS) {
  const title = `--mcp: the SDK's client of ${name} finds the tools, and talks in a room`;
  // When it closes, the client leaves a timer for a program that doesn't end.
  const leaves = { sanitizeOps: false, sanitizeResources: false };
  Deno.test({ name: title, ...leaves, fn: () => talk(options, revision) });
}

for (const { name, options } of ERAS) {
  Deno.test({
    name: `--mcp: the SDK's client of ${name} gives calls up, and asks for many at once`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => hurry(options),
  });
}

async function hurry(options: (typeof ERAS)[number]["options"]): Promise<void> {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  const data = await Deno.makeTempDir({ prefix: "p2pchat-mcp-" });
  const at = ["127.0.0.1", String(ann.port), "--host", "127.0.0.1", "--port", "0"];
  const args = ["mesh", "agent", ...at, "--data", data, "--mcp"];
  const client = new Client({ name: "test", version: "1" }, options);
  try {
    await client.connect(new StdioClientTransport({ command: PROGRAM, args }));
    await client.callTool({ name: "members", arguments: {} });
    const waiting = { name: "wait", arguments: { timeout: 3_600 } };
    const bored = new AbortController();
    const waits = Array.from(
      { length: 16 },
      () => client.callTool(waiting, { signal: bored.signal }),
    );
    const refused = await client.callTool({ name: "members", arguments: {} });
    bored.abort("bored");
    const ended = await Promise.allSettled(waits);
    const many = await Promise.all(
      Array.from({ length: 1_000 }, () => client.callTool({ name: "members", arguments: {} })),
    );
    await ann.say("and now?");
    const heard = await client.callTool({ name: "wait", arguments: { timeout: 50 } });

    assertEquals(ended.map(({ status }) => status), Array(16).fill("rejected"));
    const textOf = ({ content }: typeof refused) => (content as { text: string }[])[0]!.text;
    assertEquals([refused.isError, textOf(refused).startsWith("16 calls are open")], [true, true]);
    assert(many.some(({ isError }) => isError !== true));
    for (const each of many) {
      if (each.isError === true) assertStringIncludes(textOf(each), "16 calls are open");
    }
    assertStringIncludes(textOf(heard), "and now?");
  } finally {
    await client.close();
    await Deno.remove(data, { recursive: true });
  }
}

async function talk(options: (typeof ERAS)[number]["options"], revision: string): Promise<void> {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  const data = await Deno.makeTempDir({ prefix: "p2pchat-mcp-" });
  const at = ["127.0.0.1", String(ann.port), "--host", "127.0.0.1", "--port", "0"];
  const args = ["mesh", "agent", ...at, "--data", data, "--mcp"];
  const client = new Client({ name: "test", version: "1" }, options);
  try {
    await client.connect(new StdioClientTransport({ command: PROGRAM, args }));
    const { tools } = await client.listTools();
    await client.callTool({ name: "members", arguments: {} });
    await ann.say("hello\u001b[2J");
    // It checks each answer against the schema that the tool gives for it.
    const heard = await client.callTool({ name: "wait", arguments: { timeout: 50 } });
    const sent = await client.callTool({
      name: "send",
      arguments: { text: "hi", timeout: 50 },
    });
    const history = await client.callTool({ name: "history", arguments: { n: 5 } });
    const refused = await client.callTool({ name: "verify", arguments: { name: "Dave" } });
    const shown = await client.callTool({ name: "verify", arguments: { name: "Ann" } });

    assertEquals(client.getNegotiatedProtocolVersion(), revision);
    assertEquals(tools.map((tool) => tool.name), [
      ...["send", "wait", "history", "members", "verify"],
    ]);
    const textsIn = (structured: unknown) =>
      (structured as { messages: { text: string }[] }).messages.map(({ text }) => text);
    assertEquals(textsIn(heard.structuredContent), ["hello␛[2J"]);
    assertEquals((sent.structuredContent as { arrived: string[] }).arrived, ["Ann"]);
    assertEquals(textsIn(history.structuredContent), ["hello␛[2J", "hi"]);
    assertEquals([refused.isError, shown.isError], [true, false]);
    await ann.until(({ event, text }) => event === "message" && text === "hi");
  } finally {
    await client.close();
    await Deno.remove(data, { recursive: true });
  }
}

/**
 * What no agent's host should write: each request is answered once, in a line of JSON-RPC, or given up; every message is
 * given to one call alone; and what is written is never a command, whatever it looks like.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { isObject, type JsonObject } from "../../../lib/cli/mcp/json_rpc.ts";
import { McpServer } from "../../../lib/cli/mcp/mcp_server.ts";
import { McpTools } from "../../../lib/cli/mcp/mcp_tools.ts";
import { ToolCalls } from "../../../lib/cli/mcp/tool_calls.ts";
import { meshCommands } from "../../../lib/cli/mesh/mesh_commands.ts";
import { Hearers } from "../../../lib/cli/scripts/hearers.ts";
import type { Fields } from "../../../lib/cli/scripts/wanted.ts";
import { LineSplitter } from "../../../lib/cli/streams/line_splitter.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const TOOLS = new McpTools(meshCommands, "mesh");
const META = '"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientCapabilities":{}';
const METHODS = ["initialize", "ping", "tools/list", "tools/call", "server/discover"]
  .concat(["subscriptions/listen", "notifications/cancelled", "resources/list", "tools/call"]);
const IDS = ["0", "1", "2", '"a"', "null", "-1", "1.5", "1e99", "[]"];
const NAMES = ["send", "wait", "history", "members", "verify", "remove", "toString"];
const VALUES = [
  '"Bob"',
  '"/exit"',
  '""',
  "1",
  "0",
  "-1",
  "1e999",
  "0.5",
  "null",
  "true",
  "[]",
  "{}",
]
  .concat(['"\\ud800"', '"\\u0000"', `"${"x".repeat(300)}"`, '{"toString":1}']);
const FIELDS = ["text", "name", "n", "timeout", "answer", "__proto__", "cursor", "requestId"];
const PIECES = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "\\",
  "\n",
  "\r\n",
  " ",
  '"jsonrpc":"2.0"',
  '"id":',
]
  .concat(METHODS, IDS, NAMES, VALUES, FIELDS, ['"2025-03-26"', META, '"params":', '"arguments":'])
  .map(utf8)
  .concat(NO_TEXT);

function message(random: Random): string {
  const fields = Array.from(
    { length: random.below(3) },
    () => `"${random.pick(FIELDS)}":${random.pick(VALUES)}`,
  ).join(",");
  const parts = [
    ...(random.chance(0.3) ? [`"_meta":{${META},"progressToken":${random.pick(IDS)}}`] : []),
    `"name":"${random.pick(NAMES)}","arguments":{${fields}}`,
    `"requestId":${random.pick(IDS)},"protocolVersion":"${random.pick(["2025-03-26", "x"])}"`,
  ];
  const id = random.chance(0.9) ? `"id":${random.pick(IDS)},` : "";
  return `{"jsonrpc":"2.0",${id}"method":"${random.pick(METHODS)}","params":{${parts.join(",")}}}`;
}

function make(random: Random): Uint8Array {
  const lines = Array.from({ length: 1 + random.below(6) }, () => {
    if (random.chance(0.8)) return message(random);
    return `[${Array.from({ length: random.below(4) }, () => message(random)).join(",")}]`;
  });
  const begin = random.chance(0.5)
    ? '{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}\n'
    : "";
  return spoilt(utf8(begin + lines.join("\n")), PIECES, random);
}

/** A room in which two have said something, and each command is answered at once. */
class Chat {
  readonly waiting = new Map<string, Fields>();
  readonly hearers = new Hearers("mesh");
  readonly server = new McpServer(TOOLS, "1");
  readonly calls: ToolCalls;
  /** What the written lines have answered. */
  readonly answers: JsonObject[] = [];
  readonly #taken = new Set<string>();

  constructor() {
    this.calls = new ToolCalls({
      isCommand: (name) => name === "trust",
      hearers: this.hearers,
      inbox: () => ({
        isElsewhere: false,
        next: (isWanted) => {
          for (const [id, event] of this.waiting) if (isWanted(event, id)) return { id, event };
          return null;
        },
      }),
      drawMark: () => "mark",
    });
    this.hearers.isListening = true;
    this.#heard({ event: "ready", name: "bot", key: "own", names: [], members: [] }, undefined);
    this.#heard({ event: "joined", name: "Bob", key: "b" }, undefined);
    for (const id of ["1", "2", "3"]) {
      const said = { from: "Bob", shown: "Bob", key: "b", text: "\n/exit", sentAt: "now" };
      this.waiting.set(id, { event: "message", id, ...said });
    }
  }

  serverStep(input: Parameters<McpServer["step"]>[0]): void {
    for (const effect of this.server.step(input, 1)) {
      if (effect.type !== "write") this.callsStep(effect);
      else this.#written(effect.message, effect.calls);
    }
  }

  callsStep(input: Parameters<ToolCalls["step"]>[0], nowMs = 1): void {
    for (const effect of this.calls.step(input, nowMs)) {
      switch (effect.type) {
        case "command":
          this.#asked(effect.command);
          break;
        case "answer":
          this.serverStep({ type: "answered", call: effect.call, result: effect.result });
          break;
        case "take":
          for (const { id } of effect.kept) {
            assert(this.waiting.delete(id) && !this.#taken.has(id), `${id} is taken once`);
            this.#taken.add(id);
          }
          break;
        case "put-back":
          for (const { id, event } of effect.kept) {
            assert(this.#taken.delete(id));
            this.waiting.set(id, event);
          }
          this.callsStep({ type: "came" });
      }
    }
  }

  #written(written: unknown, calls: readonly number[]): void {
    const line = JSON.stringify(written);
    assert(!line.includes("\n"));
    for (const each of Array.isArray(written) ? written : [written]) {
      assertEquals(each.jsonrpc, "2.0");
      if (!("method" in each)) this.answers.push(each);
    }
    for (const call of calls) this.callsStep({ type: "written", call });
  }

  #heard(event: Fields, ref: string | undefined): void {
    this.hearers.heard(event);
    this.callsStep({ type: "event", event, ref });
  }

  #asked(command: JsonObject): void {
    const parsed = meshCommands.parse(JSON.stringify(command), true);
    assert(parsed.type === "command" || parsed.type === "refused");
    const ref = String(command["ref"]);
    if (parsed.type === "refused") {
      const { code, message: text } = parsed.error;
      return this.#heard({ event: "error", code, text }, ref);
    }
    assert(!parsed.leaves(Object.assign(() => {}, {})), "no text leaves");
    switch (command["command"]) {
      case "whois":
        return this.#heard({ event: "whois", key: "b", verified: true }, ref);
      case "msg":
        return this.#heard({ event: "message", id: "own", self: true, text: "" }, ref);
      case "status": {
        const members = [{ name: "Bob", key: "b", upToDate: true }];
        return this.#heard({ event: "status", key: "own", members }, ref);
      }
      case "peers":
        return this.#heard({ event: "peers", peers: [{ name: "bot", key: "own" }] }, ref);
      case "history":
        return this.#heard({ event: "history", messages: [...this.waiting.values()] }, ref);
      default:
        assertEquals(command["command"], "verify");
        return this.#heard({ event: "error", code: "unknown-user", text: "nobody" }, ref);
    }
  }
}

/** @returns Whether a tool was used. */
function check(input: Uint8Array): boolean {
  const chat = new Chat();
  const splitter = new LineSplitter();
  for (const line of [...splitter.push(input), ...splitter.end()]) {
    chat.serverStep({ type: "line", line });
  }
  chat.callsStep({ type: "ending" });
  chat.callsStep({ type: "tick" }, 1e9);
  assertEquals(chat.server.unanswered, []);
  return chat.answers.some(({ result }) => isObject(result) && result["isError"] === false);
}

export const mcpTarget: Target = { name: "mcp", pieces: PIECES, make, check };

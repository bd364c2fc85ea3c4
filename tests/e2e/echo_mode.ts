/**
 * A mode without a network, for tests of the console: what the user says is shown as a message of the user, and each
 * line received at the loopback port `EVENTS_PORT`, a JSON event, as an event of the room.
 *
 *     deno run -A tests/e2e/echo_mode.ts mesh Alice [FLAGS]
 */

import { programCommand } from "../../lib/cli/args/arguments.ts";
import { type MeshOptions, meshProgramCommand } from "../../lib/cli/mesh/mesh_arguments.ts";
import { meshCommands, type MeshCommandSink } from "../../lib/cli/mesh/mesh_commands.ts";
import { meshLines, type MeshOwnEvent } from "../../lib/cli/mesh/mesh_rendering.ts";
import { openUserInterface } from "../../lib/cli/session/mode_session.ts";
import type { CommonEvent } from "../../lib/cli/rendering/user_interface.ts";

/** What tests send besides events of the room. */
type Order =
  | { readonly event: "order"; readonly pause: string | null }
  | { readonly event: "order"; readonly progress: string | null }
  | { readonly event: "order"; readonly fault: string };

async function run(options: MeshOptions): Promise<void> {
  const { promise: left, resolve: leave } = Promise.withResolvers<string>();
  const mode = { commands: meshCommands, render: meshLines };
  const ui = await openUserInterface<MeshOwnEvent, MeshCommandSink>(mode, options);
  let count = 0;
  const submit: MeshCommandSink = (command, ref) => {
    if (command.command === "say" || command.command === "msg") {
      ui.show({
        event: "message",
        id: String(++count),
        from: options.name,
        shown: options.name,
        key: "k",
        text: command.text,
        self: true,
        private: command.command === "msg",
        history: false,
        sentAt: new Date().toISOString(),
        ...(command.command === "msg" ? { to: command.name } : {}),
      }, ref);
    } else if (command.command === "quit") {
      leave("quit");
    } else {
      ui.show({ event: "notice", text: JSON.stringify(command) }, ref);
    }
  };
  const obey = (order: Order) => {
    if ("pause" in order) ui.pauseInput(order.pause);
    else if ("progress" in order) ui.progress(order.progress);
    else {queueMicrotask(() => {
        throw new Error(order.fault);
      });}
  };
  void followEvents((event) => event.event === "order" ? obey(event) : ui.show(event));
  ui.setPrompt(options.name, options.name);
  ui.setNames(() => [options.name, "Bob", "Bobby", "Carol"]);
  ui.show({
    event: "ready",
    command: "mesh",
    name: options.name,
    host: "127.0.0.1",
    port: 55107,
    key: "K",
    room: "R",
  });
  ui.listen({
    target: submit,
    ended: () => leave("end-of-input"),
    interrupted(cause) {
      if (Deno.env.get("STUBBORN") === undefined) leave(cause);
      return true;
    },
  });
  try {
    const reason = await left;
    ui.show({ event: "bye", reason });
  } finally {
    await ui.close();
  }
}

async function followEvents(take: (event: MeshOwnEvent | CommonEvent | Order) => void) {
  const port = Deno.env.get("EVENTS_PORT");
  if (port === undefined) return;
  const connection = await Deno.connect({ port: Number(port) });
  let rest = "";
  for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line));
  }
}

const echo = programCommand(meshProgramCommand, run);

if (import.meta.main) {
  const { runProgram } = await import("../../lib/cli/program.ts");
  Deno.exit(await runProgram(Deno.args, [echo]));
}

import { assertEquals } from "@std/assert";
import { MemberRelay } from "../../../lib/cli/group/member_mode.ts";
import type { MemberCommand } from "../../../lib/protocols/group/schema/events.ts";

const LIST: MemberCommand = { command: "list" };
const QUIT: MemberCommand = { command: "quit" };
const msg = (text: string): MemberCommand => ({ command: "msg", text });

class Host {
  readonly given: string[] = [];
  answer(show: () => void): void {
    show();
  }
  command(command: MemberCommand, ref: string | undefined): void {
    const what = command.command === "msg" ? command.text : command.command;
    this.given.push(ref === undefined ? what : `${what} ${ref}`);
  }
}

Deno.test("MemberRelay: what was typed before there was a host reaches the first one, once", () => {
  const relay = new MemberRelay();
  const host = new Host();

  relay.command(msg("early"), "1");
  relay.command(LIST, undefined);
  relay.met();
  relay.use(host);
  relay.command(msg("late"), undefined);

  relay.release();
  const next = new Host();
  relay.use(next);

  assertEquals([host.given, next.given], [["early 1", "list", "late"], []]);
});

Deno.test("MemberRelay: another host gets what was to be done in the group, and no question twice", () => {
  const relay = new MemberRelay();
  const [first, second] = [new Host(), new Host()];
  relay.use(first);
  relay.command(msg("one"), "1");
  relay.command(LIST, "2");

  relay.release();
  relay.command(msg("two"), undefined);
  relay.command(LIST, "3");
  relay.command(QUIT, undefined);
  relay.use(second);

  assertEquals(first.given, ["one 1", "list 2"]);
  assertEquals(second.given, ["one 1", "two", "list 3", "quit"]);
});

Deno.test("MemberRelay: nothing is said again that was said to a coordinator's group", () => {
  const relay = new MemberRelay();
  const [first, second] = [new Host(), new Host()];
  relay.use(first);
  relay.command(msg("one"), undefined);
  relay.met();
  relay.command(msg("two"), undefined);

  relay.release();
  relay.use(second);

  assertEquals([first.given, second.given], [["one", "two"], []]);
});

/** What is measured of a directory, and of a meeting point beside it. */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { Machine } from "../../base/machine/machine.ts";
import type {
  AccountAnswer,
  AccountQuestion,
  DirectoryEffect,
  DirectoryInput,
} from "../../protocols/directory/schema/directory_io.ts";
import { type DirectoryEvent, LOGOUT_REASONS } from "../../protocols/directory/schema/events.ts";
import {
  DIRECTORY_MESSAGES,
  OUTCOMES,
  REFUSALS,
} from "../../protocols/directory/schema/messages.ts";
import type { PointEffect, PointInput } from "../../protocols/meeting_point/meeting_io.ts";
import { MEETING_REFUSALS } from "../../protocols/meeting_point/messages.ts";
import { engineTrouble, engineUp, SILENT_TEXT } from "./engine_figures.ts";
import { DatagramFigures } from "./datagram_figures.ts";
import { MachineFigures, machineTable } from "./machine_figures.ts";
import { Metering } from "./metering.ts";
import { label, type Registry, wordsOf } from "./registry.ts";

type Status = Extract<DirectoryEvent, { readonly event: "status" }>;
type Ask = AccountQuestion["ask"];

const ASKS = wordsOf<Ask>({
  "find": 1,
  "check-password": 1,
  "sign-up": 1,
  "add-key": 1,
  "set-password": 1,
  "remove": 1,
});
const ANSWERS = wordsOf<AccountAnswer["outcome"]>({
  "ok": 1,
  "wrong": 1,
  "name-taken": 1,
  "full": 1,
  "disk": 1,
});

/** A look-up takes no time, a password half a second of a core, and waits for a minute at most. */
const ACCOUNT_SECONDS = [0.001, 0.01, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Questions about accounts that aren't answered yet: a password waits for each client at most. */
const ASKED_MAX = 16_384;

function tableOf(registry: Registry) {
  return {
    machine: machineTable(registry, {
      types: label("type", DIRECTORY_MESSAGES.map(({ name }) => name)),
      codes: label("code", REFUSALS),
    }),
    clients: registry.gauge("p2pchat_clients", "Users who are logged in here."),
    clientsMax: registry.gauge("p2pchat_clients_max", "As many may be logged in (--max-clients)."),
    online: registry.gauge(
      "p2pchat_clients_everywhere",
      "With an engine: users who are logged in at all instances.",
    ),
    accounts: registry.gauge("p2pchat_accounts", "Accounts that there are."),
    calls: registry.gauge("p2pchat_calls_open", "Calls that ring, or are under way."),
    kept: registry.gauge(
      "p2pchat_broadcasts_kept",
      "Broadcasts that are kept for accounts that log in later.",
    ),
    relayed: registry.counter(
      "p2pchat_relayed_bytes",
      "Bytes relayed for calls whose sides cannot reach each other.",
      "bytes",
    ),
    logIns: registry.counters(
      "p2pchat_log_ins",
      "Users who came in, with an account or as guests.",
      label("as", ["account", "guest"]),
    ),
    logOuts: registry.counters(
      "p2pchat_log_outs",
      "Users who are gone, by why.",
      label("reason", LOGOUT_REASONS),
    ),
    signUps: registry.counter("p2pchat_sign_ups", "Accounts that were made by their users."),
    callStates: registry.counters(
      "p2pchat_calls",
      "Calls, by how far they came: each rings first, and has one end.",
      label("state", ["ringing", "connected", ...OUTCOMES]),
    ),
    broadcasts: registry.counter("p2pchat_broadcasts", "Messages to all."),
    asked: registry.histograms(
      "p2pchat_account_duration_seconds",
      "Time until what was asked of the accounts was answered, the wait of a password for its turn included.",
      ACCOUNT_SECONDS,
      label("question", ASKS),
    ),
    answered: registry.counters(
      "p2pchat_account_answers",
      "Answers to what was asked of the accounts.",
      label("answer", ANSWERS),
    ),
    passwords: registry.gauge("p2pchat_queued_passwords", "Passwords that wait to be checked."),
    engineAnswers: registry.gauge(
      "p2pchat_engine_up",
      "With an engine: whether it answers, and this instance can use it.",
    ),
    visitors: registry.gauge("p2pchat_meeting_visitors", "Visitors of the meeting point."),
    registered: registry.gauge(
      "p2pchat_meeting_registered",
      "Of these those that others can reach through it.",
    ),
    meetings: registry.gauge("p2pchat_meeting_links", "Connections that pass through it."),
    meetingRefusals: registry.counters(
      "p2pchat_meeting_refusals",
      "Requests of its visitors that it refused, by code.",
      label("code", MEETING_REFUSALS),
    ),
    meetingBytes: registry.counter(
      "p2pchat_meeting_relayed_bytes",
      "Bytes that passed through it.",
      "bytes",
    ),
  };
}

export class RegserverMetering extends Metering<Status> {
  readonly #table = tableOf(this.registry);
  readonly #datagrams = new DatagramFigures(this.registry);
  /** What was asked of the accounts, and when, by token. */
  readonly #asked = new Map<number, { readonly ask: Ask; readonly beganMs: number }>();
  #passwordsWaiting: () => number = () => 0;
  /** Whether there is no directory yet, as its engine doesn't answer. */
  #isWaiting = false;

  /** The engine is waited for, before there is a directory. */
  waitsForEngine(): void {
    this.#isWaiting = true;
  }

  override measure(
    hosts: Parameters<Metering<Status>["measure"]>[0],
    passwordsWaiting: () => number = () => 0,
  ): void {
    super.measure(hosts);
    this.#isWaiting = false;
    this.#passwordsWaiting = passwordsWaiting;
  }

  /** The directory's machine, measured. */
  around(
    machine: Machine<DirectoryInput, DirectoryEffect>,
  ): Machine<DirectoryInput, DirectoryEffect> {
    const figures = new MachineFigures(this.#table.machine, () => performance.now());
    return figures.around(machine, {
      input: (input) => {
        switch (input.type) {
          case "datagram":
            return this.#datagrams.received(input.bytes.length);
          case "account-answer":
            return this.#answered(input.token, input.answer);
        }
      },
      effect: (effect) => {
        switch (effect.type) {
          case "send": {
            const { message, links } = effect;
            figures.sent(message.type, links.length);
            if (message.type === "refused") figures.refused(message.code);
            return;
          }
          case "datagram":
            return this.#datagrams.sent(effect.bytes.length);
          case "account":
            return this.#ask(effect.token, effect.question.ask);
          case "show":
            if (effect.event.event === "error") figures.failed(effect.event.code);
            return this.#shown(effect.event);
        }
      },
    });
  }

  /** A meeting point's machine, measured. */
  aroundPoint(machine: Machine<PointInput, PointEffect>): Machine<PointInput, PointEffect> {
    return {
      step: (input, nowMs) => {
        const effects = machine.step(input, nowMs);
        for (const effect of effects) {
          if (effect.type !== "send" || effect.message.type !== "refused") continue;
          this.#table.meetingRefusals(effect.message.code).add();
        }
        return effects;
      },
      nextDeadlineMs: () => machine.nextDeadlineMs(),
    };
  }

  protected override collect([status]: readonly Status[]): void {
    const table = this.#table;
    table.clients.value = status?.clients ?? null;
    table.clientsMax.value = status?.clientsMax ?? null;
    table.online.value = status?.online ?? null;
    table.accounts.value = status?.accounts ?? null;
    table.calls.value = status?.calls ?? null;
    table.kept.value = status?.kept ?? null;
    table.relayed.raiseTo(status?.relayedBytes ?? 0);
    table.passwords.value = this.#passwordsWaiting();
    table.engineAnswers.value = this.#isWaiting ? 0 : engineUp(status?.engine);
    const meeting = status?.meeting;
    table.visitors.value = meeting?.visitors ?? null;
    table.registered.value = meeting?.registered ?? null;
    table.meetings.value = meeting?.links ?? null;
    table.meetingBytes.raiseTo(meeting?.relayedBytes ?? 0);
  }

  protected override unready([status]: readonly Status[]): string | null {
    if (this.#isWaiting) return SILENT_TEXT;
    return status === undefined ? "The directory isn't open yet" : engineTrouble(status.engine);
  }

  #ask(token: number, ask: Ask): void {
    this.#asked.set(token, { ask, beganMs: performance.now() });
    dropOldest(this.#asked, ASKED_MAX);
  }

  #answered(token: number, { outcome }: AccountAnswer): void {
    this.#table.answered(outcome).add();
    const asked = this.#asked.get(token);
    if (asked === undefined) return;
    this.#asked.delete(token);
    this.#table.asked(asked.ask).observe((performance.now() - asked.beganMs) / 1_000);
  }

  #shown(event: DirectoryEvent): void {
    const { logIns, logOuts, signUps, callStates, broadcasts } = this.#table;
    switch (event.event) {
      case "login":
        return logIns(event.guest ? "guest" : "account").add();
      case "logout":
        return logOuts(event.reason).add();
      case "signup":
        return signUps.add();
      case "call":
        return callStates(event.state).add();
      case "broadcast":
        return broadcasts.add();
    }
  }
}

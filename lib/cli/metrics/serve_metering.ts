/** What is measured of the coordinator of a group. */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { Machine } from "../../base/machine/machine.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../protocols/group/schema/coordinator_io.ts";
import {
  type CoordinatorEvent,
  type CoordinatorMemberView,
  type EditEvent,
  LEFT_REASONS,
} from "../../protocols/group/schema/events.ts";
import { EDITS_PENDING_MAX } from "../../protocols/group/schema/limits.ts";
import {
  type EditRefusal,
  GROUP_MESSAGES,
  type GroupRefusal,
} from "../../protocols/group/schema/messages.ts";
import { engineTrouble, engineUp } from "./engine_figures.ts";
import { DatagramFigures } from "./datagram_figures.ts";
import { MachineFigures, machineTable } from "./machine_figures.ts";
import { Metering, sumOf } from "./metering.ts";
import { label, type Registry, wordsOf } from "./registry.ts";

type Status = Extract<CoordinatorEvent, { readonly event: "status" }>;

const REFUSALS = wordsOf<GroupRefusal | EditRefusal>({
  "name-taken": 1,
  "key-changed": 1,
  "kicked": 1,
  "full": 1,
  "disk": 1,
  "protocol": 1,
  "bad-name": 1,
  "too-fast": 1,
  "replaced": 1,
  "entry-locked": 1,
  "no-such-entry": 1,
  "not-allowed": 1,
});
const STATES = wordsOf<CoordinatorMemberView["state"]>({
  member: 1,
  joining: 1,
  silent: 1,
  awaited: 1,
});
const OUTCOMES = wordsOf<EditEvent["outcome"]>({ "committed": 1, "aborted": 1, "in-doubt": 1 });

/** From a group in one room whose programs agree, to people who take their time. */
const EDIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 15, 30, 60];

function tableOf(registry: Registry) {
  return {
    machine: machineTable(registry, {
      types: label("type", GROUP_MESSAGES.map(({ name }) => name)),
      codes: label("code", REFUSALS),
    }),
    members: registry.gauges(
      "p2pchat_members",
      "Who is in the group, or about to be: silent ones have no connection, the group waits for awaited ones.",
      label("state", STATES),
    ),
    view: registry.gauge("p2pchat_view", "Number of the present view."),
    last: registry.gauge("p2pchat_last_entry", "Number of the last entry that is known here."),
    views: registry.counter("p2pchat_views", "Views that began: somebody came, or left."),
    joins: registry.counter("p2pchat_joins", "Members that came in."),
    leaves: registry.counters(
      "p2pchat_leaves",
      "Members that left, by why.",
      label("reason", LEFT_REASONS),
    ),
    entries: registry.counter("p2pchat_entries", "Messages of members that all have."),
    edits: registry.counters(
      "p2pchat_edits",
      "Edits, by what became of them.",
      label("outcome", OUTCOMES),
    ),
    editing: registry.histogram(
      "p2pchat_edit_duration_seconds",
      "Time from taking an edit on to its end, with the time for which people thought about it.",
      EDIT_SECONDS,
    ),
    recoveries: registry.counter(
      "p2pchat_recoveries",
      "Members that came back, and were sent what they had missed.",
    ),
    leads: registry.gauge(
      "p2pchat_leader",
      "With an engine: whether this instance leads, which one of all does.",
    ),
    engineAnswers: registry.gauge(
      "p2pchat_engine_up",
      "With an engine: whether it answers, and this instance can use it.",
    ),
  };
}

export class ServeMetering extends Metering<Status> {
  readonly #table = tableOf(this.registry);
  readonly #datagrams = new DatagramFigures(this.registry);
  /** When the edits that aren't decided yet were taken on. */
  readonly #editing = new Map<number, number>();

  /** The coordinator's machine, measured. */
  around(
    machine: Machine<CoordinatorInput, CoordinatorEffect>,
  ): Machine<CoordinatorInput, CoordinatorEffect> {
    const figures = new MachineFigures(this.#table.machine, () => performance.now());
    this.#editing.clear(); // what the one before took on ended with it
    return figures.around(machine, {
      input: (input) => {
        switch (input.type) {
          case "datagram":
            return this.#datagrams.received(input.bytes.length);
        }
      },
      effect: (effect) => {
        switch (effect.type) {
          case "send": {
            const { message } = effect;
            figures.sent(message.type);
            if (message.type === "refuse" || message.type === "edit-refused") {
              figures.refused(message.code);
            }
            if (message.type === "edit-accepted") this.#accepted(message.edit);
            return;
          }
          case "datagram":
            return this.#datagrams.sent(effect.bytes.length);
          case "show":
            if (effect.event.event === "error") figures.failed(effect.event.code);
            return this.#shown(effect.event);
        }
      },
    });
  }

  protected override collect(statuses: readonly Status[]): void {
    const { members, view, last, leads, engineAnswers } = this.#table;
    const [status] = statuses;
    for (const state of STATES) {
      members(state).value = sumOf(
        statuses,
        (each) => each.members.filter((member) => member.state === state).length,
      );
    }
    view.value = status?.view ?? null;
    last.value = status?.seq ?? null;
    const engine = status?.engine;
    leads.value = engine === undefined ? null : engine.role === "leader" ? 1 : 0;
    engineAnswers.value = engineUp(engine);
  }

  protected override unready([status]: readonly Status[]): string | null {
    if (status === undefined) {
      return "The coordinator doesn't run: it waits for its disk, or its engine";
    }
    const { engine, seq } = status;
    const trouble = engineTrouble(engine);
    if (trouble !== null) return trouble;
    if (engine?.role === "stand-by") {
      return engine.leader === null
        ? "This instance stands by, and none leads at the moment"
        : "This instance stands by: members are sent to the one that leads";
    }
    return seq === null ? "The group waits for members who know what was there; see /status" : null;
  }

  #accepted(edit: number): void {
    this.#editing.set(edit, performance.now());
    dropOldest(this.#editing, EDITS_PENDING_MAX);
  }

  #shown(event: CoordinatorEvent): void {
    const { views, joins, leaves, entries, recoveries } = this.#table;
    switch (event.event) {
      case "view":
        return views.add();
      case "joined":
        return joins.add();
      case "left":
        return leaves(event.reason).add();
      case "entry":
        return entries.add();
      case "recovered":
        return recoveries.add();
      case "edit":
        return this.#edited(event);
    }
  }

  #edited({ edit, outcome }: EditEvent): void {
    this.#table.edits(outcome).add();
    const beganMs = this.#editing.get(edit);
    if (beganMs === undefined) return;
    this.#editing.delete(edit);
    this.#table.editing.observe((performance.now() - beganMs) / 1_000);
  }
}

/** What is measured of a member of rooms; of several at once, all together. */

import type { Machine } from "../../base/machine/machine.ts";
import type { MeshEvent, MeshStatus } from "../../protocols/mesh/schema/events.ts";
import type { MeshEffect, MeshInput } from "../../protocols/mesh/schema/mesh_io.ts";
import { MESH_MESSAGES, REFUSALS } from "../../protocols/mesh/schema/messages.ts";
import { MachineFigures, machineTable } from "./machine_figures.ts";
import { Metering, sumOf } from "./metering.ts";
import { label, type Registry, wordsOf } from "./registry.ts";

type Left = Extract<MeshEvent, { readonly event: "left" }>["reason"];

const TO = label("to", ["all", "one"]);
const LEFT = wordsOf<Left>({ quit: 1, lost: 1, replaced: 1, removed: 1 });

function tableOf(registry: Registry) {
  return {
    machine: machineTable(registry, {
      types: label("type", MESH_MESSAGES.map(({ name }) => name)),
      codes: label("code", REFUSALS),
    }),
    rooms: registry.gauge("p2pchat_rooms", "Rooms in which this member is."),
    members: registry.gauge("p2pchat_members", "Members of the rooms, this one included."),
    suspected: registry.gauge(
      "p2pchat_members_suspected",
      "Members that have not been heard for a while.",
    ),
    behind: registry.gauge(
      "p2pchat_members_behind",
      "Members that are not known to have all that this one wrote.",
    ),
    joins: registry.counter("p2pchat_joins", "Members that came in."),
    leaves: registry.counters(
      "p2pchat_leaves",
      "Members that left, by why.",
      label("reason", LEFT),
    ),
    received: registry.counters(
      "p2pchat_chat_messages_received",
      "Messages of others that were shown, to all or to this one alone.",
      TO,
    ),
    sent: registry.counters(
      "p2pchat_chat_messages_sent",
      "Messages of this member, to all or to one alone.",
      TO,
    ),
    kept: registry.gauge("p2pchat_chat_messages_kept", "Messages that are kept for newcomers."),
    unsent: registry.gauge(
      "p2pchat_chat_messages_unsent",
      "Messages of this member that wait to be sent, or for their receivers.",
    ),
    fetching: registry.gauge(
      "p2pchat_rooms_catching_up",
      "Rooms in which this member fetches earlier messages.",
    ),
  };
}

export class MeshMetering extends Metering<MeshStatus> {
  readonly #table = tableOf(this.registry);

  /** The machine of a room, measured. */
  around(machine: Machine<MeshInput, MeshEffect>): Machine<MeshInput, MeshEffect> {
    const figures = new MachineFigures(this.#table.machine, () => performance.now());
    return figures.around(machine, {
      effect: (effect) => {
        switch (effect.type) {
          case "send":
            figures.sent(effect.message.type);
            if (effect.message.type === "refuse") figures.refused(effect.message.code);
            return;
          case "show":
            if (effect.event.event === "error") figures.failed(effect.event.code);
            return this.#shown(effect.event);
        }
      },
    });
  }

  protected override collect(statuses: readonly MeshStatus[]): void {
    const { rooms, members, suspected, behind, kept, unsent, fetching } = this.#table;
    rooms.value = statuses.length;
    members.value = sumOf(statuses, (status) => status.members.length + 1);
    suspected.value = sumOf(
      statuses,
      (status) => status.members.filter((member) => member.suspected).length,
    );
    behind.value = sumOf(statuses, (status) => status.unconfirmed);
    kept.value = sumOf(statuses, (status) => status.messages);
    unsent.value = sumOf(statuses, (status) => status.unsent);
    fetching.value = sumOf(statuses, (status) => status.catchingUp ? 1 : 0);
  }

  protected override unready(statuses: readonly MeshStatus[]): string | null {
    return statuses.length > 0 ? null : "This member isn't in a room yet";
  }

  #shown(event: MeshEvent): void {
    const { joins, leaves, received, sent } = this.#table;
    switch (event.event) {
      case "joined":
        if (event.present === undefined) joins.add();
        return;
      case "left":
        return leaves(event.reason).add();
      case "message":
        if (!event.history) (event.self ? sent : received)(event.private ? "one" : "all").add();
        return;
    }
  }
}

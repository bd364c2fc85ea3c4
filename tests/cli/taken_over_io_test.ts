/**
 * A program whose folder was removed while it ran, and in whose place another one was started: what that one has stored
 * stays, whichever store it is.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { PeerKey, RoomId } from "../../lib/base/ids.ts";
import { openFriends } from "../../lib/cli/friends/friends_store.ts";
import { MeshRooms } from "../../lib/cli/mesh/mesh_rooms.ts";
import { openRecords } from "../../lib/cli/session/record_store.ts";
import { openRegistry } from "../../lib/cli/directory/registry_client.ts";
import type { CoordinatorRecord, MemberRecord } from "../../lib/protocols/group/schema/records.ts";
import type { FriendsRecord } from "../../lib/protocols/friends/records.ts";
import type { MeshRecord } from "../../lib/protocols/mesh/schema/records.ts";
import type { ClientRecord } from "../../lib/protocols/directory/schema/client_records.ts";
import {
  DIRECTORY_LOG,
  type DirectoryRecord,
} from "../../lib/protocols/directory/schema/records.ts";
import type { RecordStore } from "../../lib/runtime/record_log.ts";
import { type Disk, folderOf } from "../../lib/store/disk/disk.ts";
import type { HeldLock } from "../../lib/store/disk/held_lock.ts";
import { KnownPeers } from "../../lib/store/profile/known_peers.ts";
import { pathDigest } from "../../lib/store/disk/paths.ts";
import { type LockMode, lockProfile } from "../../lib/store/profile/profile_folder.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";
import { openCoordinatorAt, openMemberAt } from "./group_stores.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** A store, and records for it that differ by a number. */
interface Kind<Stored> {
  /** Null: the store takes a lock of its own, which is in its folder. */
  readonly mode: LockMode | null;
  /** In the profile. */
  readonly path: string;
  open(disk: Disk, folder: string, pid: number): Promise<RecordStore<Stored>>;
  record(number: number): Stored;
}

const ROOM = "ab".repeat(32) as RoomId;
const USERS = "/home/ann/users.txt";

const mesh: Kind<MeshRecord> = {
  mode: null,
  path: `mesh/${ROOM}/log`,
  async open(disk, folder, pid) {
    const rooms = await MeshRooms.open(disk, `${folder}/mesh`, { pid });
    const knownPeers = await KnownPeers.open(disk, `${folder}/known_peers`);
    return await rooms.openRoom(ROOM, 1, knownPeers, () => 0, () => {}, false);
  },
  record: (incarnation) => ({ kind: "incarnation", incarnation }),
};

const friends: Kind<FriendsRecord> = {
  mode: "friends",
  path: `friends/${pathDigest(USERS)}/log`,
  open: async (disk, folder) => (await openFriends(disk, `${folder}/friends`, USERS)).store,
  record: (number) => ({ kind: "delivered", to: "bob", through: { epoch: 5, number } }),
};

const client: Kind<ClientRecord> = {
  mode: "registry",
  path: "registry/log",
  open: (disk, folder) => openRegistry(disk, `${folder}/registry`),
  record: (number) => ({
    kind: "heard",
    store: "01".repeat(8),
    as: "ann" as Extract<ClientRecord, { kind: "heard" }>["as"],
    number,
    from: "Bob",
    key: fingerprintOf("b".repeat(64) as PeerKey),
    own: number,
    directory: fingerprintOf("d".repeat(64) as PeerKey),
    sentAt: 1_700_000_000_000,
    isLasting: true,
    text: "hello",
  }),
};

const directory: Kind<DirectoryRecord> = {
  mode: "regserver",
  path: "broadcasts",
  open: (disk, folder) => openRecords(disk, `${folder}/broadcasts`, DIRECTORY_LOG),
  record: (last) => ({
    kind: "store",
    store: "5".repeat(16),
    last,
    directory: "d".repeat(64) as PeerKey,
  }),
};

const member: Kind<MemberRecord> = {
  mode: "group",
  path: "group/1/state",
  open: async (disk, folder) => (await openMemberAt(disk, `${folder}/group/1`)).store,
  record: (position) => ({ kind: "dropped", position }),
};

const coordinator: Kind<CoordinatorRecord> = {
  mode: "serve",
  path: "state",
  open: async (disk, folder) => (await openCoordinatorAt(disk, folder)).store,
  record: (number) => ({ kind: "number", number }),
};

/** Programs that are started on one folder, one after the other. */
class Folder<Stored> {
  constructor(readonly kind: Kind<Stored>, readonly folder: string) {}

  get path(): string {
    return `${this.folder}/${this.kind.path}`;
  }

  async start(pid: number): Promise<Program<Stored>> {
    const { kind, folder } = this;
    const disk = new RealDisk();
    await disk.makeFolder(folder);
    const lock = kind.mode === null ? null : await lockProfile(disk, folder, kind.mode, pid);
    disk.hold = lock;
    return new Program(kind, lock, await kind.open(disk, folder, pid));
  }

  /** One that has stored something, and whose folder is gone. */
  async startRemoved(): Promise<Program<Stored>> {
    const first = await this.start(1);
    await first.write(1);
    await Deno.remove(this.folder, { recursive: true });
    return first;
  }

  /** What the next start finds. */
  async kept(): Promise<readonly Stored[]> {
    const next = await this.start(9);
    await next.end();
    return next.store.records;
  }

  records(...numbers: readonly number[]): readonly Stored[] {
    return numbers.map(this.kind.record);
  }
}

class Program<Stored> {
  constructor(
    readonly kind: Kind<Stored>,
    readonly lock: HeldLock | null,
    readonly store: RecordStore<Stored>,
  ) {}

  write(number: number): Promise<void> {
    return this.store.append([this.kind.record(number)], true);
  }

  rewrite(number: number): Promise<void> {
    return this.store.rewrite([this.kind.record(number)]);
  }

  /** As programs do: the store first. */
  async end(): Promise<void> {
    await this.store.close().finally(() => this.lock?.release());
  }
}

function takenOverContract<Stored>(name: string, kind: Kind<Stored>): void {
  const contract = (told: string, test: (at: Folder<Stored>) => Promise<void>) =>
    Deno.test(`${name}: a program whose folder was removed ${told}`, async () => {
      await using temporary = new TemporaryFolder({ prefix: "p2pchat-taken-over-" });
      const root = temporary.path;
      await test(new Folder(kind, `${root}/p`));
    });

  contract("stores nothing over what another has begun, and says why", async (at) => {
    const first = await at.startRemoved();
    const second = await at.start(2);
    await second.write(2);

    const refused = await assertRejects(() => first.write(3), P2pchatError);
    const again = await assertRejects(() => first.write(3), P2pchatError);
    const ended = await assertRejects(() => first.end(), P2pchatError);
    await second.write(4);
    await second.end();

    assertEquals([refused.code, again.code, ended.code], ["in-use", "in-use", "in-use"]);
    const text = `Cannot write ${at.path}: it was removed while the program ran, and process 2`;
    assertStringIncludes(refused.message, text);
    assertEquals([again.message, ended.message], [refused.message, refused.message]);
    assertEquals(await at.kept(), at.records(2, 4));
  });

  contract("leaves what another has begun alone when it ends", async (at) => {
    const first = await at.startRemoved();
    const second = await at.start(2);
    await second.write(2);

    const ended = await assertRejects(() => first.end(), P2pchatError, "process 2");
    await second.write(4);
    await second.end();

    assertEquals(ended.code, "in-use");
    assertEquals(await at.kept(), at.records(2, 4));
  });

  contract("doesn't compact its store over what another has begun", async (at) => {
    const first = await at.startRemoved();
    const second = await at.start(2);
    await second.write(2);

    const refused = await assertRejects(() => first.rewrite(3), P2pchatError, "process 2");
    await second.rewrite(4);
    await first.end().catch(() => {}); // it was told
    await second.end();

    assertEquals(refused.code, "in-use");
    assertEquals(await at.kept(), at.records(4));
  });

  contract("stores nothing over what another has left, and keeps nobody out", async (at) => {
    const first = await at.startRemoved();
    const second = await at.start(2);
    await second.write(2);
    await second.end();

    const refused = await assertRejects(() => first.write(3), P2pchatError);
    const kept = await at.kept();
    const ended = await assertRejects(() => first.end(), P2pchatError);

    assertEquals([refused.code, ended.code], ["in-use", "in-use"]);
    assertEquals([kept, await at.kept()], [at.records(2), at.records(2)]);
  });

  contract("puts its store back over no other file", async (at) => {
    const first = await at.startRemoved();
    await Deno.mkdir(folderOf(at.path), { recursive: true });
    await Deno.writeTextFile(at.path, "a copy");

    const refused = await assertRejects(() => first.write(2), P2pchatError);
    const left = await Deno.readTextFile(at.path);
    await Deno.remove(at.path);
    // The store may just be looking whether it can be put back, with the copy still there.
    await first.write(3).catch(() => first.write(3));
    await first.end();

    assertEquals([refused.code, left], ["disk", "a copy"]);
    assertStringIncludes(refused.message, `Cannot put ${at.path} back`);
    assertEquals(await at.kept(), at.records(1, 3));
  });

  contract("puts its store back when it ends, where nobody has begun", async (at) => {
    const first = await at.startRemoved();
    await Deno.mkdir(folderOf(at.path), { recursive: true });
    await first.end().catch(() => {}); // that it was gone

    assertEquals(await at.kept(), at.records(1));
  });

  contract("goes on where that was its lock alone", async (at) => {
    const first = await at.start(1);
    const { mode } = kind;
    await Deno.remove(mode === null ? `${folderOf(at.path)}/lock` : `${at.folder}/${mode}.lock`);
    await first.rewrite(1);
    const refused = await assertRejects(() => at.start(2), P2pchatError);
    await first.end();

    assertEquals(refused.code, "in-use");
    assertEquals(await at.kept(), at.records(1));
  });
}

takenOverContract("a room", mesh);
takenOverContract("friends", friends);
takenOverContract("a directory's client", client);
takenOverContract("a directory", directory);
takenOverContract("a group's member", member);
takenOverContract("a group's coordinator", coordinator);

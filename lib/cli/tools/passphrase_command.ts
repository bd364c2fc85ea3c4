/** `p2pchat passphrase`: puts the key of a profile under a passphrase, changes it, or takes it away. */

import { nodeSigner } from "../../base/crypto/crypto.ts";
import type { SealedSeed } from "../../base/crypto/sealed_seed.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import { identityPath, readSeed, takeSeed, writeSeed } from "../../store/profile/identity.ts";
import { findProfileFolder } from "../../store/profile/profile_folder.ts";
import { keepOwn } from "../args/least_privilege.ts";
import { newPassphrase, sealedUnder, unsealed } from "../credentials/passphrase.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";
import { showAnswer, showNoticeBeside } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import { openFolder, profileTurn } from "../session/mode_session.ts";
import type { ChangePassphraseOptions } from "./passphrase_arguments.ts";

/** The event that the command shows to scripts. */
interface PassphraseEvent extends ShownEvent {
  readonly event: "passphrase";
  readonly name: string;
  /** `none`: there was none, and none was given. */
  readonly state: "set" | "changed" | "removed" | "none";
}

/**
 * Sets, changes or removes the passphrase of a profile's key. Programs that run go on with the key that they have.
 * @throws {P2pchatError} `unknown-user` where there is no such profile; `bad-credentials`, `weak-password`, `usage` or
 *   `bad-file` for a passphrase; `in-use` where the key's file was changed meanwhile; `store-corrupt`, `disk`.
 */
export async function changePassphrase(options: ChangePassphraseOptions): Promise<void> {
  const { name } = options;
  const disk = new RealDisk();
  if (await findProfileFolder(disk, options) === null) throw unknown(options);
  const { folder, notices } = await openFolder(disk, options);
  keepOwn(folder);
  await openLog(options);
  for (const notice of notices) await showNoticeBeside(options, notice);
  const path = identityPath(folder);
  const taken = await inTurn(disk, folder, () => takeSeed(disk, path));
  if (taken === null) throw unknown(options);
  for (const notice of taken.notices) await showNoticeBeside(options, notice);
  const found = taken.seed;
  const isSealed = "box" in found;
  const seed = isSealed ? await unsealed(options, found, name) : found;
  const fingerprint = fingerprintOf(nodeSigner(seed).key);
  const passphrase = await newPassphrase(options, name);
  if (passphrase === null && !isSealed) return await tell(options, "none", folder);
  const form = passphrase === null ? seed : await sealedUnder(passphrase, seed, fingerprint);
  await inTurn(disk, folder, async () => {
    const now = await readSeed(disk, path);
    if (now === null || !isSame(now, found)) {
      throw new P2pchatError("in-use", `Cannot write ${path}: it was changed meanwhile; try again`);
    }
    await writeSeed(disk, path, form, fingerprint);
  });
  await tell(options, passphrase === null ? "removed" : isSealed ? "changed" : "set", folder);
}

/** Runs `work` while no other program changes the profile's files. */
async function inTurn<Result>(
  disk: Disk,
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const turn = await profileTurn(disk, folder);
  try {
    return await work();
  } finally {
    turn.release();
  }
}

function isSame(one: Uint8Array | SealedSeed, other: Uint8Array | SealedSeed): boolean {
  const bytes = (form: Uint8Array | SealedSeed) => "box" in form ? form.box : form;
  return "box" in one === "box" in other && bytes(one).join() === bytes(other).join();
}

function unknown({ name, data, dataFolder }: ChangePassphraseOptions): P2pchatError {
  return new P2pchatError(
    "unknown-user",
    `${shownName(name)} has no key in ${
      usersFolder(dataFolder)
    }; a first start makes one, as does ` +
      commandToType(`users key ${shownName(name)}`, data),
  );
}

async function tell(
  options: ChangePassphraseOptions,
  state: PassphraseEvent["state"],
  folder: string,
): Promise<void> {
  const event = { event: "passphrase", name: options.name, state } satisfies PassphraseEvent;
  const shown = shownName(options.name);
  const asks = "each start asks for it, or takes it from --passphrase-file FILE, and nobody can " +
    `be ${shown} without it`;
  const texts: Readonly<Record<PassphraseEvent["state"], string>> = {
    set: `${shown}'s key is encrypted with the passphrase: ${asks}.\n` +
      `Not encrypted: everything else in ${folder}, such as logs and the names and keys of others. ` +
      "Copies of the key that were made before are as they were.\n",
    changed: `${shown}'s passphrase is changed: ${asks}.\n` +
      "Copies of the key that were made before open with the earlier one.\n",
    removed: `${shown}'s key isn't encrypted any more: whoever has ${folder} can be ${shown}.\n`,
    none: `${shown}'s key has no passphrase; nothing was changed.\n`,
  };
  await showAnswer(options, event, texts[state], true);
}

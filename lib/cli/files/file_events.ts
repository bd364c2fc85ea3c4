/** What a mode that carries files asks and tells of them: field for field the objects of `--json`. */

import type { TransferReason } from "../../protocols/transfer/events.ts";

export type FileCommand =
  /** `to`, where it is typed: the first word, which may be a name or a part of the file's name. */
  | {
    readonly command: "send";
    readonly to: string | undefined;
    readonly file: string;
    readonly isTyped: boolean;
  }
  | { readonly command: "files" }
  | { readonly command: "get"; readonly file: number; readonly as: string | undefined }
  | { readonly command: "cancel"; readonly file: number };

/** An offer, whoever made it. */
interface OfferFields {
  /** What `/get` and `/cancel` take, from 1: the same file has another number in another process. */
  readonly file: number;
  readonly id: string;
  /** The name under which whoever offers it is shown. */
  readonly from: string;
  readonly key: string;
  readonly self: boolean;
  /** Whom it is for; absent where it is for all. */
  readonly to?: string;
  /** Harmless: as it would be saved. */
  readonly name: string;
  readonly size: number;
  readonly digest: string;
}

export interface FileView extends OfferFields {
  readonly state: "offered" | "fetching" | "here";
  readonly bytes: number;
  /** It is to be fetched, after others. */
  readonly waits?: true;
  /** Whom it waits for, or what, in words, where it is fetched and nothing comes. */
  readonly awaited?: string;
  /** The user has declined it, or stopped fetching it, since the start. */
  readonly unwanted?: true;
  /** Where it is, of what is `here`. */
  readonly path?: string;
}

export type FileEvent =
  | OfferFields & {
    readonly event: "offer";
    /** It was known to an earlier process. */
    readonly history?: true;
    /** It is fetched unasked, with `--save`. */
    readonly taken?: true;
    /** It can't be fetched: this is a script without `--save`. */
    readonly unfetchable?: true;
    /** Where it is, of what an earlier process received. */
    readonly path?: string;
  }
  | {
    readonly event: "transfer";
    readonly file: number;
    /** That of the offer. */
    readonly id?: string;
    readonly state: "started" | "progress" | "done" | "failed" | "cancelled";
    /** How many are here and checked. */
    readonly bytes: number;
    /** Those of the offer. */
    readonly name: string;
    readonly from: string;
    readonly size: number;
    /** It is about the user's own offer: that has ended, or, with `to`, somebody says to have fetched it. */
    readonly self?: true;
    /** Who says to have fetched the user's own file, with `done`. */
    readonly to?: string;
    /** Where it was saved, with `done`. */
    readonly path?: string;
    readonly reason?: TransferReason;
    /** What exactly failed, where the disk did. */
    readonly text?: string;
  }
  | { readonly event: "files"; readonly files: readonly FileView[] }
  | DroppedEvent;

/** At a terminal alone: a file was dropped onto it, and the user is asked whether to send it. */
interface DroppedEvent {
  readonly event: "dropped";
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** To whom; absent: to all. */
  readonly to?: string;
}

export function isFileCommand<Other extends { readonly command: string }>(
  command: Other | FileCommand,
): command is FileCommand {
  // A call is cancelled by a command of that name, too, which names no file.
  if (command.command === "cancel") return "file" in command;
  return ["send", "files", "get"].includes(command.command);
}

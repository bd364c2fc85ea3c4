/** A folder that is removed at the end of the block in which it is used. */

export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;

  constructor(options?: Deno.MakeTempOptions) {
    this.path = Deno.makeTempDirSync(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A file in an environment's content-addressed artifact store. Data stays there; only this travels. */
export interface ArtifactRef {
  /** `artifact:sha256/<hex>`; the environment's store resolves it. */
  readonly uri: string;
  /** Lower-case hex sha256 of the bytes. */
  readonly sha256: string;
  readonly bytes: number;
}

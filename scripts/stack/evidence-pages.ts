import { join } from 'node:path';
import type { Environment } from '../../contracts/environments.ts';
import { createEvidenceServer } from '../../console/evidence-server.ts';
import { environmentPaths } from '../../workers/configuration.ts';
import { HOST } from '../dev-server/ports.ts';

export interface EvidencePagesOptions {
  readonly home: string;
  readonly port: number;
  readonly environments: readonly Environment[];
  /** Other places, for the index page. */
  readonly links: readonly { readonly title: string; readonly href: string }[];
}

export interface EvidencePages {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Serves the evidence pages out of the environments' artifact stores, in this process: it only reads files. */
export async function startEvidencePages({
  home,
  port,
  environments,
  links,
}: EvidencePagesOptions): Promise<EvidencePages> {
  const stores = environments.map((environment) => {
    const { artifacts } = environmentPaths(join(home, environment));
    return [environment, (sha256: string) => join(artifacts, sha256.slice(0, 2), sha256)] as const;
  });
  const server = createEvidenceServer({ stores: Object.fromEntries(stores), links });
  await server.listen({ host: HOST, port });
  return { url: `http://${HOST}:${port}`, stop: () => server.close() };
}

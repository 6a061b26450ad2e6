import type { ArtifactEntry, ArtifactFiles } from '../artifact-files.ts';
import type { ArtifactLocation, ArtifactLocations } from '../artifact-locations.ts';
import { heldHere } from '../artifact-locations.ts';
import { cleanArtifactPath, joinArtifactPath } from '../artifact-paths.ts';
import { runIdOf } from './field-rules.ts';
import { RestError } from './rest-errors.ts';
import type { RestRoute } from './route.ts';
import { unlessEmpty } from './tracking-answers.ts';

export interface ArtifactRoutesDeps {
  readonly files: ArtifactFiles;
  readonly locations: ArtifactLocations;
}

/** Lists of artifacts, and ways to upload them that this server does not have. Their bytes: artifact-streams.ts. */
export function createArtifactRoutes({ files, locations }: ArtifactRoutesDeps): RestRoute[] {
  return [
    {
      method: 'GET',
      path: '/mlflow/artifacts/list',
      needs: 'read',
      handle: async ({ fields }) => {
        const path = cleanArtifactPath(fields.optionalText('path') ?? '');
        return listBelow(files, await locations.ofRun(runIdOf(fields)), path);
      },
    },
    {
      method: 'GET',
      path: '/mlflow-artifacts/artifacts',
      needs: 'read',
      handle: async ({ fields }) => {
        const entries = await files.list(cleanArtifactPath(fields.optionalText('path') ?? ''));
        return unlessEmpty(
          'files',
          entries.map((entry) => fileAnswer(entry, '')),
        );
      },
    },
    ...unsupportedRoutes(),
  ];
}

/** What lies in a folder below a root, its paths relative to that root. @throws InvalidInput for a root elsewhere */
export async function listBelow(files: ArtifactFiles, root: ArtifactLocation, path: string): Promise<object> {
  const entries = await files.list(joinArtifactPath(heldHere(root), path));
  return {
    root_uri: root.uri,
    ...unlessEmpty(
      'files',
      entries.map((entry) => fileAnswer(entry, path)),
    ),
  };
}

function fileAnswer({ name, isFolder, bytes }: ArtifactEntry, folder: string): object {
  return { path: joinArtifactPath(folder, name), is_dir: isFolder, ...(isFolder ? {} : { file_size: bytes }) };
}

/** Clients that are told so move the file in one piece, through this server. They know it by the words it begins with. */
function unsupportedRoutes(): RestRoute[] {
  const refuse = (method: RestRoute['method'], path: string, needs: RestRoute['needs']): RestRoute => ({
    method,
    path,
    needs,
    handle: async () => {
      const what = needs === 'read' ? 'download' : 'upload';
      throw new RestError(
        'NOT_IMPLEMENTED',
        `Multipart ${what} is not supported for the current artifact repository; files move in one piece, by mlflow-artifacts/artifacts/<path>`,
      );
    },
  });
  return [
    ...['create', 'complete', 'abort'].flatMap((step) => [
      refuse('POST', `/mlflow-artifacts/mpu/${step}`, 'contribute'),
      refuse('POST', `/mlflow-artifacts/mpu/${step}/*`, 'contribute'),
    ]),
    refuse('GET', '/mlflow-artifacts/presigned/*', 'read'),
    refuse('POST', '/mlflow/artifacts/presigned-upload-url', 'contribute'),
    refuse('POST', '/mlflow/artifacts/presigned-download-url', 'read'),
  ];
}

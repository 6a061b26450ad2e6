import type { ArtifactRef } from '../../contracts/references.ts';
import type { ArtifactStore } from '../artifact-store.ts';
import type { RegistryDatabase } from '../database.ts';
import { requireVersion, type ModelVersion } from '../model-versions.ts';
import { LARGEST_MLMODEL, onnxFileOf } from './mlmodel.ts';
import { pathOfArtifactUri } from './source-guard.ts';

interface FileRow {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number | string;
}

interface Deps {
  readonly db: RegistryDatabase;
  readonly artifacts: ArtifactStore;
}

/** How a version of a client comes by the ONNX file that gates judge and serving serves. */
export function createVersionArtifact(deps: Deps) {
  return {
    /**
     * The ONNX file of a version, looked for when it is not known yet: clients may upload files after they register.
     * What was found once is the version's for good, whatever is uploaded later. Null while there is none.
     *
     * @throws UnknownModel
     */
    resolveVersionArtifact: async (model: string, version: number): Promise<ArtifactRef | null> => {
      const known = await deps.db.read((knex) => requireVersion(knex, model, version));
      if (known.onnx !== null) return known.onnx;
      const found = await findOnnxFile(deps, known.downloadUri ?? known.source);
      return found === undefined ? null : pin(deps, known, found);
    },
  };
}

/** The ONNX file that the `MLmodel` in a folder of artifacts names. */
async function findOnnxFile({ db, artifacts }: Deps, uri: string): Promise<FileRow | undefined> {
  const folder = uri === '' ? undefined : pathOfArtifactUri(uri);
  if (folder === undefined) return undefined;
  const fileAt = (path: string): Promise<FileRow | undefined> =>
    db.read((knex) => knex('artifact_files').where({ path }).first<FileRow | undefined>('path', 'sha256', 'bytes'));
  const mlmodel = await fileAt(`${folder}/MLmodel`);
  if (mlmodel === undefined || Number(mlmodel.bytes) > LARGEST_MLMODEL) return undefined;
  const name = onnxFileOf((await artifacts.readBytes(refOf(mlmodel))).toString('utf8'));
  return name === undefined ? undefined : fileAt(`${folder}/${name}`);
}

/** Binds the file to the version, unless another call did so meanwhile: then that one's file counts. */
async function pin({ db }: Deps, { model, version }: ModelVersion, file: FileRow): Promise<ArtifactRef | null> {
  const { uri, sha256, bytes } = refOf(file);
  return db.write(async (trx) => {
    const unbound = trx('model_versions').where({ model, version }).whereNull('onnx_sha256').whereNull('deleted_at');
    await unbound.update({ onnx_uri: uri, onnx_sha256: sha256, onnx_bytes: bytes, onnx_path: file.path });
    return (await requireVersion(trx, model, version)).onnx;
  });
}

function refOf({ sha256, bytes }: FileRow): ArtifactRef {
  return { uri: `artifact:sha256/${sha256}`, sha256, bytes: Number(bytes) };
}

/**
 * sha256 of the native parts for the platforms where they are known. Elsewhere the digest is recorded when a part is
 * first obtained, over TLS, and held against from then on. Taken from the wheels `duckdb-extension-*` 1.5.5 and
 * `lightgbm` 4.7.0 for manylinux x86_64.
 */
export const PINNED_DIGESTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'linux-x64': {
    'duckdb-extensions/1.5.5/ducklake': 'e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302',
    'duckdb-extensions/1.5.5/postgres_scanner': 'b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c',
    'duckdb-extensions/1.5.5/sqlite_scanner': '693d2bf90779df23ca5ebe0688639b9adfc11c2d55ae3466b33e28be16afaa5e',
    'lightgbm/4.7.0/lib_lightgbm': '573d57e8a2c6290c2271b99b87afa7a802e796eafc9e8d66aefa0913cbc1616a',
  },
};

/** The pinned digest of a part on this platform; undefined where none is known. */
export function pinnedDigest(part: string): string | undefined {
  return PINNED_DIGESTS[`${process.platform}-${process.arch}`]?.[part];
}

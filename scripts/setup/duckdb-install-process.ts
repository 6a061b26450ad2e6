import { DuckDBInstance } from '@duckdb/node-api';
import { firstLine } from '../message-for-person.ts';

/**
 * `<folder> <name>...`: lets DuckDB install its extensions into the folder and prints a path a line. A process of its
 * own, because an INSTALL that waits for the network cannot be interrupted.
 */
async function install(folder: string, names: readonly string[]): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`SET extension_directory = '${folder.replaceAll("'", "''")}'`);
  for (const name of names) await connection.run(`INSTALL ${name}`);
  for (const name of names) {
    const reader = await connection.runAndReadAll(
      `SELECT install_path FROM duckdb_extensions() WHERE extension_name = '${name}'`,
    );
    process.stdout.write(`${String(reader.getRows()[0]?.[0])}\n`);
  }
}

const [folder = '', ...names] = process.argv.slice(2);
await install(folder, names).catch((error: unknown) => {
  process.stderr.write(`${firstLine(error)}\n`);
  process.exitCode = 1;
});

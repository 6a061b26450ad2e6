import { readFileSync } from 'node:fs';
import { createEndpoint, type ProductionModel } from '../../serving/endpoint.ts';
import { loadPredictor } from '../../serving/predictor.ts';

/**
 * The endpoint with one model in Production, which a JSON file names instead of a registry. Prints its address when it
 * serves; ends with its parent.
 */
const model = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProductionModel;
process.stdin.on('end', () => process.exit(0)).resume();
const endpoint = createEndpoint({ productionVersions: () => Promise.resolve([model]), loadPredictor });
await endpoint.start();
process.stdout.write(`${await endpoint.app.listen({ port: 0, host: '127.0.0.1' })}\n`);

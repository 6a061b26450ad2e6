import { beforeEach, inject } from 'vitest';
import { POSTGRES_VARIABLE } from '../registry/test-database.ts';

// Runs before each test file of the project `postgres`: its registries, those of child processes too, are databases of
// the server that the set-up started.
const postgres = inject('postgres');
if ('url' in postgres) process.env[POSTGRES_VARIABLE] = postgres.url;
else beforeEach((context) => context.skip(postgres.missing));

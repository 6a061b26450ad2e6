import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../../workers/configuration.ts';

const COMPLETE = {
  SUPERSTEP_ENVIRONMENT: 'prod',
  SUPERSTEP_ROLE: 'data',
  SUPERSTEP_HOME: '/srv/superstep',
  SUPERSTEP_DUCKDB_EXTENSIONS: '/parts/duckdb',
  LIGHTGBM_LIB: '/parts/lightgbm.so',
  SUPERSTEP_WORKFLOW_BUNDLE: '/parts/bundle.js',
  SUPERSTEP_ENDPOINT_URL: 'http://127.0.0.1:8502',
  SUPERSTEP_EVIDENCE_URL: 'http://127.0.0.1:8234',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
};

describe('readConfiguration', () => {
  it('reads a complete environment; the namespace is the environment unless named', () => {
    expect(readConfiguration(COMPLETE)).toMatchObject({
      environment: 'prod',
      role: 'data',
      home: '/srv/superstep/prod',
      namespace: 'prod',
      temporal: { address: '127.0.0.1:7233' },
    });
    expect(readConfiguration({ ...COMPLETE, TEMPORAL_NAMESPACE: 'flights.prod' }).namespace).toBe('flights.prod');
  });

  it('finds the registry in the folder of the environment, or on a server in a database of its own', () => {
    expect(readConfiguration(COMPLETE).registry).toEqual({ file: '/srv/superstep/prod/registry.sqlite' });
    const at = (url: string) => readConfiguration({ ...COMPLETE, SUPERSTEP_REGISTRY_URL: url }).registry;
    expect(at('')).toEqual({ file: '/srv/superstep/prod/registry.sqlite' });
    expect(at('postgres://s@db:5432/superstep_{environment}')).toEqual({ url: 'postgres://s@db:5432/superstep_prod' });
    expect(() => at('postgres://s@db/superstep')).toThrow('all environments would share one database');
    expect(() => at('mysql://s@db/superstep_{environment}')).toThrow('no address of PostgreSQL');
  });

  it('passes on TLS and keys from the standard variables', () => {
    const { temporal } = readConfiguration({ ...COMPLETE, TEMPORAL_API_KEY: 'secret', TEMPORAL_TLS: 'true' });
    expect(temporal).toMatchObject({ apiKey: 'secret', address: '127.0.0.1:7233' });
    expect(temporal.tls).toBeTruthy();
  });

  it('names every variable that is missing or wrong', () => {
    const { LIGHTGBM_LIB: _, ...incomplete } = COMPLETE;
    expect(() => readConfiguration({ ...incomplete, SUPERSTEP_ROLE: 'cook' })).toThrow(/SUPERSTEP_ROLE.*LIGHTGBM_LIB/);
  });
});

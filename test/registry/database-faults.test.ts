import { describe, expect, it } from 'vitest';
import { asRegistryError } from '../../registry/database/faults.ts';
import { withoutPassword } from '../../registry/database/postgres.ts';

describe('an error of a database', () => {
  const fault = (fields: object): Error => Object.assign(new Error('found'), fields);
  const passing = [
    'SQLITE_BUSY',
    'SQLITE_FULL',
    '08006',
    '40001',
    '40P01',
    '53100',
    '53300',
    '55P03',
    '57P01',
    '57P03',
  ];
  it.each([...passing, '25P03', 'ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN'])('%s passes by itself', (code) => {
    expect(asRegistryError(fault({ code }), { file: 'f' })).toMatchObject({ type: 'RegistryUnavailable' });
  });

  it.each(['SQLITE_CONSTRAINT', 'SQLITE_CORRUPT', '23505', '42P01', '28P01', '3D000', 'ENOENT'])('%s stays', (code) => {
    const error = fault({ code });
    expect(asRegistryError(error, { file: 'f' })).toBe(error);
  });
});

describe('withoutPassword', () => {
  it.each([
    ['postgres://u:secret@h:5/db?sslmode=require', 'postgres://u@h:5/db?sslmode=require'],
    ['postgres://h/db?password=secret&user=u', 'postgres://h/db?user=u'],
    ['not a url: secret', 'SUPERSTEP_REGISTRY_URL'],
  ])('%s', (url, shown) => expect(withoutPassword(url)).toBe(shown));
});

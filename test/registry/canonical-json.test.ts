import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256Hex } from '../../registry/canonical-json.ts';

describe('canonicalJson', () => {
  it('sorts keys at every depth and leaves out what has no value', () => {
    expect(canonicalJson({ b: [{ y: 1, x: undefined, a: null }], a: 'é"' })).toBe(
      '{"a":"é\\"","b":[{"a":null,"y":1}]}',
    );
  });

  it('gives the same text for the same content, and content that parses back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(reversed(value))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('writes dates as JSON does, and refuses what JSON cannot say, with its place', () => {
    expect(canonicalJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    expect(() => canonicalJson({ auc: [Number.NaN] })).toThrow('$.auc[0] is NaN');
    expect(() => canonicalJson([1n])).toThrow('$[0] is a bigint');
    expect(() => canonicalJson([undefined])).toThrow('$[0] is a undefined');
  });
});

describe('sha256Hex', () => {
  it('agrees with FIPS 180-4', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(sha256Hex('abc')).toBe(abc);
    expect(sha256Hex(Buffer.from('abc'))).toBe(abc);
  });
});

/** The same content, keys inserted the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  );
}

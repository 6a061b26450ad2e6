import { describe, expect, it } from 'vitest';
import { requireAlias, requireModelName, requireTag } from '../../../registry/models/model-names.ts';

describe('names that clients may write', () => {
  it('takes usual model names', () => {
    for (const name of ['delays', 'm 1', 'é', '遅延', 'задержка', 'a.b-c_d', 'x'.repeat(257), 'm..x'])
      expect(() => requireModelName(name)).not.toThrow();
  });

  it.each(['', '  ', 'a/b', 'a:b', '.', '..', 'deleted/delays/1', 'a\u0000b', 'x'.repeat(2_000)])(
    'refuses model %.30j',
    (name) => {
      expect(() => requireModelName(name)).toThrow(expect.objectContaining({ type: 'InvalidInput' }));
    },
  );

  it.each([
    [' delays', 'white space'],
    ['delays ', 'white space'],
    ['de\u200blays', 'U+200B'],
    ['\ufeffdelays', 'white space'],
    ['de\u00adlays', 'U+00AD'],
    ['delays\u202e', 'U+202E'],
    ['delays\u3164', 'U+3164'],
    ['de\u2028lays', 'U+2028'],
    ['de\u00a0lays', 'U+00A0'],
    ['delays\u2800', 'U+2800'],
    ['ｄelays', 'write it as "delays"'],
    ['ﬂights', 'write it as "flights"'],
    ['e\u0301', 'write it as "é"'],
  ])('refuses model %j, which reads like another one', (name, why) => {
    expect(() => requireModelName(name)).toThrow(
      expect.objectContaining({ type: 'InvalidInput', message: expect.stringContaining(why) as string }),
    );
  });

  it.each(['latest', 'LATEST', 'v1', 'V22', 'a b', '', 'a/b', 'x'.repeat(256), 'é'])('refuses alias %.30j', (alias) => {
    expect(() => requireAlias(alias)).toThrow(expect.objectContaining({ type: 'InvalidInput' }));
  });

  it.each(['production', 'Staging', 'ARCHIVED', 'none', 'Production', 'ｐroduction', 'ſtaging'])(
    'refuses the alias %j, which would be read as a stage',
    (alias) => {
      expect(() => requireAlias(alias)).toThrow(expect.objectContaining({ type: 'InvalidInput' }));
    },
  );

  it('takes aliases, and tags up to their length', () => {
    for (const alias of ['champion', 'v', 'v1a', 'x'.repeat(255), '_-', 'production-eu', 'nonesuch'])
      expect(() => requireAlias(alias)).not.toThrow();
    expect(() => requireTag('k'.repeat(250), 'v'.repeat(100_000))).not.toThrow();
    expect(() => requireTag('k'.repeat(251))).toThrow('250');
    expect(() => requireTag('k', 'v'.repeat(100_001))).toThrow('100000');
    expect(() => requireTag('')).toThrow('key');
  });
});

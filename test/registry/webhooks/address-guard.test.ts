import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isListed, isPublicAddress, parseTarget } from '../../../registry/webhooks/address-guard.ts';

/** IANA's special-purpose blocks of IPv4, and multicast: first address and bits. */
const SPECIAL_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** Not special to IANA's readers, or only now and then: never asked about. */
const DISPUTED_V4: readonly (readonly [string, number])[] = [
  ['168.63.129.16', 32],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.175.48.0', 24],
];

const number = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
const isIn = (value: number, blocks: typeof SPECIAL_V4): boolean =>
  blocks.some(([first, bits]) => Math.floor(value / 2 ** (32 - bits)) === Math.floor(number(first) / 2 ** (32 - bits)));
const inBlock = ([first, bits]: readonly [string, number]) =>
  fc.nat({ max: 2 ** (32 - bits) - 1 }).map((offset) => number(first) + offset);

describe('addresses', () => {
  it('of IPv4 are public unless in a special-purpose block', () => {
    const address = fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), ...SPECIAL_V4.map(inBlock));
    fc.assert(
      fc.property(address, (value) => {
        fc.pre(!isIn(value, DISPUTED_V4));
        expect(isPublicAddress(dotted(value)), dotted(value)).toBe(!isIn(value, SPECIAL_V4));
      }),
      { numRuns: 5000 },
    );
  });

  it('of IPv4 inside of IPv6 are no better than by themselves', () => {
    fc.assert(
      fc.property(fc.oneof(...SPECIAL_V4.map(inBlock)), (value) => {
        const hex = value.toString(16).padStart(8, '0');
        const [high, low] = [hex.slice(0, 4), hex.slice(4)];
        const forms = [
          `::ffff:${dotted(value)}`,
          `::ffff:${high}:${low}`,
          `::${high}:${low}`,
          `64:ff9b::${high}:${low}`,
        ];
        for (const form of [...forms, `2002:${high}:${low}::1`]) expect(isPublicAddress(form), form).toBe(false);
      }),
    );
  });

  it('of IPv6 are public only inside of 2000::/3', () => {
    const words = fc.array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(words, ([first = 0, ...rest]) => {
        fc.pre(first >> 13 !== 1);
        expect(isPublicAddress([first, ...rest].map((word) => word.toString(16)).join(':'))).toBe(false);
      }),
    );
    for (const address of [
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
      'fec0::1',
      'ff02::1',
      '2001:db8::1',
      '2001::1',
    ])
      expect(isPublicAddress(address), address).toBe(false);
    for (const address of ['2606:4700::1111', '2a00:1450:4001::1']) expect(isPublicAddress(address)).toBe(true);
  });

  it.each(['169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192'])(
    'where clouds keep secrets are refused: %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(false);
    },
  );

  it.each([
    '',
    'localhost',
    '127.1',
    '0x7f000001',
    '2130706433',
    '010.0.0.1',
    '1.1.1.1 ',
    '1.1.1.1%eth0',
    'fe80::1%eth0',
  ])('that are no plain addresses are not public: %j', (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });

  it('are listed by themselves, in a block, in either spelling, or by their host', () => {
    expect(isListed('x', '10.1.2.3', ['10.0.0.0/8'])).toBe(true);
    expect(isListed('x', '::ffff:10.1.2.3', ['10.0.0.0/8'])).toBe(true);
    expect(isListed('x', '11.1.2.3', ['10.0.0.0/8'])).toBe(false);
    expect(isListed('x', 'fd00::1', ['10.0.0.0/8', 'fd00:0::0:1'])).toBe(true);
    expect(isListed('hooks.internal', '10.1.2.3', ['hooks.internal'])).toBe(true);
    expect(isListed('hooks.internal.example.com', '10.1.2.3', ['hooks.internal', 'example.com'])).toBe(false);
    expect(isListed('x', '10.1.2.3', [])).toBe(false);
  });
});

describe('targets', () => {
  const refused = expect.objectContaining({ type: 'InvalidInput' }) as Error;
  it.each([
    'http://example.com/x',
    'ftp://example.com/x',
    'file:///etc/passwd',
    'https://user:word@example.com/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://169.254.169.254/latest/meta-data',
    'https://0/',
    `https://example.com/${'x'.repeat(3000)}`,
    'nothing',
    '',
  ])('%s is refused', (url) => {
    expect(() => parseTarget(url, { allow: [] })).toThrow(refused);
  });

  it('may be plain http only where the policy lists them', () => {
    expect(parseTarget('https://example.com/x', { allow: [] }).host).toBe('example.com');
    expect(parseTarget('http://127.0.0.1:8080/x', { allow: ['127.0.0.0/8'] }).port).toBe('8080');
    expect(parseTarget('http://hooks.internal/x', { allow: ['hooks.internal'] }).host).toBe('hooks.internal');
    expect(() => parseTarget('http://8.8.8.8/x', { allow: ['127.0.0.0/8'] })).toThrow(refused);
    expect(() => parseTarget('http://example.com/x', { allow: ['hooks.internal'] })).toThrow(refused);
  });
});

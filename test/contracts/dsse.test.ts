import { createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DsseEnvelope,
  isSignedBy,
  payloadOf,
  preAuthEncoding,
  readEnvelope,
  signEnvelope,
} from '../../contracts/dsse.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

// RFC 8032, section 7.1: seed, public key, message, signature.
const RFC_8032 = [
  {
    test: 'TEST 1',
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    test: 'TEST 2',
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    test: 'TEST 3',
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
] as const;
const [ONE, TWO] = RFC_8032;

// The DSSE project's Ed25519 vectors with one signature (github.com/secure-systems-lab/dsse, testvectors/vectors.json at
// 82043ad), made with the keys of RFC 8032's first two tests.
const IN_TOTO = 'application/vnd.in-toto+json';
const STATEMENT = 'eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==';
const PAE_OF_STATEMENT =
  '445353457631203238206170706c69636174696f6e2f766e642e696e2d746f746f2b6a736f6e203433207b225f74797065223a2268747470733a2f2f696e2d746f746f2e696f2f53746174656d656e742f7631227d';
const SIGNATURE_A = '2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==';
const SIGNATURE_B = 'c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==';
const DSSE_VECTORS = [
  { id: 'single-signature', type: IN_TOTO, payload: STATEMENT, sig: SIGNATURE_A, pae: PAE_OF_STATEMENT },
  {
    id: 'url-safe-base64',
    type: IN_TOTO,
    payload: '-_-_Pj8=',
    sig: 'P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw==',
    pae: '445353457631203238206170706c69636174696f6e2f766e642e696e2d746f746f2b6a736f6e203520fbffbf3e3f',
  },
  {
    id: 'non-ascii-payload-type',
    type: 'application/vnd.exämple+json',
    payload: STATEMENT,
    sig: 'xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==',
    pae: '445353457631203239206170706c69636174696f6e2f766e642e6578c3a46d706c652b6a736f6e203433207b225f74797065223a2268747470733a2f2f696e2d746f746f2e696f2f53746174656d656e742f7631227d',
  },
  {
    id: 'empty-payload',
    type: IN_TOTO,
    payload: '',
    sig: 'gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==',
    pae: '445353457631203238206170706c69636174696f6e2f766e642e696e2d746f746f2b6a736f6e203020',
  },
] as const;

function envelope(payload: unknown, sig: unknown, payloadType: unknown = IN_TOTO): unknown {
  return { payloadType, payload, signatures: [{ keyid: 'A', sig }] };
}

function readGood(value: unknown): DsseEnvelope {
  const read = readEnvelope(value);
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}

describe('signatures', () => {
  it.each(RFC_8032)('are those of RFC 8032, $test', ({ seed, publicKey, message, signature }) => {
    expect(hex(ed25519.getPublicKey(bytes(seed)))).toBe(publicKey);
    expect(hex(ed25519.sign(bytes(message), bytes(seed)))).toBe(signature);
    expect(ed25519.verify(bytes(signature), bytes(message), bytes(publicKey), { zip215: false })).toBe(true);
  });

  it.each(DSSE_VECTORS)('of the DSSE vector $id hold, and of its key alone', ({ type, payload, sig, pae }) => {
    const read = readGood(envelope(payload, sig, type));
    expect(hex(preAuthEncoding(read.payloadType, payloadOf(read)))).toBe(pae);
    expect(isSignedBy(read, ONE.publicKey)).toBe(true);
    expect(isSignedBy(read, TWO.publicKey)).toBe(false);
  });

  it('of the DSSE vectors fail where the vectors say so', () => {
    // payload-type-swapped, and empty-payload-type.
    const swapped = readGood(envelope(STATEMENT, SIGNATURE_A, 'application/vnd.example.other+json'));
    expect(isSignedBy(swapped, ONE.publicKey)).toBe(false);
    expect(readEnvelope(envelope(STATEMENT, SIGNATURE_A, '')).ok).toBe(false);
  });

  it('cover what the protocol prints, also by its own P-256 signature', () => {
    // protocol.md 1.0.2, "Test Vectors".
    const encoded = preAuthEncoding('http://example.com/HelloWorld', new TextEncoder().encode('hello world'));
    expect(Buffer.from(encoded).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    const coordinate = (decimal: string): string =>
      Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
    const key = createPublicKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: coordinate('46950820868899156662930047687818585632848591499744589407958293238635476079160'),
        y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
      },
    });
    const sig = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==';
    const options = { key, dsaEncoding: 'ieee-p1363' } as const;
    expect(nodeVerify('sha256', encoded, options, Buffer.from(sig, 'base64'))).toBe(true);
  });

  it('made by node hold here and the reverse; no changed bit does', () => {
    const privateKey = createPrivateKey({
      // PKCS #8 of an Ed25519 seed, RFC 8410.
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes(ONE.seed)]),
      format: 'der',
      type: 'pkcs8',
    });
    const sign = (message: Uint8Array): Uint8Array => nodeSign(null, message, privateKey);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(64 * 8 - 1), fc.nat(), (payload, bit, other) => {
        const signed = readGood(signEnvelope(IN_TOTO, payload, { keyId: 'A', sign }));
        expect(isSignedBy(signed, ONE.publicKey)).toBe(true);
        const here = ed25519.sign(preAuthEncoding(IN_TOTO, payload), bytes(ONE.seed));
        expect(Buffer.from(here).toString('base64')).toBe(signed.signatures[0].sig);
        const flipped = (text: string, at: number): string => {
          const raw = Buffer.from(text, 'base64');
          raw[at >> 3] = (raw[at >> 3] ?? 0) ^ (1 << (at & 7));
          return raw.toString('base64');
        };
        const forged = readGood(envelope(signed.payload, flipped(signed.signatures[0].sig, bit)));
        expect(isSignedBy(forged, ONE.publicKey)).toBe(false);
        if (payload.length === 0) return;
        const changed = readGood(
          envelope(flipped(signed.payload, other % (payload.length * 8)), signed.signatures[0].sig),
        );
        expect(isSignedBy(changed, ONE.publicKey)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  it('have one spelling: neither S + L nor a key of small order passes', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const raw = bytes(ONE.signature);
    const s = BigInt(`0x${hex(raw.slice(32).reverse())}`) + order;
    const beyond = Buffer.concat([raw.slice(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()]);
    expect(ed25519.verify(new Uint8Array(beyond), bytes(''), bytes(ONE.publicKey), { zip215: false })).toBe(false);
    const identity = `01${'00'.repeat(31)}`;
    const nothing = readGood(
      envelope(STATEMENT, Buffer.from(`${identity}${'00'.repeat(32)}`, 'hex').toString('base64')),
    );
    expect(isSignedBy(nothing, identity)).toBe(false);
    for (const key of ['', 'zz', ONE.publicKey.slice(2), 'ff'.repeat(32)])
      expect(isSignedBy(readGood(envelope(STATEMENT, SIGNATURE_A)), key)).toBe(false);
  });
});

describe('readEnvelope', () => {
  it.each([
    ['nothing', undefined],
    ['text', '{"payload":""}'],
    ['no type', { payload: STATEMENT, signatures: [{ keyid: 'A', sig: SIGNATURE_A }] }],
    ['a type that is a number', envelope(STATEMENT, SIGNATURE_A, 7)],
    ['a payload that is no text', envelope([STATEMENT], SIGNATURE_A)],
    ['a payload without its padding', envelope(STATEMENT.slice(0, -2), SIGNATURE_A)],
    ['a payload with more padding', envelope(`${STATEMENT}==`, SIGNATURE_A)],
    ['a payload with white space', envelope(`${STATEMENT}\n`, SIGNATURE_A)],
    ['a payload with bits that say nothing', envelope('-_-_Pj9=', SIGNATURE_A)],
    ['a payload in two alphabets', envelope('+_-_Pj8=', SIGNATURE_A)],
    ['a payload of a megabyte', envelope('A'.repeat(1 << 20), SIGNATURE_A)],
    ['no signature', { payloadType: IN_TOTO, payload: STATEMENT, signatures: [] }],
    ['signatures that are no list', { payloadType: IN_TOTO, payload: STATEMENT, signatures: { length: 1 } }],
    [
      'a second signature',
      {
        payloadType: IN_TOTO,
        payload: STATEMENT,
        signatures: [
          { keyid: 'A', sig: SIGNATURE_A },
          { keyid: 'B', sig: SIGNATURE_B },
        ],
      },
    ],
    ['a signature that is null', { payloadType: IN_TOTO, payload: STATEMENT, signatures: [null] }],
    ['a signature without a key', { payloadType: IN_TOTO, payload: STATEMENT, signatures: [{ sig: SIGNATURE_A }] }],
    ['a signature of 63 bytes', envelope(STATEMENT, Buffer.alloc(63).toString('base64'))],
    ['a signature of 65 bytes', envelope(STATEMENT, Buffer.alloc(65).toString('base64'))],
  ])('says what is wrong with %s', (_, value) => {
    const read = readEnvelope(value);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.problem).not.toBe('');
  });

  it('takes anything, and what it takes has one spelling', () => {
    const part = fc.oneof(fc.constantFrom(STATEMENT, SIGNATURE_A, '', 'A'), fc.base64String(), fc.anything());
    const value = fc.oneof(
      fc.record({ payloadType: part, payload: part, signatures: fc.array(fc.record({ keyid: part, sig: part })) }),
      fc.anything(),
    );
    fc.assert(
      fc.property(value, (given) => {
        const read = readEnvelope(given);
        if (read.ok) expect(readEnvelope(read.value)).toEqual(read);
      }),
      { numRuns: 1_000 },
    );
  });

  it('leaves out what it does not know, as DSSE wants it', () => {
    const read = readGood({ ...(envelope(STATEMENT, SIGNATURE_A) as object), unknown: 1 });
    expect(Object.keys(read).sort()).toEqual(['payload', 'payloadType', 'signatures']);
  });
});

import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { digest, hmac, toBase64, toHex, type DigestName } from './digest.js';

const NAMES: DigestName[] = ['md5', 'sha1', 'sha256', 'sha512'];

describe('digests in plain JavaScript', () => {
  it.each(NAMES)('%s equals the platform, at every length around a block boundary', (name) => {
    for (let length = 0; length <= 260; length++) {
      const text = 'ä'.repeat(length % 3) + 'x'.repeat(length);
      expect(toHex(digest(name, text))).toBe(createHash(name).update(text).digest('hex'));
    }
  });

  it.each(NAMES)('hmac with %s equals the platform for any text and key', (name) => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 });
    fc.assert(
      fc.property(text, text, (message, key) => {
        expect(toBase64(hmac(name, message, key))).toBe(createHmac(name, key).update(message).digest('base64'));
      }),
      { numRuns: 50 },
    );
  });
});

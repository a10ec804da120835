import { digest, hmac, toBase64, toHex, type DigestName } from '../digest.js';
import { textOf, type Filter, type FilterGroup } from './filter.js';

type Encode = (bytes: Uint8Array) => string;

function hashed(name: DigestName): Filter {
  return function (value) {
    return toHex(digest(name, textOf(this, value)));
  };
}

function signed(name: DigestName, encode: Encode): Filter {
  return function (value, key) {
    return encode(hmac(name, textOf(this, value), textOf(this, key)));
  };
}

const base64: Filter = function (value) {
  return toBase64(new TextEncoder().encode(textOf(this, value)));
};

/** Braze's encoding filters; `hmac_sha1` and `hmac_sha256` are their former names of the hexadecimal ones. */
export const digestFilters: FilterGroup = {
  md5: hashed('md5'),
  sha1: hashed('sha1'),
  sha2: hashed('sha256'),
  sha256: hashed('sha256'),
  base64,
  base64_encode: base64,
  hmac_sha1: signed('sha1', toHex),
  hmac_sha1_hex: signed('sha1', toHex),
  hmac_sha1_base64: signed('sha1', toBase64),
  hmac_sha256: signed('sha256', toHex),
  hmac_sha256_hex: signed('sha256', toHex),
  hmac_sha256_base64: signed('sha256', toBase64),
  hmac_sha512: signed('sha512', toHex),
  hmac_sha512_hex: signed('sha512', toHex),
  hmac_sha512_base64: signed('sha512', toBase64),
};

import { MASK, maskHeaders, maskUrl, withAddedHeaders } from './request-headers.js';

const facts = { deliveryId: 'd1', timestamp: 1_700_000_000, depth: 0, userAgent: 'Itinera/1' };

describe('headers that are added', () => {
  it('beside the author’s', () => {
    expect(withAddedHeaders({ 'X-Mine': '1' }, facts)).toEqual({
      'X-Mine': '1',
      'webhook-id': 'd1',
      'webhook-timestamp': '1700000000',
      'Idempotency-Key': 'd1',
      'User-Agent': 'Itinera/1',
      'X-Itinera-Depth': '0',
    });
  });

  it('the author’s own of the same name wins, in any spelling; except depth', () => {
    const headers = withAddedHeaders({ 'idempotency-key': 'mine', 'USER-AGENT': 'me', 'x-itinera-depth': '9' }, facts);
    expect(headers).toMatchObject({ 'idempotency-key': 'mine', 'USER-AGENT': 'me', 'X-Itinera-Depth': '0' });
    expect(Object.keys(headers).filter((name) => /idempotency|user-agent|depth/i.test(name))).toHaveLength(3);
  });
});

describe('what is shown', () => {
  it('has no secrets', () => {
    expect(
      maskHeaders({
        Authorization: 'Bearer abc',
        Cookie: 'sid=1',
        'X-Api-Key': 'k',
        'x-auth-token': 't',
        'set-cookie': ['a=1', 'b=2'],
        'Content-Type': 'text/plain',
        'Idempotency-Key': 'd1',
      }),
    ).toEqual({
      Authorization: `Bearer ${MASK}`,
      Cookie: MASK,
      'X-Api-Key': MASK,
      'x-auth-token': MASK,
      'set-cookie': MASK,
      'Content-Type': 'text/plain',
      'Idempotency-Key': 'd1',
    });
  });

  it('nor in URLs', () => {
    expect(maskUrl('https://u:pw@x.test/a?api_key=1&page=2')).toBe('https://u:masked@x.test/a?api_key=masked&page=2');
    expect(maskUrl('https://x.test/a?q=ä b')).toBe('https://x.test/a?q=ä b');
  });
});

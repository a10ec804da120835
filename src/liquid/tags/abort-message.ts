import { Tag, type Liquid, type TagToken, type TopLevelToken } from 'liquidjs';

/** Thrown out of a render by `{% abort_message('why') %}`: the message is not to be sent, and why. */
export class Abort extends Error {
  override readonly name = 'Abort';
}

const DEFAULT_REASON = 'aborted by the template';

/** `{% abort_message('why') %}`, `{% abort_message "why" %}`, `{% abort_message() %}`. The reason is a literal (Braze). */
export class AbortMessageTag extends Tag {
  private readonly reason: string;

  constructor(token: TagToken, rest: TopLevelToken[], liquid: Liquid) {
    super(token, rest, liquid);
    const match = /^\(?\s*(?:(["'])(.*)\1)?\s*\)?$/s.exec(token.args.trim());
    if (!match || match[2]?.includes(match[1]!)) throw new Error('the reason of abort_message is one quoted text');
    this.reason = match[2] ?? DEFAULT_REASON;
  }

  // eslint-disable-next-line require-yield -- a tag renders as a generator
  *render(): Generator<unknown, void, unknown> {
    throw new Abort(this.reason);
  }
}

import { CaptureTag, type Context } from 'liquidjs';
import { CappedEmitter } from '../limits.js';

/** `capture` whose text counts against the limits: liquidjs itself does not charge it. */
export class LimitedCaptureTag extends CaptureTag {
  override *render(context: Context): Generator<unknown, void, unknown> {
    const emitter = new CappedEmitter();
    yield this.liquid.renderer.renderTemplates(this.templates, context, emitter);
    context.memoryLimit.use(emitter.buffer.length);
    (context.bottom() as Record<string, unknown>)[this.variable] = emitter.buffer;
  }
}

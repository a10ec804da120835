import { pino } from 'pino';
import { NestLogger } from './logging.js';

function logged(write: (logger: NestLogger) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(
    new NestLogger(
      pino({ level: 'info', base: undefined, timestamp: false }, { write: (line: string) => void lines.push(line) }),
    ),
  );
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the logger', () => {
  it('writes message, details and room as one line', () => {
    expect(logged((logger) => logger.log('tick', { entries: 3 }, 'Engine'))).toEqual([
      { level: 30, room: 'Engine', entries: 3, msg: 'tick' },
    ]);
  });

  it('keeps the whole error, its code and its cause', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    const [line] = logged((logger) => logger.error('batch failed', error, 'Engine'));
    expect(line).toMatchObject({ level: 50, room: 'Engine', msg: 'batch failed', err: { message: 'outer: inner' } });
    expect(JSON.stringify(line)).toContain('logging.spec');
  });

  it('takes an error as the message', () => {
    expect(logged((logger) => logger.warn(new Error('lost'), 'Delivery'))[0]).toMatchObject({
      msg: 'lost',
      room: 'Delivery',
      err: { message: 'lost' },
    });
  });

  it('leaves out what is below the level', () => {
    expect(logged((logger) => logger.debug('detail', 'Engine'))).toEqual([]);
  });
});

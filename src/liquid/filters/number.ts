import type { Token } from 'liquidjs';
import { plainText, textOf, type FilterGroup } from './filter.js';

function numberOf(value: unknown): number {
  const number = Number(typeof value === 'string' ? value.trim() || NaN : (value ?? NaN));
  return Number.isFinite(number) ? number : 0;
}

function delimited(digits: string, delimiter: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, delimiter);
}

/** A number as the template's author wrote it: `2.0` and `2` are one value but not one text. */
function isWritten(arg: unknown, pattern: RegExp): boolean {
  return typeof arg === 'object' && arg !== null && 'getText' in arg && pattern.test((arg as Token).getText());
}

export const numberFilters: FilterGroup = {
  /** `123456` → `123,456`. What is not a number stays as it is. */
  number_with_delimiter(value, delimiter) {
    const text = textOf(this, value);
    const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
    if (!match) return text;
    return `${match[1]}${delimited(match[2]!, plainText(delimiter ?? ','))}${match[3] ?? ''}`;
  },
  /** Two decimals and thousands set off: `1234.5` → `1,234.50`. No division by 100, no sign of a currency. */
  money(value) {
    const [whole, cents] = Math.abs(numberOf(value)).toFixed(2).split('.') as [string, string];
    return `${numberOf(value) < 0 ? '-' : ''}${delimited(whole, ',')}.${cents}`;
  },
  /** Two whole numbers divide to a whole number, as in Ruby: `7 | divided_by: 2` is 3, `7 | divided_by: 2.0` is 3.5. */
  divided_by(value, divisor) {
    const [dividend, by] = [numberOf(value), numberOf(divisor)];
    if (by === 0) throw new Error('divided by 0');
    const whole = Number.isInteger(dividend) && Number.isInteger(by) && !isWritten(this.token.args[0], /\./);
    return whole ? Math.floor(dividend / by) : dividend / by;
  },
  modulo(value, divisor) {
    const [dividend, by] = [numberOf(value), numberOf(divisor)];
    if (by === 0) throw new Error('divided by 0');
    return ((dividend % by) + by) % by;
  },
};
